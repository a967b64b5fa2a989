//! Large contents: streamed in and out, whole or an error, and gone when nothing speaks of them.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::random;
use crate::base::{Code, Patience, Result, Timestamp};
use crate::storage::{BlobFile, Blobs};

const NOON: Timestamp = Timestamp::from_micros(1_795_320_000_000_000);
const LATER: Timestamp = Timestamp::from_micros(1_795_320_000_000_001);
const BLOCK: usize = 65_536;
const HEAD: usize = 16;
const OWNER: [u8; 16] = [7; 16];

fn blobs(directory: &Path) -> Blobs {
    Blobs::new(directory.to_owned(), Zeroizing::new([3; 32]), random()).unwrap()
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|number| (number * 31 % 251) as u8).collect()
}

fn write(blobs: &Blobs, mut content: &[u8]) -> BlobFile {
    let draft = blobs.write(&mut content, u64::MAX, NOON, &Patience::default()).unwrap();
    let name = blobs.name_of(&OWNER, &draft.sha256());
    blobs.place(draft, &name).unwrap()
}

fn read(blobs: &Blobs, file: &BlobFile) -> Result<Vec<u8>> {
    let mut reader = blobs.open(file)?;
    let mut content = Vec::new();
    reader.read_to_end(&mut content).map_err(|error| error.downcast::<crate::base::Error>().unwrap())?;
    Ok(content)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_content_comes_back_as_it_went_whatever_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 777] {
        let content = text(length);
        let file = write(&blobs, &content);
        assert_eq!(file.size, length as u64);
        assert_eq!(read(&blobs, &file).unwrap(), content, "{length} bytes");
    }
}

/// Gives a byte at a time, then a few, as pipes do.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 7_919 + 1;
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn a_source_may_give_its_bytes_in_any_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let content = text(2 * BLOCK + 5);
    let draft = blobs.write(&mut Trickle(&content, 0), u64::MAX, NOON, &Patience::default()).unwrap();
    assert_eq!(draft.sha256(), <[u8; 32]>::from(Sha256::digest(&content)));
    let file = blobs.place(draft, &blobs.name_of(&OWNER, &[1; 32])).unwrap();
    assert_eq!(read(&blobs, &file).unwrap(), content);
}

/// Makes up its bytes, and knows how many it was asked for at once and how many were read.
struct Endless {
    left: u64,
    largest: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = buffer.len().min(usize::try_from(self.left).unwrap());
        buffer[..read].fill(b'x');
        self.left -= read as u64;
        self.largest = self.largest.max(buffer.len());
        Ok(read)
    }
}

#[test]
fn twenty_mebibytes_pass_through_a_buffer_of_one_block() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let size = 20 << 20;
    let mut source = Endless { left: size, largest: 0 };
    let draft = blobs.write(&mut source, u64::MAX, NOON, &Patience::default()).unwrap();
    assert!(source.largest <= BLOCK, "{}", source.largest);
    let file = blobs.place(draft, &blobs.name_of(&OWNER, &[1; 32])).unwrap();
    let mut reader = blobs.open(&file).unwrap();
    let (mut total, mut largest) = (0, 0);
    loop {
        let piece = reader.rest_of_block().unwrap();
        if piece.is_empty() {
            break;
        }
        assert!(piece.iter().all(|byte| *byte == b'x'));
        largest = largest.max(piece.len());
        let read = piece.len();
        total += read as u64;
        reader.advance(read);
    }
    assert_eq!((total, largest), (size, BLOCK));
}

#[test]
fn a_piece_anywhere_is_what_stands_there() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let content = text(3 * BLOCK + 100);
    let mut reader = blobs.open(&write(&blobs, &content)).unwrap();
    for start in [0, 5, BLOCK - 1, BLOCK, 2 * BLOCK + 17, content.len() - 1, content.len(), content.len() + 9]
    {
        let place = reader.seek(SeekFrom::Start(start as u64)).unwrap();
        assert_eq!(place, start as u64);
        let mut piece = Vec::new();
        (&mut reader).take(70_000).read_to_end(&mut piece).unwrap();
        let start = start.min(content.len());
        assert_eq!(piece, content[start..(start + 70_000).min(content.len())], "from {start}");
    }
    assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), content.len() as u64 - 3);
    assert_eq!(reader.seek(SeekFrom::Current(1)).unwrap(), content.len() as u64 - 2);
    reader.seek(SeekFrom::Current(-1_000_000)).unwrap_err();
    reader.seek(SeekFrom::End(i64::MIN)).unwrap_err();
}

