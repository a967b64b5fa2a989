//! The trees of redb's file format 3, read without redb: page by page, each against the checksum that its
//! parent has of it, so that what is read is what the newest commit wrote, and a page that is lost costs
//! no more than the keys below it. The layout is that of `docs/design.md` of redb 4.5.

use twox_hash::XxHash3_128;

use crate::base::{Patience, Result};
use crate::storage::salvage_pages::{Header, Pages};
use crate::storage::store::RowVisitor;

/// Tables by name, each with its root if that is to be had.
type NamedRoots = Vec<(String, Option<Root>)>;

/// Where the header says which commit slot is the newest, and the bit that says so.
const STATE_AT: usize = 9;
const PRIMARY_BIT: u8 = 1;
/// Where the header has the sizes of a region, in pages: its head, and its data.
const REGION_HEAD_AT: usize = 16;
const REGION_DATA_AT: usize = 20;
/// Where the first commit slot begins, and its length.
const SLOTS_AT: usize = 64;
const SLOT_BYTES: usize = 128;
/// Where in a slot the root of the table of tables is said to be there, where it is, the number of the
/// transaction, and the checksum.
const HAS_ROOT_AT: usize = 1;
const ROOT_AT: usize = 8;
const TRANSACTION_AT: usize = 104;
const SLOT_CHECKSUM_AT: usize = 112;
/// The types of pages.
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
/// The type of a table with one value for each key, where its root is said to be there, and the root.
const PLAIN_TABLE: u8 = 3;
const TABLE_HAS_ROOT_AT: usize = 9;
const TABLE_ROOT_AT: usize = 10;
/// Deepest tree that is followed. One of this depth would hold more pages than there are numbers.
const MAX_DEPTH: usize = 32;

/// Where a tree begins, and how many rows it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    node: Node,
    /// Rows.
    pub(super) rows: u64,
}

/// A page of a tree, as its parent names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node {
    number: u64,
    checksum: u128,
}

/// Keys of which nothing can be said, because the page that leads to them is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRange {
    /// Keys above this one; from the first if there is none.
    pub above: Option<Vec<u8>>,
    /// Keys up to this one, inclusive; to the last if there is none.
    pub upto: Option<Vec<u8>>,
    /// Whether the lost page leads to other pages, which may be whole.
    pub is_branch: bool,
}

/// What walking through one tree came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// Rows that the tree says it has.
    pub expected: u64,
    /// Rows that were read.
    pub read: u64,
    /// What is lost.
    pub lost: Vec<LostRange>,
}

impl Walked {
    /// A table that was not found at all.
    pub(super) fn nothing() -> Self {
        let all = LostRange { above: None, upto: None, is_branch: true };
        Self { lost: vec![all], ..Self::default() }
    }
}

/// The trees of one commit.
pub(super) struct Trees<'a> {
    pages: &'a Pages,
    region_head: u64,
    region_data: u64,
    tables: Root,
}

impl<'a> Trees<'a> {
    /// The trees of the newest commit whose first page can be read. Where a header is broken, it may be
    /// the one that made the newest commit the newest; the one before it names that commit already.
    pub(super) fn of(pages: &'a Pages) -> Option<Self> {
        let is_broken = pages.has_broken_header();
        pages.headers().iter().find_map(|header| {
            let newest = if is_broken { newest_slot(header)? } else { header.get(STATE_AT)? & PRIMARY_BIT };
            [newest, 1 - newest].into_iter().find_map(|slot| Self::of_slot(pages, header, slot))
        })
    }

    fn of_slot(pages: &'a Pages, header: &Header, slot: u8) -> Option<Self> {
        let region_head = u64::from(u32::from_le_bytes(array(header, REGION_HEAD_AT)?));
        let region_data = u64::from(u32::from_le_bytes(array(header, REGION_DATA_AT)?));
        let slot = header.get(SLOTS_AT + usize::from(slot) * SLOT_BYTES..)?.get(..SLOT_BYTES)?;
        let (body, checksum) = slot.split_at_checked(SLOT_CHECKSUM_AT)?;
        if XxHash3_128::oneshot(body) != u128::from_le_bytes(array(checksum, 0)?)
            || body.get(HAS_ROOT_AT) == Some(&0)
        {
            return None;
        }
        let trees = Self { pages, region_head, region_data, tables: Root::read(body, ROOT_AT)? };
        trees.page(trees.tables.node).is_some().then_some(trees)
    }

