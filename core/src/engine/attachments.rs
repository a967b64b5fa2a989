//! Attachments through a session: attached and read as streams, within the permits of their records.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::access::{self, Permit, Update};
use crate::base::{Code, Error, Patience, RecordId, Result, Timestamp};
use crate::engine::audit_trail::Asked;
use crate::engine::session::WriterTurn;
use crate::engine::states::check_state;
use crate::engine::{Attachment, Crm, Reader, Record, Session, SweptBlobs, Transaction, WriteOptions};
use crate::records::{self, Holder, MAX_INLINE_BYTES, NewContent, StoredContent};
use crate::schema::{Entity, Field, FieldType};
use crate::storage::{BlobName, BlobReader, Blobs};

/// The directory of large contents.
const DIRECTORY: &str = "blobs";
/// How old a file is before a sweep takes it for left behind, in microseconds: a day.
const LEFT_BEHIND: i64 = 24 * 60 * 60 * 1_000_000;

/// Reads an attachment from its beginning, or from wherever it is moved to. Each block is verified before a
/// byte of it is given; one that is damaged is an error of the kind `InvalidData` with `storage.damaged` in
/// it, and never another content.
#[derive(Debug)]
pub struct AttachmentReader {
    attachment: Attachment,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Inline(Cursor<Zeroizing<Vec<u8>>>),
    File(Box<BlobReader>),
}

impl AttachmentReader {
    /// What is read.
    #[must_use]
    pub fn attachment(&self) -> &Attachment {
        &self.attachment
    }
}

impl Read for AttachmentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::Inline(bytes) => bytes.read(buffer),
            Content::File(file) => file.read(buffer),
        }
    }
}

impl Seek for AttachmentReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.content {
            Content::Inline(bytes) => bytes.seek(to),
            Content::File(file) => file.seek(to),
        }
    }
}

impl Session {
    /// Attaches a file to a record: all of the content is read as a stream, encrypted and durable before
    /// the record shows it. The same content twice for one person is stored once. Where somebody reads contents of its
    /// type, search finds the record by what is written inside after the next [`Session::extract_texts`].
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted` without the right to change the record; `record.locked`;
    /// `input.invalid_argument` for name or type; `input.limit_exceeded` beyond the setting
    /// `max_attachment_bytes` or 1,000 attachments; `storage.io`, also where the content cannot be read.
    pub fn attach(
        &self,
        entity: &str,
        record: RecordId,
        name: &str,
        media_type: &str,
        content: &mut dyn Read,
    ) -> Result<Attachment> {
        records::check_names(name, media_type)?;
        // Whoever may not attach is told so before any content is read.
        self.read(|reader| reader.check_changeable(entity, record))?;
        let blobs = self.crm().blobs()?;
        let (content, size, sha256) = self.prepare(&blobs, content)?;
        let now = self.crm().now();
        let attachment = Attachment {
            id: self.crm().new_id(),
            name: crate::base::normalize(name),
            media_type: media_type.to_owned(),
            size,
            sha256,
            created_at: now,
            created_by: self.user(),
        };
        let mut transaction = self.begin(WriteOptions::default().cause("attachment.add"))?;
        let attached = transaction.attach(entity, record, attachment, content, &blobs)?;
        transaction.commit()?;
        Ok(attached)
    }

    /// The attachments of a record, in the order in which they came, but for those that fields name which the session
    /// does not see.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`; `pool.views`.
    pub fn attachments(&self, entity: &str, record: RecordId) -> Result<Vec<Attachment>> {
        self.read(|reader| {
            let known = reader.registry.entity(entity)?;
            let permit = reader.permit(known)?;
            let record = reader.stored(&permit, known, record)?;
            reader.opens(known, &record)?;
            let mut all = records::attachments(reader.snapshot, &record)?;
            all.retain(|attachment| !naming(&permit, known, &record, attachment.id).is_hidden());
            Ok(all)
        })
    }

