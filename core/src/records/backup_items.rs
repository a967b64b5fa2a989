//! What stands one after the other in the content of a backup: items of a tag and their parts.

use zeroize::Zeroizing;

use crate::base::{Code, Error, Patience, Result};
use crate::records::codec::Writer;
use crate::storage::{BackupReader, BackupWriter};

/// Bytes of a file that are in memory at once.
const CHUNK: usize = 64 * 1_024;
/// Items after which a reader looks whether to go on.
const PAUSE: u64 = 100;

/// What an item is. FORMAT.md, chapter "Backup", describes its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// A row of the table `meta`: key, value.
    Meta,
    /// The last record number of an entity: key, value.
    Counter,
    /// A record of nobody in particular: key, bytes.
    Record,
    /// A record of a person: key, subject, what erasure would leave of it, all of it under the person's key.
    Person,
    /// What erasure would leave of a person's record that the entries behind it change: key, subject, bytes.
    Shell,
    /// An entry of the ledger: chained part, sealed part.
    Entry,
    /// A row of the table `attachments` of nobody in particular: key, value.
    Attachment,
    /// A row of the table `attachments` of a person: key, subject, the value under the person's key.
    PersonAttachment,
    /// A file of the folder `blobs`: name, length in 8 bytes; its bytes follow.
    File,
    /// The key of a data subject: subject, key.
    SubjectKey,
    /// Nothing follows.
    End,
}

impl Tag {
    /// Each tag with its number and how many parts it has.
    const ALL: [(Self, u8, usize); 11] = [
        (Self::End, 0, 0),
        (Self::Meta, 1, 2),
        (Self::Counter, 2, 2),
        (Self::Record, 3, 2),
        (Self::Person, 4, 4),
        (Self::Shell, 5, 3),
        (Self::Entry, 6, 2),
        (Self::Attachment, 7, 2),
        (Self::PersonAttachment, 8, 3),
        (Self::File, 9, 2),
        (Self::SubjectKey, 10, 2),
    ];
}

/// One item as it is read.
#[derive(Debug)]
pub(super) struct Item {
    pub tag: Tag,
    parts: Vec<Zeroizing<Vec<u8>>>,
}

impl Item {
    /// The parts, which are as many as the tag says.
    pub fn parts<const N: usize>(&self) -> Result<[&[u8]; N]> {
        let parts: Vec<&[u8]> = self.parts.iter().map(|part| part.as_slice()).collect();
        parts.try_into().map_err(|_| damaged())
    }
}

/// How many items of each kind a backup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupCounts {
    /// Records, deleted ones among them.
    pub records: u64,
    /// Those among them that are sealed under the key of a person.
    pub persons: u64,
    /// Entries of the ledger.
    pub entries: u64,
    /// Rows of attachments.
    pub attachments: u64,
    /// Files of large attachments.
    pub files: u64,
    /// Keys of persons.
    pub keys: u64,
    /// Facts of the database itself.
    pub facts: u64,
}

impl BackupCounts {
    /// Both counts together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_add(other.records),
            persons: self.persons.saturating_add(other.persons),
            entries: self.entries.saturating_add(other.entries),
            attachments: self.attachments.saturating_add(other.attachments),
            files: self.files.saturating_add(other.files),
            keys: self.keys.saturating_add(other.keys),
            facts: self.facts.saturating_add(other.facts),
        }
    }

    /// Counts one item.
    pub(super) fn count(&mut self, tag: Tag) {
        let counters: &mut [&mut u64] = match tag {
            Tag::Meta | Tag::Counter => &mut [&mut self.facts],
            Tag::Record => &mut [&mut self.records],
            Tag::Person => &mut [&mut self.records, &mut self.persons],
            Tag::Entry => &mut [&mut self.entries],
            Tag::Attachment | Tag::PersonAttachment => &mut [&mut self.attachments],
            Tag::File => &mut [&mut self.files],
            Tag::SubjectKey => &mut [&mut self.keys],
            Tag::Shell | Tag::End => &mut [],
        };
        for counter in counters {
            **counter = counter.saturating_add(1);
        }
    }

    /// The counts as the end of a backup holds them: eight bytes each.
    pub(super) fn encode(&self) -> Vec<u8> {
        let counts =
            [self.records, self.persons, self.entries, self.attachments, self.files, self.keys, self.facts];
        counts.iter().flat_map(|count| count.to_be_bytes()).collect()
    }
}