    /// The table of tables: names, and where each of them begins. A name may be missing where a page is
    /// lost.
    ///
    /// # Errors
    /// `engine.cancelled`, `engine.deadline_exceeded`.
    pub(super) fn tables(&self, patience: &Patience) -> Result<(NamedRoots, Walked)> {
        let mut tables = Vec::new();
        let walked = self.walk(self.tables, patience, &mut |name, definition| {
            if let (Ok(name), Some(root)) = (std::str::from_utf8(name), table_root(definition)) {
                tables.push((name.to_owned(), root));
            }
            Ok(())
        })?;
        Ok((tables, walked))
    }

    /// Hands every row of a tree that can be read to a function, in the order of keys.
    ///
    /// # Errors
    /// Those of the function; `engine.cancelled`, `engine.deadline_exceeded`.
    pub(super) fn walk(&self, root: Root, patience: &Patience, visit: RowVisitor<'_>) -> Result<Walked> {
        let mut walk = Walk {
            trees: self,
            patience,
            visit,
            walked: Walked { expected: root.rows, ..Walked::default() },
            leaf_depth: None,
            lost_at: Vec::new(),
        };
        walk.node(root.node, 0, (None, None))?;
        let Walk { mut walked, leaf_depth, lost_at, .. } = walk;
        for (range, depth) in walked.lost.iter_mut().zip(lost_at) {
            // All leaves of a tree are equally deep; where none was seen, more may be lost than a leaf.
            range.is_branch = leaf_depth.is_none_or(|leaf| depth < leaf);
        }
        Ok(walked)
    }

    /// The text of a page, if it is the one that its parent means.
    fn page(&self, node: Node) -> Option<Page> {
        // 20 bits for the index within the region, 20 for the region, and the order in the upper 5.
        let order = u32::try_from(node.number >> 59).ok().filter(|order| *order <= 20)?;
        let index = node.number & (0xF_FFFF >> order);
        let region = (node.number >> 20) & 0xF_FFFF;
        let pages = 1_u64 << order;
        // The first page of the file is the header.
        let region_start =
            region.checked_mul(self.region_head.checked_add(self.region_data)?)?.checked_add(1)?;
        let first = region_start.checked_add(self.region_head)?.checked_add(index.checked_mul(pages)?)?;
        let page = Page::read(self.pages.read(first, pages)?)?;
        let used = page.text.get(..page.end)?;
        (XxHash3_128::oneshot(used) == node.checksum).then_some(page)
    }
}

impl Root {
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let number = u64::from_le_bytes(array(bytes, at)?);
        let checksum = u128::from_le_bytes(array(bytes, at + 8)?);
        Some(Self { node: Node { number, checksum }, rows: u64::from_le_bytes(array(bytes, at + 24)?) })
    }
}

/// The commit slot with the higher number of a transaction.
fn newest_slot(header: &Header) -> Option<u8> {
    let number =
        |slot| Some(u64::from_le_bytes(array(header, SLOTS_AT + slot * SLOT_BYTES + TRANSACTION_AT)?));
    Some(u8::from(number(1)? > number(0)?))
}

/// Where a table begins by its definition; nothing within for an empty one, nothing at all for a table of
/// another type.
fn table_root(definition: &[u8]) -> Option<Option<Root>> {
    match (definition.first()?, definition.get(TABLE_HAS_ROOT_AT)?) {
        (&PLAIN_TABLE, 0) => Some(None),
        (&PLAIN_TABLE, _) => Root::read(definition, TABLE_ROOT_AT).map(Some),
        _ => None,
    }
}

/// One walk through a tree.
struct Walk<'w> {
    trees: &'w Trees<'w>,
    patience: &'w Patience,
    visit: RowVisitor<'w>,
    walked: Walked,
    leaf_depth: Option<usize>,
    /// How deep each lost page is.
    lost_at: Vec<usize>,
}

/// The keys below a page: above the first and up to the second.
type Bounds<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

