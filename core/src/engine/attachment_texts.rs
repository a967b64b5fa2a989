//! Texts of attachments: read out of their contents by what the host brings, or given by the host itself.
//!
//! Nothing is read out while somebody writes. To attach a file notes that it waits, and a step that the host drives
//! reads what waits: outside of any transaction, within bounds, and so that a reader that fails fails alone.

use std::fmt;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::access::{Action, Update};
use crate::base::{Code, EntityId, Error, Patience, RecordId, Result};
use crate::engine::states::check_state;
use crate::engine::{Attachment, Crm, Record, Session, Transaction, WriteOptions};
use crate::records::{self, Holder, StoredContent, WaitingText};

/// Longest text that is kept of one attachment, in bytes.
pub const MAX_TEXT_BYTES: usize = records::MAX_TEXT_BYTES;
/// Largest content that is read out where an extractor does not say less, in bytes.
pub const USUAL_CONTENT_BYTES: u64 = 32 << 20;
/// The cause of what the step writes.
const CAUSE: &str = "attachment.text";

/// Reads texts out of the contents of attachments, such as those of a word processor, so that search finds them by what
/// is written inside. It is called on the thread of [`Session::extract_texts`], outside of every transaction, and may
/// take its time: whoever writes or searches does not wait for it.
pub trait TextExtractor: Send + Sync {
    /// Whether it reads contents of a media type, as the caller of [`Session::attach`] said it. Asked while somebody
    /// writes, so it answers at once.
    fn takes(&self, media_type: &str) -> bool;

    /// Largest content that it is handed, in bytes; a larger one stays without a text.
    fn most_bytes(&self) -> u64 {
        USUAL_CONTENT_BYTES
    }

    /// Hands the text of a content to `text`, piece by piece, in the order of reading. Nothing at all is a content
    /// without text, such as a photograph.
    ///
    /// # Errors
    /// Whatever keeps it from reading this content. What it handed over until then is dropped, and it is asked again
    /// by later steps, three times in all. An error of [`ExtractedText::push`] is to be passed on: what fitted is kept.
    fn extract(&self, media_type: &str, content: &[u8], text: &mut ExtractedText<'_>) -> Result<()>;
}

/// Takes the text of a content, as much of it as is kept.
pub struct ExtractedText<'a> {
    text: String,
    is_full: bool,
    patience: &'a Patience,
}

impl fmt::Debug for ExtractedText<'_> {
    /// How much there is, and not what is written there.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ExtractedText({} bytes)", self.text.len())
    }
}

impl ExtractedText<'_> {
    /// Takes a piece.
    ///
    /// # Errors
    /// `input.limit_exceeded` where the text is as long as it may be, [`MAX_TEXT_BYTES`]; `engine.cancelled`,
    /// `engine.deadline_exceeded` where nobody waits for it any more.
    pub fn push(&mut self, piece: &str) -> Result<()> {
        self.patience.check()?;
        let room = MAX_TEXT_BYTES.saturating_sub(self.text.len());
        let fits = (0..=room.min(piece.len())).rev().find_map(|end| piece.get(..end));
        self.text.push_str(fits.unwrap_or_default());
        self.is_full |= piece.len() > room;
        if self.is_full {
            return Err(Error::new(Code::LimitExceeded).field("text").rule("at most 1048576 bytes"));
        }
        Ok(())
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextsExtracted {
    /// Attachments that have a text now.
    pub read: u64,
    /// Those that have none: without text, too large, or of a type that nobody takes any more.
    pub without: u64,
    /// Those whose extractor failed.
    pub failed: u64,
    /// What is left.
    pub left: TextsWaiting,
}

/// Attachments that wait to be read, each number counted up to 10,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextsWaiting {
    /// Those that the next steps read.
    pub waiting: u64,
    /// Those whose extractor failed three times, which are read when a step is told to begin again.
    pub failed: u64,
}

/// What came of an attachment.
enum Outcome {
    Read(String),
    Without,
    Failed,
}

/// An attachment as it is read out.
struct Opened {
    attachment: Attachment,
    content: Zeroizing<Vec<u8>>,
}

impl Session {
    /// Reads texts out of attachments that wait for it, at most `most` of them, so that the next search finds them.
    /// With `again`, all attachments of types that an extractor takes and that have no text wait once more: those
    /// whose extractor failed, and those that were attached before there was an extractor. An extractor that fails,
    /// panics or hands over too much harms nothing but its own attachment.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`, `storage.damaged`;
    /// `engine.cancelled`, `engine.deadline_exceeded`, after which what was read is kept.
    pub fn extract_texts(&self, most: usize, again: bool) -> Result<TextsExtracted> {
        self.check_may("sys.role", Action::Administer)?;
        if again {
            self.wait_again()?;
        }
        let waiting = self.next_texts(most)?;
        let mut done = TextsExtracted::default();
        let total = waiting.len() as u64;
        for (place, waiting) in (1_u64..).zip(waiting) {
            self.patience().check()?;
            let outcome = self.read_out(&waiting)?;
            let count = match &outcome {
                Outcome::Read(_) => &mut done.read,
                Outcome::Without => &mut done.without,
                Outcome::Failed => &mut done.failed,
            };
            *count = count.saturating_add(1);
            let options = WriteOptions::default().cause(CAUSE);
            self.write_with(options, |transaction| transaction.note_text(&waiting, &outcome))?;
            *self.crm().last_read() = Some(waiting);
            self.patience().tell("texts", place, total);
        }
        done.left = self.texts_waiting()?;
        Ok(done)
    }