#[test]
fn every_byte_of_a_file_that_is_flipped_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let content = text(900);
    let file = write(&blobs, &content);
    let path = files(folder.path()).remove(0);
    let sealed = fs::read(&path).unwrap();
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&path, changed).unwrap();
        let code = read(&blobs, &file).unwrap_err().code();
        let expected = if (8..12).contains(&place) { Code::NewerFormat } else { Code::Damaged };
        assert_eq!(code, expected, "byte {place}");
    }
}

#[test]
fn blocks_that_are_cut_moved_added_or_of_another_file_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let content = text(3 * BLOCK);
    let file = write(&blobs, &content);
    let path = files(folder.path()).remove(0);
    let sealed = fs::read(&path).unwrap();
    let other = write(&blobs, &text(3 * BLOCK + 1)[1..]);
    let other_path = files(folder.path()).into_iter().find(|other| *other != path).unwrap();
    let foreign = fs::read(other_path).unwrap();
    let step = BLOCK + 16;
    let first = HEAD..HEAD + step;
    let mut swapped = sealed.clone();
    swapped[HEAD..HEAD + 2 * step].rotate_left(step);
    let mut mixed = sealed.clone();
    mixed[first.clone()].copy_from_slice(&foreign[first]);
    let longer = [sealed.as_slice(), &sealed[HEAD + 2 * step..]].concat();
    for (what, bytes) in [
        ("cut by a block", sealed[..HEAD + 2 * step].to_vec()),
        ("cut by a byte", sealed[..sealed.len() - 1].to_vec()),
        ("empty", Vec::new()),
        ("two blocks swapped", swapped),
        ("a block of another file", mixed),
        ("a block more", longer),
        ("another file", foreign.clone()),
    ] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(read(&blobs, &file).unwrap_err().code(), Code::Damaged, "{what}");
    }
    // A row that was made to say fewer blocks does not make a shorter content of the file.
    fs::write(&path, &sealed[..HEAD + 2 * step]).unwrap();
    let shorter = BlobFile { size: 2 * BLOCK as u64, ..file.clone() };
    assert_eq!(read(&blobs, &shorter).unwrap_err().code(), Code::Damaged);
    fs::remove_file(&path).unwrap();
    assert_eq!(read(&blobs, &file).unwrap_err().code(), Code::Damaged);
    assert_eq!(read(&blobs, &other).unwrap().len(), 3 * BLOCK);
}

#[test]
fn a_damaged_block_gives_no_byte_and_the_blocks_before_it_stay_readable() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let content = text(2 * BLOCK);
    let file = write(&blobs, &content);
    let path = files(folder.path()).remove(0);
    let mut sealed = fs::read(&path).unwrap();
    sealed[HEAD + BLOCK + 16 + 5] ^= 1;
    fs::write(&path, sealed).unwrap();
    let mut reader = blobs.open(&file).unwrap();
    let mut found = Vec::new();
    let error = reader.read_to_end(&mut found).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(found, content[..BLOCK]);
    let mut buffer = [0; 10];
    for _ in 0..2 {
        reader.seek(SeekFrom::Start(BLOCK as u64)).unwrap();
        reader.read(&mut buffer).unwrap_err();
        assert_eq!(buffer, [0; 10]);
    }
}

