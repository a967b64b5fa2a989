//! Lists that are told apart by a number, so that who keeps what follows from one can tell whether another is the same
//! without holding it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A list that is made once and handed around. All copies of it have a number that no other list of this process has;
/// lists without items have the number 0.
#[derive(Debug, Clone)]
pub struct Numbered<T> {
    number: u64,
    items: Arc<[T]>,
}

impl<T> Numbered<T> {
    /// The number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { number: 0, items: Arc::new([]) }
    }
}

impl<T> FromIterator<T> for Numbered<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let items: Arc<[T]> = items.into_iter().collect();
        let next = || LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Self { number: if items.is_empty() { 0 } else { next() }, items }
    }
}

impl<T> Deref for Numbered<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_list_have_its_number_and_lists_of_equal_items_have_not() {
        let list: Numbered<u8> = [1, 2].into_iter().collect();
        let alike: Numbered<u8> = [1, 2].into_iter().collect();
        assert_eq!((list.number(), &*list), (list.clone().number(), [1, 2].as_slice()));
        assert_ne!(list.number(), alike.number());
        let none: Numbered<u8> = [].into_iter().collect();
        assert_eq!((none.number(), none.len()), (Numbered::<u8>::default().number(), 0));
    }
}
