//! Texts of attachments: what was read out of their contents, so that search finds them by it.
//!
//! A text lies beside the row of its attachment, in parts that are sealed as the content is, and goes when that row
//! goes. It is kept and not read out anew for each index, since a host that opens the database without what read it
//! out would lose it, and since to read out a large file takes longer than everything else about it. A row of its
//! own says that somebody still has to read an attachment, and how often that failed.
//! FORMAT.md, chapter "Text of an attachment", describes every byte.

use zeroize::Zeroizing;

use crate::base::{Code, EntityId, Error, Patience, RecordId, Result, Value};
use crate::records::attachments::{
    ATTACHMENT_FIELDS, GIVEN_UP, PAGE, ROW, RowOfAttachment, TEXT, WAITING, associated, find_key,
    for_each_key, missing_attachment, own_key, place_key, row_key, split_place,
};
use crate::records::codec::damaged;
use crate::records::ledger::{EntryKind, FieldChange};
use crate::records::view::{Sealer, WriteView};
use crate::records::{Record, WriteContext, row, write};
use crate::storage::{Keyspace, RangeRequest, Snapshot, continue_after, seal, unseal};

/// Longest text that is kept of one attachment, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// How often it is tried to read an attachment before it waits until somebody asks for it again.
pub const MAX_ATTEMPTS: u8 = 3;
/// Up to how many attachments that wait are counted.
pub const MOST_COUNTED: usize = 10_000;
/// Plain bytes of a part.
const PART: usize = 60 * 1_024;
/// Parts of one read: more than one text has.
const PARTS: usize = 32;
/// Number of the item, beside those of an attachment's row.
const ITEM: u32 = 10;

/// An attachment that somebody still has to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingText {
    /// The entity of its record.
    pub entity: EntityId,
    /// Its record.
    pub record: RecordId,
    /// The attachment.
    pub attachment: RecordId,
    /// How often that failed.
    pub attempts: u8,
}

impl WaitingText {
    fn place(&self) -> Vec<u8> {
        place_key(self.entity, self.record, self.attachment)
    }

    fn key(&self) -> Vec<u8> {
        waiting_key(WAITING, &self.place())
    }

    /// Whether it stands at another place or before it, in the order in which they are read.
    #[must_use]
    pub fn is_up_to(&self, other: &Self) -> bool {
        self.place() <= other.place()
    }
}

fn waiting_key(kind: u8, place: &[u8]) -> Vec<u8> {
    [&[kind][..], place].concat()
}

fn text_prefix(place: &[u8]) -> Vec<u8> {
    [&[TEXT][..], place].concat()
}

/// Binds a part to its attachment and to its place within the text.
fn associated_part(place: &[u8], number: u8) -> Vec<u8> {
    [associated(place, ITEM).as_slice(), &[number]].concat()
}

/// Notes that an attachment waits to be read, and how often that failed. One that failed too often waits apart, where no
/// step meets it.
///
/// # Errors
/// `storage.io`.
pub fn await_text(view: &mut WriteView<'_>, waiting: &WaitingText) -> Result<()> {
    let place = waiting.place();
    stop_waiting(view, &place)?;
    let kind = if waiting.attempts >= MAX_ATTEMPTS { GIVEN_UP } else { WAITING };
    view.put(Keyspace::Attachments, waiting_key(kind, &place), vec![waiting.attempts]);
    Ok(())
}

/// Notes that an attachment waits once more, if it is still there and nobody gave it a text meanwhile.
///
/// # Errors
/// `storage.io`.
pub fn await_text_again(view: &mut WriteView<'_>, waiting: &WaitingText) -> Result<()> {
    let place = waiting.place();
    let is_there = view.get(Keyspace::Attachments, &row_key(&place))?.is_some();
    if is_there && !has_text(view, &place)? { await_text(view, waiting) } else { Ok(()) }
}

/// Notes that an attachment needs no reading any more.
///
/// # Errors
/// `storage.io`.
pub fn needs_no_text(view: &mut WriteView<'_>, waiting: &WaitingText) -> Result<()> {
    stop_waiting(view, &waiting.place())
}

fn stop_waiting(view: &mut WriteView<'_>, place: &[u8]) -> Result<()> {
    for kind in [WAITING, GIVEN_UP] {
        let key = waiting_key(kind, place);
        if view.get(Keyspace::Attachments, &key)?.is_some() {
            view.remove(Keyspace::Attachments, key);
        }
    }
    Ok(())
}

/// Whether an attachment still waits to be read.
///
/// # Errors
/// `storage.io`.
pub fn is_waiting(snapshot: &dyn Snapshot, waiting: &WaitingText) -> Result<bool> {
    Ok(snapshot.get(Keyspace::Attachments, &waiting.key())?.is_some())
}