    /// How many attachments wait to be read.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`, `storage.damaged`.
    pub fn texts_waiting(&self) -> Result<TextsWaiting> {
        self.check_may("sys.role", Action::Administer)?;
        let snapshot = self.crm().snapshot()?;
        let (waiting, failed) = records::count_waiting_texts(snapshot.as_ref(), self.patience())?;
        Ok(TextsWaiting { waiting, failed })
    }

    /// Keeps a text of an attachment that the host has read itself, in place of the one before, so that search finds
    /// the record by it. An empty one takes the text away.
    ///
    /// # Errors
    /// `record.not_found` for the record and for the attachment, `access.not_permitted` without the right to change the
    /// record, `record.locked`; `input.limit_exceeded` for a text longer than [`MAX_TEXT_BYTES`].
    pub fn set_attachment_text(
        &self,
        entity: &str,
        record: RecordId,
        attachment: RecordId,
        text: &str,
    ) -> Result<()> {
        let options = WriteOptions::default().cause(CAUSE);
        self.write_with(options, |transaction| transaction.set_text((entity, record), attachment, text))
    }

    /// The next that wait, behind what the step before has read, and from the first one on behind the last. So those
    /// whose extractor fails are met again when the others had their turn.
    fn next_texts(&self, most: usize) -> Result<Vec<WaitingText>> {
        let (snapshot, behind) = (self.crm().snapshot()?, *self.crm().last_read());
        let from = |behind: Option<&WaitingText>, most: usize| {
            records::waiting_texts(snapshot.as_ref(), behind, most, self.patience())
        };
        let mut next = from(behind.as_ref(), most)?;
        if let Some(last) = behind
            && next.len() < most
        {
            let again = from(None, most.saturating_sub(next.len()))?;
            next.extend(again.into_iter().take_while(|waiting| waiting.is_up_to(&last)));
        }
        Ok(next)
    }

    /// Makes those wait that have no text, some at a time.
    fn wait_again(&self) -> Result<()> {
        let crm = self.crm();
        let takes = |media_type: &str| crm.extractor_of(media_type).is_some();
        let mut behind = None;
        loop {
            self.patience().check()?;
            let (without, last) = records::without_text(crm.snapshot()?.as_ref(), behind, takes)?;
            if !without.is_empty() {
                self.write_with(WriteOptions::default().cause(CAUSE), |transaction| {
                    let mut without = without.iter();
                    without.try_for_each(|waiting| records::await_text_again(transaction.view_mut(), waiting))
                })?;
            }
            behind = last;
            if behind.is_none() {
                return Ok(());
            }
        }
    }

    fn read_out(&self, waiting: &WaitingText) -> Result<Outcome> {
        let crm = self.crm();
        // What was taken away, or belongs to a record that is deleted, waits no more.
        let Some((record, attachment)) = crm.attachment_unchecked(waiting)? else {
            return Ok(Outcome::Without);
        };
        let Some(extractor) = crm.extractor_of(&attachment.media_type) else { return Ok(Outcome::Without) };
        if attachment.size > extractor.most_bytes() {
            return Ok(Outcome::Without);
        }
        let opened = match crm.opened_unchecked(&record, waiting) {
            Ok(opened) => opened,
            // It was taken away meanwhile, or is damaged, which a verification tells.
            Err(error) if matches!(error.code(), Code::RecordNotFound | Code::Damaged) => {
                return Ok(Outcome::Failed);
            }
            Err(error) => return Err(error),
        };
        let mut text = ExtractedText { text: String::new(), is_full: false, patience: self.patience() };
        let media_type = &opened.attachment.media_type;
        let work = AssertUnwindSafe(|| extractor.extract(media_type, &opened.content, &mut text));
        let outcome = catch_unwind(work);
        self.patience().check()?;
        Ok(match outcome {
            Ok(extracted) if extracted.is_ok() || text.is_full => match text.text.trim() {
                "" => Outcome::Without,
                text => Outcome::Read(text.to_owned()),
            },
            _ => Outcome::Failed,
        })
    }
}

