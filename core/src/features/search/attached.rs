//! Where a hit matches inside of what is attached to it: a piece of the text around the first place.

use std::ops::Range;

use super::making::fields_naming;
use super::session::{ATTACHMENT, Highlight};
use crate::base::{Code, FieldId, Result};
use crate::engine::{Crm, Listing, Visibility};

/// Hits of one page whose attachments are looked at.
pub(super) const MOST_HITS: usize = 20;
/// Texts of attachments that are looked at for one hit, in bytes together.
const MOST_BYTES: usize = 4 << 20;
/// Characters that are shown before the first place, and behind it.
const AROUND: usize = 60;

/// The first match within an attachment of a record that the person may read there. What is attached in a field is read
/// by whoever reads that field, and anything else by whoever sees the record, as this one was seen.
pub(super) fn in_attachments(
    crm: &Crm,
    listing: &Listing,
    visibility: &Visibility,
    marked: impl Fn(&str) -> Vec<Range<usize>>,
) -> Result<Option<Highlight>> {
    // The record as it is shown does not tell which hidden field names an attachment.
    let Some(record) = crm.record_unchecked(listing.record.entity, listing.record.id)? else {
        return Ok(None);
    };
    let Some(scope) = visibility.scopes.get(&record.entity) else { return Ok(None) };
    let texts = match crm.attachment_texts_unchecked(&record, MOST_BYTES) {
        Err(error) if error.code() == Code::Damaged => return Ok(None),
        texts => texts?,
    };
    for (id, text) in texts {
        let naming = fields_naming(&visibility.registry, &record, id);
        let shown = naming.into_iter().map(FieldId::new).find(|field| scope.shows(*field));
        let Some(field) = shown else { continue };
        let ranges = marked(&text);
        let Some(first) = ranges.first() else { continue };
        let entity = visibility.registry.entity_by_id(record.entity)?;
        let field = entity.field_by_id(field).map_or(ATTACHMENT, |field| field.api_name.as_str());
        return Ok(Some(piece(field, &text, first, &ranges)));
    }
    Ok(None)
}

/// The text around a place, with the places that lie within it whole.
fn piece(field: &str, text: &str, first: &Range<usize>, ranges: &[Range<usize>]) -> Highlight {
    let before = text.get(..first.start).unwrap_or_default();
    let start = before.char_indices().rev().nth(AROUND - 1).map_or(0, |(place, _)| place);
    let behind = text.get(first.end..).unwrap_or_default();
    let end = behind.char_indices().nth(AROUND).map_or(text.len(), |(place, _)| first.end + place);
    let within = ranges.iter().filter(|range| range.start >= start && range.end <= end);
    let ranges = within.map(|range| range.start - start..range.end - start).collect();
    Highlight { field: field.to_owned(), text: text.get(start..end).unwrap_or_default().to_owned(), ranges }
}
