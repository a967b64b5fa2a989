//! One page of a range with changes laid over it: how a view sees what its base does not have yet.

use crate::base::Result;
use crate::storage::store::{Page, RangeRequest};

/// Reads a page of a base and lays changes over it. The changes are those of the range, in its
/// direction, each key once; `None` takes the key away.
///
/// # Errors
/// Those of the base.
pub fn scan_over(
    range: &RangeRequest,
    over: impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    mut base: impl FnMut(&RangeRequest) -> Result<Page>,
) -> Result<Page> {
    let mut over = over.peekable();
    if over.peek().is_none() {
        return base(range);
    }
    let mut rows = Vec::new();
    let mut rest = range.clone();
    loop {
        let page = base(&rest)?;
        let last = page.rows.last().map(|(key, _)| key.clone());
        for (key, value) in page.rows {
            while let Some((earlier, change)) =
                over.next_if(|(over, _)| comes_first(over, &key, range.reverse))
            {
                rows.extend(change.map(|value| (earlier, value)));
            }
            match over.next_if(|(over, _)| *over == key) {
                Some((key, change)) => rows.extend(change.map(|value| (key, value))),
                None => rows.push((key, value)),
            }
        }
        match last {
            Some(last) if page.more && rows.len() <= range.max_rows => continue_after(&mut rest, last),
            Some(_) if page.more => break,
            _ => {
                let rest = over.by_ref().filter_map(|(key, change)| change.map(|value| (key, value)));
                // One more than asked for tells that there is more.
                rows.extend(rest.take((range.max_rows + 1).saturating_sub(rows.len())));
                break;
            }
        }
    }
    let more = rows.len() > range.max_rows;
    rows.truncate(range.max_rows);
    Ok(Page { rows, more })
}

fn comes_first(left: &[u8], right: &[u8], reverse: bool) -> bool {
    if reverse { left > right } else { left < right }
}

/// Moves a range past the last key that was read.
pub fn continue_after(range: &mut RangeRequest, mut last: Vec<u8>) {
    if range.reverse {
        range.high = last;
    } else {
        last.push(0);
        range.low = last;
    }
}
