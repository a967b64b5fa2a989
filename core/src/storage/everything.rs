//! Everything that whoever holds the key can read out of the files of a closed database, whether or not it is still in
//! use: for tests of what is gone.

use std::path::Path;
use std::sync::Arc;

use crate::base::{OsRandom, Random, Result};
use crate::storage::database::{DATA, JOURNAL, KEYS};
use crate::storage::device::Device;
use crate::storage::frozen::FrozenDevice;
use crate::storage::journal::Journal;
use crate::storage::keys::{Key, KeyRing};
use crate::storage::salvage_pages::Pages;
use crate::storage::subject_keys::file_key;
use crate::storage::superblock::{FileKind, Superblock};

/// Every unit of pages of `data` and `keys` that opens, and every record of the journal, of whatever generation.
///
/// # Errors
/// [`Code::Io`](crate::base::Code::Io), and those of a key that does not open it.
pub fn everything(path: &Path, key: &Key) -> Result<Vec<Vec<u8>>> {
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let (ring, mut texts) = pages(&path.join(DATA), FileKind::Data, key, &random)?;
    texts.extend(pages(&path.join(KEYS), FileKind::SubjectKeys, &file_key(&ring), &random)?.1);
    let journal: Arc<dyn Device> = Arc::new(FrozenDevice::open(&path.join(JOURNAL))?);
    texts.extend(Journal::over(journal, &ring, random)?.whole_records(None)?.0);
    Ok(texts)
}

fn pages(
    path: &Path,
    kind: FileKind,
    key: &Key,
    random: &Arc<dyn Random>,
) -> Result<(KeyRing, Vec<Vec<u8>>)> {
    let device: Arc<dyn Device> = Arc::new(FrozenDevice::open(path)?);
    let (_, ring) = Superblock::unlock(device.as_ref(), kind, key)?;
    let pages = Pages::of(device, &ring, Arc::clone(random))?;
    let texts = (0..pages.count()).filter_map(|page| pages.read_any(page)).collect();
    Ok((ring, texts))
}
