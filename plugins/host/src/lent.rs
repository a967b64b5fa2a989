//! Texts that a plugin borrows for the length of one call.

use std::cell::Cell;

use guanxi_plugin_abi::guanxi_str;

/// Bytes for short texts, which are the rule.
const ROOM: usize = 2_048;

thread_local! {
    /// The room of the last call on this thread, for the next one, so that most calls allocate nothing.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The texts of one call. None of them moves before it is over.
#[derive(Debug, Default)]
pub(crate) struct Lent {
    /// Short texts, one behind the other; it never grows beyond what it can hold.
    room: Vec<u8>,
    others: Vec<Box<str>>,
}

impl Lent {
    /// No texts yet, with the room of the call before.
    pub fn take() -> Self {
        Self { room: SPARE.take(), others: Vec::new() }
    }

    /// The call is over, and nobody borrows anything any more.
    pub fn give_back(mut self) {
        self.room.clear();
        SPARE.set(self.room);
    }

    /// Keeps a text, and gives a view of it.
    pub fn lend(&mut self, text: &str) -> guanxi_str {
        if self.room.capacity() == 0 {
            self.room.reserve_exact(ROOM);
        }
        if self.room.capacity().saturating_sub(self.room.len()) < text.len() {
            return self.lend_own(text.into());
        }
        let begin = self.room.len();
        self.room.extend_from_slice(text.as_bytes());
        let kept = self.room.get(begin..).and_then(|bytes| std::str::from_utf8(bytes).ok());
        kept.map_or(guanxi_str::EMPTY, guanxi_str::of)
    }

    /// Keeps a text that was made for it, and gives a view of it.
    pub fn lend_own(&mut self, text: Box<str>) -> guanxi_str {
        self.others.push(text);
        self.others.last().map_or(guanxi_str::EMPTY, |text| guanxi_str::of(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(view: guanxi_str) -> String {
        // SAFETY: what was lent stays as long as the texts do.
        let bytes = unsafe { std::slice::from_raw_parts(view.data.cast::<u8>(), view.length) };
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn texts_stay_where_they_are_however_many_and_long_they_are() {
        for round in 0..3 {
            let mut lent = Lent::take();
            let texts: Vec<String> = (0..400).map(|number| "关系".repeat(number % 90 + round)).collect();
            let views: Vec<guanxi_str> = texts.iter().map(|text| lent.lend(text)).collect();
            assert_eq!(views.into_iter().map(read).collect::<Vec<_>>(), texts);
            lent.give_back();
        }
    }
}