#[test]
fn equal_contents_have_other_names_for_other_owners_and_other_databases() {
    let folder = tempfile::tempdir().unwrap();
    let one = blobs(folder.path());
    let other = Blobs::new(folder.path().to_owned(), Zeroizing::new([4; 32]), random()).unwrap();
    let names =
        [one.name_of(&OWNER, &[1; 32]), one.name_of(&[8; 16], &[1; 32]), other.name_of(&OWNER, &[1; 32])];
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
    assert_eq!(names[0], one.name_of(&OWNER, &[1; 32]));
    // The same content written twice has nothing in common on disk.
    let content = text(BLOCK);
    let first = write(&one, &content);
    let before = fs::read(files(folder.path()).remove(0)).unwrap();
    assert_ne!(write(&one, &content).key, first.key);
    let after = fs::read(files(folder.path()).remove(0)).unwrap();
    let same =
        before[HEAD..].chunks(16).zip(after[HEAD..].chunks(16)).filter(|(old, new)| old == new).count();
    assert_eq!((same, files(folder.path()).len()), (0, 1));
}

#[test]
fn neither_content_nor_hash_nor_key_can_be_found_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let content = b"canary-content".repeat(9_000);
    let file = write(&blobs, &content);
    let digest = Sha256::digest(&content);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    for path in files(folder.path()) {
        assert!(!path.display().to_string().contains(hex.get(..16).unwrap()));
        let bytes = fs::read(path).unwrap();
        for needle in [&b"canary"[..], &digest[..8], &file.key[..8]] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
    }
    assert!(!format!("{blobs:?} {file:?} {:?}", blobs.open(&file).unwrap()).contains("key"));
}

/// Fails after so many bytes.
struct Broken(u64);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the line is dead"));
        }
        let read = buffer.len().min(usize::try_from(self.0).unwrap());
        self.0 -= read as u64;
        Ok(read)
    }
}

#[test]
fn a_source_that_fails_a_limit_and_impatience_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let refusal = |source: &mut dyn Read, most, patience: &Patience| {
        let error = blobs.write(source, most, NOON, patience).map(drop).unwrap_err();
        assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
        error
    };
    let patient = Patience::default();
    assert_eq!(refusal(&mut Broken(100_000), u64::MAX, &patient).code(), Code::Io);
    let error = refusal(&mut text(200_000).as_slice(), 199_999, &patient);
    assert_eq!((error.code(), error.field_name()), (Code::LimitExceeded, Some("content")));
    // What is endless is refused once it is too long.
    assert_eq!(refusal(&mut io::repeat(1), 1 << 20, &patient).code(), Code::LimitExceeded);
    let cancelled = Patience::default();
    cancelled.token().cancel();
    assert_eq!(refusal(&mut io::repeat(1), u64::MAX, &cancelled).code(), Code::Cancelled);
    blobs.write(&mut text(200_000).as_slice(), 200_000, NOON, &patient).unwrap();
    assert_eq!(files(folder.path()).len(), 0, "a draft that nobody places goes");
}

#[test]
fn drafts_that_a_crash_left_are_swept_once_they_are_old_and_those_at_work_stay() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let at_work = blobs.write(&mut text(100).as_slice(), u64::MAX, NOON, &Patience::default()).unwrap();
    let left = folder.path().join("0123456789abcdef.draft");
    fs::copy(files(folder.path()).remove(0), &left).unwrap();
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_micros(1_795_320_000_000_000);
    fs::File::options().write(true).open(&left).unwrap().set_modified(modified).unwrap();
    assert_eq!(blobs.sweep_drafts(NOON).unwrap().files, 0);
    let swept = blobs.sweep_drafts(LATER).unwrap();
    assert_eq!((swept.files, swept.bytes), (1, 132));
    let file = blobs.place(at_work, &blobs.name_of(&OWNER, &[1; 32])).unwrap();
    assert_eq!(read(&blobs, &file).unwrap(), text(100));
    assert_eq!(blobs.names_before(NOON).unwrap(), []);
    assert_eq!(blobs.names_before(LATER).unwrap(), [file.name]);
}

#[test]
fn while_somebody_holds_the_files_none_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let file = write(&blobs, &text(100));
    let (one, other) = (blobs.hold(), blobs.hold());
    assert_eq!(blobs.delete(&file.name).unwrap(), None);
    drop(one);
    assert_eq!(blobs.delete(&file.name).unwrap(), None);
    assert!(read(&blobs, &file).is_ok());
    drop(other);
    assert_eq!(blobs.delete(&file.name).unwrap(), Some(132));
    assert_eq!(blobs.delete(&file.name).unwrap(), None);
}
