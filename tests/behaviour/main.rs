//! What the engine promises, sentence by sentence, through its public doors.

#[cfg(test)]
mod access;
#[cfg(test)]
mod queries;
