//! What the engine promises, sentence by sentence, through its public doors.

#[cfg(test)]
mod access;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod opportunity;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod writes;