/// At most so many attachments that wait to be read, whoever may see them, in the order of their places: from the first
/// one on, or behind another one.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn waiting_texts(
    snapshot: &dyn Snapshot,
    behind: Option<&WaitingText>,
    most: usize,
    patience: &Patience,
) -> Result<Vec<WaitingText>> {
    let mut all = Vec::new();
    let mut range = RangeRequest::prefix(Keyspace::Attachments, &[WAITING], most.min(PAGE));
    if let Some(behind) = behind {
        continue_after(&mut range, behind.key());
    }
    while all.len() < most {
        patience.check()?;
        range.max_rows = most.saturating_sub(all.len()).min(PAGE);
        let page = snapshot.scan(&range)?;
        for (key, value) in &page.rows {
            let (entity, record, attachment) = key.get(1..).and_then(split_place).ok_or_else(damaged)?;
            let attempts = value.first().copied().unwrap_or_default();
            all.push(WaitingText { entity, record, attachment, attempts });
        }
        match page.rows.into_iter().next_back() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => break,
        }
    }
    Ok(all)
}

/// How many attachments wait to be read, and how many wait until that is asked for again: each up to
/// [`MOST_COUNTED`].
///
/// # Errors
/// `storage.io`, `engine.cancelled`.
pub fn count_waiting_texts(snapshot: &dyn Snapshot, patience: &Patience) -> Result<(u64, u64)> {
    let count = |kind: u8| -> Result<u64> {
        let mut range = RangeRequest::prefix(Keyspace::Attachments, &[kind], PAGE);
        let mut count = 0_usize;
        while count < MOST_COUNTED {
            patience.check()?;
            let page = snapshot.scan(&range)?;
            count = count.saturating_add(page.rows.len()).min(MOST_COUNTED);
            match page.rows.into_iter().next_back() {
                Some((last, _)) if page.more => continue_after(&mut range, last),
                _ => break,
            }
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    };
    Ok((count(WAITING)?, count(GIVEN_UP)?))
}

/// Attachments without a text whose media type somebody takes, whoever may see them, and the key behind which the others
/// follow, of one read: from the first one on, or behind such a key. Those that wait and never failed are left out.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn without_text(
    snapshot: &dyn Snapshot,
    behind: Option<Vec<u8>>,
    takes: impl Fn(&str) -> bool,
) -> Result<(Vec<WaitingText>, Option<Vec<u8>>)> {
    let mut range = RangeRequest::prefix(Keyspace::Attachments, &[ROW], PAGE);
    if let Some(behind) = behind {
        continue_after(&mut range, behind);
    }
    let page = snapshot.scan(&range)?;
    let mut all = Vec::new();
    for (key, value) in &page.rows {
        let Some(found) = RowOfAttachment::read(key, value)? else { continue };
        let attachment = found.attachment();
        let (entity, record, attachment, is_taken) =
            (found.entity(), found.record(), attachment.id, takes(&attachment.media_type));
        let waiting = WaitingText { entity, record, attachment, attempts: 0 };
        let known = snapshot.get(Keyspace::Attachments, &waiting.key())?;
        if is_taken && known.is_none_or(|known| known != [0]) && !has_text(snapshot, &waiting.place())? {
            all.push(waiting);
        }
    }
    let more = page.more;
    Ok((all, page.rows.into_iter().next_back().map(|(last, _)| last).filter(|_| more)))
}

fn has_text(snapshot: &dyn Snapshot, place: &[u8]) -> Result<bool> {
    let parts = RangeRequest::prefix(Keyspace::Attachments, &text_prefix(place), 1);
    Ok(!snapshot.scan(&parts)?.rows.is_empty())
}

/// Keeps a text of an attachment in place of the one before, and enters that in the ledger, by which an index learns
/// of it. An empty one takes the text away.
///
/// # Errors
/// `record.not_found` for an attachment that the record does not have; `input.limit_exceeded` for a longer text;
/// `storage.damaged`, `storage.io`.
pub fn keep_text(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    record: &Record,
    (attachment, text): (RecordId, &str),
    sealer: &Sealer,
) -> Result<()> {
    let place = place_key(record.entity, record.id, attachment);
    if view.get(Keyspace::Attachments, &row_key(&place))?.is_none() {
        return Err(missing_attachment(attachment));
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(Error::new(Code::LimitExceeded).field("text").rule("at most 1048576 bytes"));
    }
    forget_text(view, &place)?;
    let key = own_key(sealer, record.envelope.subject)?;
    for (number, part) in (0_u8..).zip(text.as_bytes().chunks(PART)) {
        let sealed = seal(&key, &associated_part(&place, number), part, sealer.random.as_ref());
        let at = [text_prefix(&place).as_slice(), &[number]].concat();
        view.put(Keyspace::Attachments, at, sealed);
    }
    let [(field, _), ..] = ATTACHMENT_FIELDS;
    let change = FieldChange { field, old: Value::Null, new: Value::Id(attachment) };
    write::enter(view, context, EntryKind::Text, (record, None), vec![change]);
    Ok(())
}