impl Crm {
    /// What was read last, in this process.
    fn last_read(&self) -> MutexGuard<'_, Option<WaitingText>> {
        self.inner.last_text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who reads contents of a media type.
    fn extractor_of(&self, media_type: &str) -> Option<Arc<dyn TextExtractor>> {
        let all = self.inner.extractors.read().unwrap_or_else(PoisonError::into_inner).clone();
        all.into_iter().find(|extractor| extractor.takes(media_type))
    }

    /// An attachment that waits, with its record if that is live.
    fn attachment_unchecked(&self, waiting: &WaitingText) -> Result<Option<(Record, Attachment)>> {
        let snapshot = self.snapshot()?;
        let record = records::get_for_rule(snapshot.as_ref(), waiting.entity, waiting.record)?;
        let Some(record) = record else { return Ok(None) };
        let all = records::attachments(snapshot.as_ref(), &record)?;
        let found = all.into_iter().find(|attachment| attachment.id == waiting.attachment);
        Ok(found.map(|attachment| (record, attachment)))
    }

    /// An attachment with all of its content, WITHOUT a permit, for its extractor.
    fn opened_unchecked(&self, record: &Record, waiting: &WaitingText) -> Result<Opened> {
        let registry = self.registry();
        let entity = registry.entity_by_id(waiting.entity)?;
        let blobs = self.blobs()?;
        let _files_stay = blobs.hold();
        let sealer = &self.inner.sealer;
        let snapshot = self.snapshot()?;
        let (attachment, content) =
            records::read_attachment(snapshot.as_ref(), entity, record, waiting.attachment, sealer)?;
        let content = match content {
            StoredContent::Inline(bytes) => bytes,
            StoredContent::File(file) => {
                let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(file.size).unwrap_or(0)));
                blobs.open(&file)?.read_to_end(&mut bytes)?;
                bytes
            }
        };
        Ok(Opened { attachment, content })
    }

    /// Whether any attachment has a text, for readers that follow the ledger.
    ///
    /// # Errors
    /// `storage.io`.
    pub(crate) fn any_attachment_text(&self) -> Result<bool> {
        records::any_text(self.durable_snapshot()?.as_ref())
    }

    /// The texts of a record's attachments by their ids, WITHOUT a permit, for the same readers: of about so many bytes
    /// together.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub(crate) fn attachment_texts_unchecked(
        &self,
        record: &Record,
        most: usize,
    ) -> Result<Vec<(RecordId, String)>> {
        records::texts_of(self.durable_snapshot()?.as_ref(), record, most, &self.inner.sealer)
    }
}

impl Transaction<'_> {
    /// Notes that an attachment waits to be read, if somebody reads such ones.
    ///
    /// # Errors
    /// `storage.io`.
    pub(super) fn await_text(
        &mut self,
        entity: EntityId,
        record: RecordId,
        attachment: &Attachment,
    ) -> Result<()> {
        if self.crm().extractor_of(&attachment.media_type).is_none() {
            return Ok(());
        }
        let waiting = WaitingText { entity, record, attachment: attachment.id, attempts: 0 };
        records::await_text(self.view_mut(), &waiting)
    }

    /// Notes what came of an attachment, if it still waits.
    fn note_text(&mut self, waiting: &WaitingText, outcome: &Outcome) -> Result<()> {
        // It was taken away meanwhile, or somebody else gave it a text.
        if !records::is_waiting(self.view(), waiting)? {
            return Ok(());
        }
        match outcome {
            Outcome::Without => records::needs_no_text(self.view_mut(), waiting),
            Outcome::Failed => {
                let attempts = waiting.attempts.saturating_add(1);
                records::await_text(self.view_mut(), &WaitingText { attempts, ..*waiting })
            }
            Outcome::Read(text) => self.keep_read(waiting, text),
        }
    }

    /// Keeps what was read, unless the attachment or its record went meanwhile.
    fn keep_read(&mut self, waiting: &WaitingText, text: &str) -> Result<()> {
        let record = records::get_for_rule(self.view(), waiting.entity, waiting.record)?;
        let Some(record) = record else { return Ok(()) };
        let (crm, context) = (self.crm().clone(), self.context().clone());
        let kept = (waiting.attachment, text);
        match records::keep_text(self.view_mut(), &context, &record, kept, &crm.inner.sealer) {
            Err(error) if error.code() == Code::RecordNotFound => Ok(()),
            kept => kept,
        }
    }

    fn set_text(
        &mut self,
        (entity, record): (&str, RecordId),
        attachment: RecordId,
        text: &str,
    ) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let record = self.readable(entity, record)?;
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        check_state(entity, &record)?;
        let (crm, context) = (self.crm().clone(), self.context().clone());
        Holder { permit: &permit, entity, record: &record }.check_write(self.view(), &context)?;
        self.reader().check_sees_attachment(entity, &record, attachment)?;
        let kept = (attachment, text.trim());
        records::keep_text(self.view_mut(), &context, &record, kept, &crm.inner.sealer)
            .map_err(|error| error.entity(&entity.api_name))
    }
}
