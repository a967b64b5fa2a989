//! Where the pages of an encrypted file lie: five blocks of head, then groups of entries and data.

use crate::storage::superblock::BLOCK;

/// Length of a block as a file offset.
pub(super) const BLOCK_BYTES: u64 = BLOCK as u64;
/// Blocks before the first group: two superblocks, two header slots, one reserved.
pub(super) const HEAD_BLOCKS: u64 = 5;
/// Data pages of one group; their entries of 40 bytes fill 4,080 bytes of the group's first block.
pub(super) const GROUP_PAGES: u64 = 102;

/// The first of the two header slots, in blocks.
const HEADER_BLOCK: u64 = 2;

/// Where header slot 0 or 1 begins.
pub(super) fn header_offset(slot: u64) -> u64 {
    (HEADER_BLOCK + slot) * BLOCK_BYTES
}

/// The group of a page.
pub(super) fn group_of(page: u64) -> u64 {
    page / GROUP_PAGES
}

/// Where the entries of a group begin.
pub(super) fn entries_offset(group: u64) -> u64 {
    (HEAD_BLOCKS + group * (GROUP_PAGES + 1)) * BLOCK_BYTES
}

/// Where a page begins.
fn page_offset(page: u64) -> u64 {
    entries_offset(group_of(page)) + (1 + page % GROUP_PAGES) * BLOCK_BYTES
}

/// Length of a file that holds so many pages.
pub(super) fn physical_len(pages: u64) -> u64 {
    let (full, rest) = (pages / GROUP_PAGES, pages % GROUP_PAGES);
    let partial = if rest == 0 { 0 } else { (1 + rest) * BLOCK_BYTES };
    entries_offset(full) + partial
}

/// Pages that a file of this length holds whole.
pub(super) fn logical_pages(physical: u64) -> u64 {
    let blocks = (physical / BLOCK_BYTES).saturating_sub(HEAD_BLOCKS);
    let (full, rest) = (blocks / (GROUP_PAGES + 1), blocks % (GROUP_PAGES + 1));
    full * GROUP_PAGES + rest.saturating_sub(1)
}

/// Pages that lie one after the other in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where they begin in the file.
    pub(super) offset: u64,
    /// Their length in bytes.
    pub(super) bytes: usize,
}

/// The runs of a unit: one, or more where the unit crosses the end of a group.
pub(super) fn runs(first: u64, pages: u64) -> impl Iterator<Item = Run> {
    let mut page = first;
    let end = first.saturating_add(pages);
    std::iter::from_fn(move || {
        let left = end.saturating_sub(page);
        let count = left.min(GROUP_PAGES - page % GROUP_PAGES);
        let run = Run { offset: page_offset(page), bytes: usize::try_from(count).ok()? * BLOCK };
        page += count;
        (count > 0).then_some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pages_and_no_entries_share_a_block() {
        let mut seen = std::collections::BTreeSet::new();
        for page in 0..1_000 {
            assert!(seen.insert(page_offset(page)), "page {page}");
        }
        for group in 0..=group_of(999) {
            assert!(seen.insert(entries_offset(group)), "group {group}");
        }
        assert_eq!(seen.first(), Some(&(HEAD_BLOCKS * BLOCK_BYTES)));
    }

    #[test]
    fn the_length_of_a_file_tells_its_pages() {
        for pages in 0..1_000 {
            assert_eq!(logical_pages(physical_len(pages)), pages);
            let end = (0..pages).map(|page| page_offset(page) + BLOCK_BYTES).max().unwrap_or(0);
            assert_eq!(physical_len(pages), end.max(HEAD_BLOCKS * BLOCK_BYTES));
        }
    }

    #[test]
    fn a_unit_across_groups_falls_into_runs_that_cover_each_page_once() {
        for (first, pages) in [(0, 1), (101, 1), (101, 2), (96, 8), (128, 128), (1, 512)] {
            let mut covered = Vec::new();
            for run in runs(first, pages) {
                covered.extend((0..run.bytes / BLOCK).map(|block| run.offset + (block * BLOCK) as u64));
            }
            let expected: Vec<u64> = (first..first + pages).map(page_offset).collect();
            assert_eq!(covered, expected);
        }
    }
}