    /// Opens an attachment for reading. What is open stays readable while others take it away.
    ///
    /// # Errors
    /// `record.not_found` for the record and for the attachment, `access.not_permitted`;
    /// `storage.damaged` if the file is missing, or is not the one that was attached.
    pub fn read_attachment(
        &self,
        entity: &str,
        record: RecordId,
        attachment: RecordId,
    ) -> Result<AttachmentReader> {
        let blobs = self.crm().blobs()?;
        let _files_stay = blobs.hold();
        let sealer = &self.crm().inner.sealer;
        let (attachment, content) = self.read(|reader| {
            let known = reader.registry.entity(entity)?;
            let record = reader.stored(&reader.permit(known)?, known, record)?;
            reader.opens(known, &record)?;
            reader.reads(known, &[record.id], &Asked::by("attachment"))?;
            reader.check_sees_attachment(known, &record, attachment)?;
            records::read_attachment(reader.snapshot, known, &record, attachment, sealer)
        })?;
        let content = match content {
            StoredContent::Inline(bytes) => Content::Inline(Cursor::new(bytes)),
            StoredContent::File(file) => {
                let opened = blobs.open(&file).map_err(|error| error.entity(entity).record(record))?;
                Content::File(Box::new(opened))
            }
        };
        Ok(AttachmentReader { attachment, content })
    }

    /// Takes an attachment from a record, and deletes its file if nothing else links it.
    ///
    /// # Errors
    /// `record.not_found` for the record and for the attachment, `access.not_permitted`; `record.locked`.
    pub fn detach(&self, entity: &str, record: RecordId, attachment: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("attachment.remove");
        self.write_with(options, |transaction| transaction.detach(entity, record, attachment))
    }

    /// Reads a content: a small one into memory, a larger one into a draft.
    fn prepare<'a>(
        &self,
        blobs: &'a Blobs,
        content: &mut dyn Read,
    ) -> Result<(NewContent<'a>, u64, [u8; 32])> {
        let most = self.crm().settings().max_attachment_bytes;
        let mut start = Zeroizing::new(Vec::with_capacity(MAX_INLINE_BYTES + 1));
        let room = u64::try_from(MAX_INLINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        content.take(room).read_to_end(&mut start)?;
        let size = start.len() as u64;
        if start.len() <= MAX_INLINE_BYTES && size <= most {
            let sha256 = Sha256::digest(&start).into();
            return Ok((NewContent::Inline(start), size, sha256));
        }
        let mut whole = start.as_slice().chain(content);
        let draft = blobs.write(&mut whole, most, self.crm().now(), self.patience())?;
        let (size, sha256) = (draft.size(), draft.sha256());
        Ok((NewContent::Draft(draft), size, sha256))
    }
}

impl Reader<'_> {
    /// Refuses unless the user may see a record and change it.
    fn check_changeable(&self, entity: &str, record: RecordId) -> Result<()> {
        let entity = self.registry.entity(entity)?;
        let record = self.stored(&self.permit(entity)?, entity, record)?;
        let permit = self.policy.decide::<Update>(self.user, entity.id(), &entity.api_name)?;
        records::check_changeable(&permit, entity, &record)?;
        check_state(entity, &record)
    }

    /// Refuses an attachment that the user does not see, as one that the record does not have.
    pub(super) fn check_sees_attachment(
        &self,
        entity: &Entity,
        record: &Record,
        attachment: RecordId,
    ) -> Result<()> {
        match naming(&self.permit(entity)?, entity, record, attachment).is_hidden() {
            true => Err(records::missing_attachment(attachment).entity(&entity.api_name)),
            false => Ok(()),
        }
    }

    /// Whether the user, who sees the record, may be told of one of its attachments, there or gone. Which fields named one
    /// that is gone is not known any more, so of that is told whoever sees all fields that name attachments.
    pub(super) fn may_know_attachment(
        &self,
        permit: &Permit<access::Read>,
        entity: &Entity,
        record: RecordId,
        attachment: Option<RecordId>,
    ) -> Result<bool> {
        if entity
            .fields()
            .iter()
            .filter(|field| names_attachment(field))
            .all(|field| permit.shows(field.id()))
        {
            return Ok(true);
        }
        let record = match self.standing(permit, entity, record) {
            Err(error) if error.code() == Code::RecordPurged => return Ok(false),
            found => found?,
        };
        let all = records::attachments(self.snapshot, &record)?;
        let there = all.iter().find(|known| Some(known.id) == attachment);
        Ok(there.is_some_and(|there| !naming(permit, entity, &record, there.id).is_hidden()))
    }
}

fn names_attachment(field: &Field) -> bool {
    matches!(field.definition.kind, FieldType::Attachment)
}

/// The fields that name an attachment, for somebody who sees its record: an attachment is seen by whoever sees one of
/// these, and where there is none, by whoever sees the record.
struct Naming<'e> {
    /// The first field that is seen.
    shown: Option<&'e Field>,
    /// Whether there is one that is not.
    by_hidden: bool,
}

impl Naming<'_> {
    fn is_hidden(&self) -> bool {
        self.by_hidden && self.shown.is_none()
    }
}

