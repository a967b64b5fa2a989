//! What never changes: the numbers of errors in C, and the bytes of databases that older versions wrote.

#[cfg(test)]
mod sample;
#[cfg(test)]
mod status;
