//! Fixed-size fields in byte strings: read in order with bounds checked, or copied to a place.

/// Reads fields one after the other; `None` as soon as too few bytes are left.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// A reader at the beginning of the bytes.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.array_ref().copied()
    }

    /// The next `N` bytes where they lie.
    pub(super) fn array_ref<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(head)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// The next four bytes, most significant first.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next eight bytes, most significant first.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Copies bytes to a place of a buffer. A place outside of the buffer is left alone: the places are
/// constants of the format, and the tests of each format read back every field.
pub(super) fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = buffer.get_mut(at..).and_then(|tail| tail.get_mut(..bytes.len())) {
        target.copy_from_slice(bytes);
    }
}