fn naming<'e>(
    permit: &Permit<access::Read>,
    entity: &'e Entity,
    record: &Record,
    attachment: RecordId,
) -> Naming<'e> {
    let mut naming = Naming { shown: None, by_hidden: false };
    for field in entity.fields() {
        if !names_attachment(field) || record.peek(field.id()).as_id() != Some(attachment) {
            continue;
        }
        if permit.shows_in(|| record.envelope.access_class(), field.id()) {
            naming.shown.get_or_insert(field);
        } else {
            naming.by_hidden = true;
        }
    }
    naming
}

impl Crm {
    /// Deletes the files of attachments that nothing links and that are older than a day: what crashes
    /// left between a file and its commit. A file that a transaction is about to link stays.
    ///
    /// # Errors
    /// `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`, `engine.reentrant`.
    pub fn sweep_attachments(&self, patience: &Patience) -> Result<SweptBlobs> {
        let before = Timestamp::from_micros(self.now().micros().saturating_sub(LEFT_BEHIND));
        // A transaction of this thread would wait for itself.
        let _turn = WriterTurn::take(self)?;
        let blobs = self.blobs()?;
        let mut swept = blobs.sweep_drafts(before)?;
        let names = blobs.names_before(before)?;
        let total = names.len() as u64;
        for (done, name) in (1_u64..).zip(&names) {
            patience.check()?;
            swept.add(self.delete_if_unlinked(&blobs, name, patience)?);
            patience.tell("blobs", done, total);
        }
        Ok(swept)
    }

    /// Where large contents lie.
    pub(super) fn blobs(&self) -> Result<Arc<Blobs>> {
        self.slot(|| {
            let key = self.inner.database.ring().derive("blob");
            Blobs::new(self.inner.path.join(DIRECTORY), key, Arc::clone(&self.inner.random))
        })
    }

    /// Deletes what a durable commit has unlinked. What cannot be deleted now, a sweep deletes: the commit
    /// stands, and its caller is not to be told otherwise.
    pub(super) fn delete_unlinked(&self, names: &[BlobName], patience: &Patience) {
        for name in names {
            let _ = self.blobs().and_then(|blobs| self.delete_if_unlinked(&blobs, name, patience));
        }
    }

    /// Deletes a file that nothing links, while no other transaction can link it.
    fn delete_if_unlinked(&self, blobs: &Blobs, name: &BlobName, patience: &Patience) -> Result<Option<u64>> {
        if records::is_linked(self.snapshot()?.as_ref(), name)? {
            return Ok(None);
        }
        // Files get their names inside of a writer's turn, so nobody gives this one a new content now.
        let store = &self.inner.database.store;
        let turn = store.begin(patience)?;
        if records::is_linked(turn.as_ref(), name)? {
            return Ok(None);
        }
        // A power cut must not bring back a link without its file.
        store.flush()?;
        blobs.delete(name)
    }
}

impl Transaction<'_> {
    /// Attaches a content to a record.
    pub(super) fn attach(
        &mut self,
        entity: &str,
        record: RecordId,
        attachment: Attachment,
        content: NewContent<'_>,
        blobs: &Blobs,
    ) -> Result<Attachment> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let record = self.readable(entity, record)?;
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        check_state(entity, &record)?;
        let (crm, context) = (self.crm().clone(), self.context().clone());
        let bytes = (&crm.inner.sealer, blobs);
        let holder = Holder { permit: &permit, entity, record: &record };
        let attached = records::attach(self.view_mut(), &context, &holder, attachment, content, bytes)?;
        self.await_text(entity.id(), record.id, &attached)?;
        Ok(attached)
    }

    /// Takes an attachment from a record.
    pub(super) fn detach(&mut self, entity: &str, record: RecordId, id: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let record = self.readable(entity, record)?;
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        check_state(entity, &record)?;
        if let Some(field) = naming(&self.reader().permit(entity)?, entity, &record, id).shown {
            let held = Error::new(Code::Referenced).entity(&entity.api_name);
            return Err(held.field(&field.api_name).record(id));
        }
        records::check_unheld(self.view(), self.legal_holds().as_ref(), entity, &record)?;
        let holder = Holder { permit: &permit, entity, record: &record };
        let context = self.context().clone();
        holder.check_write(self.view(), &context)?;
        self.reader().check_sees_attachment(entity, &record, id)?;
        let file = records::detach(self.view_mut(), &context, &holder, id)?;
        self.unlinked.extend(file);
        Ok(())
    }
}
