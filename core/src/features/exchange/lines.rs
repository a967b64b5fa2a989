//! On which line of a file a row begins: lines are counted while their bytes go by.
//!
//! The CSV parser ends a row at the carriage return of CRLF and skips blank lines later, so that its own
//! count lags behind; here a row's line is that of its first byte of text.

use std::collections::VecDeque;
use std::io::{self, Read};

/// A reader that notes where the lines with text begin.
pub(super) struct Lines<R> {
    input: R,
    /// Bytes that have gone by.
    offset: u64,
    /// The line of the next byte, from 1.
    line: u64,
    /// Whether that line has had no text so far.
    blank: bool,
    /// Lines with text that nobody has asked for yet: offset of the first byte of text, and line.
    begun: VecDeque<(u64, u64)>,
}

impl<R> Lines<R> {
    pub fn new(input: R) -> Self {
        Self { input, offset: 0, line: 1, blank: true, begun: VecDeque::new() }
    }

    /// The line of the first text at or behind an offset. Offsets rise from call to call.
    pub fn line_at(&mut self, offset: u64) -> u64 {
        while self.begun.front().is_some_and(|(begin, _)| *begin < offset) {
            self.begun.pop_front();
        }
        self.begun.front().map_or(self.line, |(_, line)| *line)
    }

    fn pass(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.line = self.line.saturating_add(1);
                self.blank = true;
            }
            b'\r' => {}
            _ if self.blank => {
                self.begun.push_back((self.offset, self.line));
                self.blank = false;
            }
            _ => {}
        }
        self.offset = self.offset.saturating_add(1);
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        buffer.iter().take(count).for_each(|byte| self.pass(*byte));
        Ok(count)
    }
}