/// Writes items and counts them.
pub(super) struct ItemWriter<'a> {
    writer: BackupWriter<'a>,
    pub counts: BackupCounts,
}

impl<'a> ItemWriter<'a> {
    pub fn new(writer: BackupWriter<'a>) -> Self {
        Self { writer, counts: BackupCounts::default() }
    }

    pub fn put(&mut self, tag: Tag, parts: &[&[u8]]) -> Result<()> {
        let number = Tag::ALL.iter().find(|(known, _, _)| *known == tag).map_or(0, |(_, number, _)| *number);
        self.writer.put(&[number])?;
        for part in parts {
            let mut length = Writer::default();
            length.varint(part.len() as u128);
            self.writer.put(&length.finish())?;
            self.writer.put(part)?;
        }
        self.counts.count(tag);
        Ok(())
    }

    /// Bytes that belong to the item before.
    pub fn put_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.put(bytes)
    }

    /// Ends the backup; gives what it holds and its length in bytes.
    pub fn finish(mut self) -> Result<(BackupCounts, u64)> {
        self.put(Tag::End, &[])?;
        let bytes = self.writer.finish(&self.counts.encode())?;
        Ok((self.counts, bytes))
    }
}

/// Reads items and counts them.
pub(super) struct ItemReader<'a> {
    reader: BackupReader<'a>,
    counts: BackupCounts,
    read: u64,
}

impl<'a> ItemReader<'a> {
    pub fn new(reader: BackupReader<'a>) -> Self {
        Self { reader, counts: BackupCounts::default(), read: 0 }
    }

    /// The next item; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Item>> {
        let number = self.byte()?;
        let known = Tag::ALL.iter().find(|(_, known, _)| *known == number);
        let (tag, _, parts) = known.ok_or_else(|| Error::new(Code::NewerFormat).rule("backup"))?;
        if *tag == Tag::End {
            return Ok(None);
        }
        self.counts.count(*tag);
        let parts = (0..*parts).map(|_| self.part()).collect::<Result<_>>()?;
        Ok(Some(Item { tag: *tag, parts }))
    }

    /// Hands on the bytes of a file that follow its item, whose part says how many they are.
    pub fn content(
        &mut self,
        length: &[u8],
        patience: &Patience,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut left = u64::from_be_bytes(length.try_into().map_err(|_| damaged())?);
        let mut buffer = vec![0; CHUNK];
        while left > 0 {
            patience.check()?;
            let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let part = buffer.get_mut(..wanted).unwrap_or_default();
            self.reader.fill(part)?;
            take(part)?;
            left = left.saturating_sub(part.len() as u64);
        }
        Ok(())
    }

    /// Looks at the caller's patience from time to time, and tells how many items were read.
    pub fn pause(&mut self, patience: &Patience) -> Result<()> {
        self.read = self.read.saturating_add(1);
        if self.read.is_multiple_of(PAUSE) {
            patience.check()?;
            patience.tell("backup", self.read, 0);
        }
        Ok(())
    }

    /// Checks the end of the backup, and gives what it held.
    pub fn finish(self) -> Result<BackupCounts> {
        let told = self.reader.finish()?;
        if told == self.counts.encode() { Ok(self.counts) } else { Err(damaged()) }
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.reader.fill(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    }

    fn part(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        let mut length = 0_u32;
        for shift in (0..32).step_by(7) {
            let byte = self.byte()?;
            let part = u32::from(byte & 0x7F);
            length |= part.checked_shl(shift).filter(|moved| moved >> shift == part).ok_or_else(damaged)?;
            if byte & 0x80 == 0 {
                let mut bytes = Zeroizing::new(vec![0; usize::try_from(length).map_err(|_| damaged())?]);
                self.reader.fill(&mut bytes)?;
                return Ok(bytes);
            }
        }
        Err(damaged())
    }
}

/// Reads a whole backup, and keeps nothing of it: whoever gets the counts knows that each byte of it is
/// as it was written.
///
/// # Errors
/// `storage.damaged`, `storage.newer_format`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn read_through(reader: BackupReader<'_>, patience: &Patience) -> Result<BackupCounts> {
    let mut items = ItemReader::new(reader);
    while let Some(item) = items.next()? {
        items.pause(patience)?;
        if item.tag == Tag::File {
            let [_, length] = item.parts()?;
            items.content(length, patience, &mut |_| Ok(()))?;
        }
    }
    items.finish()
}

/// What all damage of a backup is called.
pub(super) fn damaged() -> Error {
    Error::new(Code::Damaged).rule("backup")
}