/// Takes away the text at a place, and that somebody has to read it.
///
/// # Errors
/// `storage.io`.
pub(super) fn forget_text(view: &mut WriteView<'_>, place: &[u8]) -> Result<()> {
    let parts = view.scan(&RangeRequest::prefix(Keyspace::Attachments, &text_prefix(place), PARTS))?;
    for (key, _) in parts.rows {
        view.remove(Keyspace::Attachments, key);
    }
    stop_waiting(view, place)
}

/// Whether any attachment has a text.
///
/// # Errors
/// `storage.io`.
pub fn any_text(snapshot: &dyn Snapshot) -> Result<bool> {
    Ok(!snapshot.scan(&RangeRequest::prefix(Keyspace::Attachments, &[TEXT], 1))?.rows.is_empty())
}

/// The texts of a record's attachments by their ids, WITHOUT a permit: of about so many bytes together, and whole ones.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn texts_of(
    snapshot: &dyn Snapshot,
    record: &Record,
    most: usize,
    sealer: &Sealer,
) -> Result<Vec<(RecordId, String)>> {
    let prefix = [&[TEXT][..], &record.entity.number().to_be_bytes(), record.id.as_bytes()].concat();
    let mut range = RangeRequest::prefix(Keyspace::Attachments, &prefix, PARTS);
    let mut texts: Vec<(RecordId, Zeroizing<Vec<u8>>)> = Vec::new();
    let (mut key, mut bytes) = (None, 0_usize);
    'pages: loop {
        let page = snapshot.scan(&range)?;
        let last = page.rows.last().map(|(at, _)| at.clone());
        for (at, sealed) in page.rows {
            let (id, part) = opened(&at, &sealed, (record, &mut key), sealer)?;
            match texts.last_mut() {
                Some((last, text)) if *last == id => text.extend_from_slice(&part),
                _ if bytes >= most => break 'pages,
                _ => texts.push((id, part.clone())),
            }
            bytes = bytes.saturating_add(part.len());
        }
        match last {
            Some(last) if page.more => continue_after(&mut range, last),
            _ => break,
        }
    }
    let text = |(id, bytes): (RecordId, Zeroizing<Vec<u8>>)| {
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged().rule("text of an attachment"))?;
        Ok((id, text.to_owned()))
    };
    texts.into_iter().map(text).collect()
}

/// A part, and the attachment that it is of. The key is looked for once.
fn opened(
    at: &[u8],
    sealed: &[u8],
    (record, key): (&Record, &mut Option<Zeroizing<[u8; 32]>>),
    sealer: &Sealer,
) -> Result<(RecordId, Zeroizing<Vec<u8>>)> {
    let place = at.get(1..).and_then(<[u8]>::split_last);
    let (number, place) = place.ok_or_else(damaged)?;
    let (_, _, id) = split_place(place).ok_or_else(damaged)?;
    if key.is_none() {
        *key = Some(find_key(sealer, record.envelope.subject)?);
    }
    let key = key.as_ref().ok_or_else(damaged)?;
    Ok((id, unseal(key, &associated_part(place, *number), sealed)?))
}

/// Verifies every text: its attachment stands, and it opens.
///
/// # Errors
/// `storage.damaged` with the rule `text of an attachment`; `engine.cancelled`.
pub(super) fn verify_texts(snapshot: &dyn Snapshot, sealer: &Sealer, patience: &Patience) -> Result<()> {
    let wrong = || damaged().rule("text of an attachment");
    for_each_key(snapshot, TEXT, patience, |at, sealed| {
        let place = at.get(1..).and_then(<[u8]>::split_last).map(|(_, place)| place).ok_or_else(wrong)?;
        let (entity, record, _) = split_place(place).ok_or_else(wrong)?;
        snapshot.get(Keyspace::Attachments, &row_key(place))?.ok_or_else(wrong)?;
        let record = row::load(snapshot, entity, record)?.ok_or_else(wrong)?;
        opened(at, &sealed, (&record, &mut None), sealer).map(|_| ()).map_err(|error| match error.code() {
            Code::Damaged => wrong().record(record.id).because(error),
            _ => error,
        })
    })
}