impl Walk<'_> {
    fn node(&mut self, node: Node, depth: usize, bounds: Bounds<'_>) -> Result<()> {
        self.patience.check()?;
        let page = self.trees.page(node).filter(|_| depth < MAX_DEPTH);
        let done = match &page {
            Some(page) if page.is_leaf => self.leaf(page, depth)?,
            Some(page) => self.branch(page, depth, bounds)?,
            None => false,
        };
        if !done {
            let (above, upto) = (bounds.0.map(<[u8]>::to_vec), bounds.1.map(<[u8]>::to_vec));
            self.walked.lost.push(LostRange { above, upto, is_branch: false });
            self.lost_at.push(depth);
        }
        Ok(())
    }

    /// Hands out the rows of a leaf; says whether the page was as pages are.
    fn leaf(&mut self, page: &Page, depth: usize) -> Result<bool> {
        let Some(rows) = page.rows() else { return Ok(false) };
        self.leaf_depth = Some(depth);
        for (key, value) in rows {
            (self.visit)(key, value)?;
            self.walked.read = self.walked.read.saturating_add(1);
        }
        Ok(true)
    }

    fn branch(&mut self, page: &Page, depth: usize, (above, upto): Bounds<'_>) -> Result<bool> {
        let Some((children, keys)) = page.children() else { return Ok(false) };
        for (place, child) in children.into_iter().enumerate() {
            let low = place.checked_sub(1).and_then(|before| keys.get(before).copied()).or(above);
            let high = keys.get(place).copied().or(upto);
            self.node(child, depth.saturating_add(1), (low, high))?;
        }
        Ok(true)
    }
}

/// A page of a tree of byte strings.
pub(super) struct Page {
    text: Vec<u8>,
    is_leaf: bool,
    count: usize,
    /// Where what is used of it ends.
    end: usize,
}

impl Page {
    /// The page in a text, if it looks like one: its type is known, and its offsets rise and lie in it.
    pub(super) fn read(text: Vec<u8>) -> Option<Self> {
        let is_leaf = match *text.first()? {
            LEAF => true,
            BRANCH => false,
            _ => return None,
        };
        let count = usize::from(u16::from_le_bytes(array(&text, 2)?));
        let mut page = Self { text, is_leaf, count, end: 0 };
        let offsets = page.offsets()?;
        let rise = offsets.windows(2).all(|pair| pair.first() <= pair.last());
        page.end = *offsets.last().filter(|_| rise && count > 0)?;
        (page.end <= page.text.len()).then_some(page)
    }

    /// Whether it holds rows.
    pub(super) fn is_leaf(&self) -> bool {
        self.is_leaf
    }

    /// Where keys begin, and where each key and then each value ends.
    fn offsets(&self) -> Option<Vec<usize>> {
        let (table, ends) =
            if self.is_leaf { (4, self.count * 2) } else { (8 + 24 * (self.count + 1), self.count) };
        let mut offsets = vec![table + 4 * ends];
        for end in 0..ends {
            offsets.push(usize::try_from(u32::from_le_bytes(array(&self.text, table + 4 * end)?)).ok()?);
        }
        Some(offsets)
    }

    fn pieces(&self) -> Option<Vec<&[u8]>> {
        let offsets = self.offsets()?;
        let pairs = offsets.iter().zip(offsets.iter().skip(1));
        pairs.map(|(start, end)| self.text.get(*start..*end)).collect()
    }

    /// The rows of a leaf.
    pub(super) fn rows(&self) -> Option<Vec<(&[u8], &[u8])>> {
        let pieces = self.pieces()?;
        let (keys, values) = pieces.split_at_checked(self.count)?;
        Some(keys.iter().copied().zip(values.iter().copied()).collect())
    }

    /// The children of a branch, and the keys between them.
    fn children(&self) -> Option<(Vec<Node>, Vec<&[u8]>)> {
        let numbers_at = 8 + 16 * (self.count + 1);
        let children = (0..=self.count).map(|child| {
            Some(Node {
                checksum: u128::from_le_bytes(array(&self.text, 8 + 16 * child)?),
                number: u64::from_le_bytes(array(&self.text, numbers_at + 8 * child)?),
            })
        });
        Some((children.collect::<Option<Vec<_>>>()?, self.pieces()?))
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}
