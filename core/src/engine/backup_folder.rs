//! A folder of backups: named so that a person finds them, listed from what each says of itself.
//!
//! The file `catalogue.json` beside them repeats that list with the hash of each file, for other programs
//! and so that no file is hashed twice. It follows from the files and may be deleted.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result, Timestamp};
use crate::engine::{BackupReport, BackupScope, Rotation, RotationPolicy, Session};
use crate::storage::{BackupHeader, BackupKind, Head, sync_directory};

/// What the names of backups end with.
const EXTENSION: &str = "gxb";
/// The file by which one writer at a time has the folder.
const LOCK: &str = ".backup.lock";
/// The list beside the backups.
const CATALOGUE: &str = "catalogue.json";
/// Bytes of a file that are in memory at once.
const CHUNK: usize = 64 * 1_024;

/// A folder with backups of one database or of several.
#[derive(Debug, Clone)]
pub struct BackupFolder {
    path: PathBuf,
}

/// That a folder is one writer's. It ends with this, and with the process.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

/// One backup of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name in the folder.
    pub name: String,
    /// What it says of itself.
    pub header: BackupHeader,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Whether it can be restored with what the folder holds: for an increment, every backup before it
    /// is there.
    pub is_whole: bool,
}

/// What a folder holds, in the order of databases and then of what is in the backups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupCatalogue {
    /// The backups.
    pub backups: Vec<BackupFile>,
    /// Files that bear the name of a backup and are none.
    pub unreadable: Vec<String>,
}

impl BackupFile {
    /// Which keys open it: the database's id in 32 hexadecimal digits, and how often its key slots had
    /// been rewritten.
    #[must_use]
    pub fn key_id(&self) -> String {
        key_id(&self.header)
    }

    /// Everything about it as JSON, with the moment in RFC 3339 and hashes in hexadecimal digits.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = header_to_json(&self.header);
        if let Some(members) = json.as_object_mut() {
            members.insert("name".to_owned(), json!(self.name));
            members.insert("bytes".to_owned(), json!(self.bytes));
            members.insert("sha256".to_owned(), json!(hex(&self.sha256)));
            members.insert("whole".to_owned(), json!(self.is_whole));
        }
        json
    }
}

/// What a backup says of itself, as JSON.
pub(crate) fn header_to_json(header: &BackupHeader) -> Json {
    let point = |head: Head| json!({"position": head.position, "hash": hex(&head.hash)});
    json!({
        "kind": header.kind.name(),
        "id": hex(&header.id),
        "database": hex(&header.database),
        "from": point(header.from),
        "to": point(header.to),
        "at": header.at.to_string(),
        "key": key_id(header),
    })
}

fn key_id(header: &BackupHeader) -> String {
    format!("{}-{}", hex(&header.database), header.key_generation)
}

impl BackupCatalogue {
    /// The backups that a restore needs: the newest whole chain of a database up to an entry of its ledger,
    /// the full backup first. Nothing where there is none.
    #[must_use]
    pub fn chain(&self, database: &[u8; 16], up_to: Option<u64>) -> Vec<&BackupFile> {
        let reaches = |file: &&BackupFile| {
            file.is_whole && file.header.database == *database && file.header.kind != BackupKind::Keys
        };
        let ends = self.backups.iter().filter(reaches);
        let end = match up_to {
            None => ends.max_by_key(|file| (file.header.to.position, file.header.at)),
            Some(position) => {
                let ends = ends.filter(|file| file.header.to.position >= position);
                ends.min_by_key(|file| (file.header.to.position, std::cmp::Reverse(file.header.at)))
            }
        };
        let mut chain: Vec<&BackupFile> = end.into_iter().collect();
        while let Some(before) = chain.last().and_then(|file| self.before(file)) {
            chain.push(before);
        }
        chain.reverse();
        chain
    }

    /// The newest backup of the keys of a database's persons.
    #[must_use]
    pub fn newest_keys(&self, database: &[u8; 16]) -> Option<&BackupFile> {
        let keys = self.backups.iter().filter(|file| file.header.kind == BackupKind::Keys);
        keys.filter(|file| file.header.database == *database).max_by_key(|file| file.header.at)
    }

    /// The backup that an increment follows, a whole one if there is one.
    pub(super) fn before(&self, file: &BackupFile) -> Option<&BackupFile> {
        let candidates = self.backups.iter().filter(|other| follows(file, other));
        candidates.max_by_key(|other| (other.is_whole, other.header.at))
    }
}

/// Whether an increment begins where another backup ended.
fn follows(file: &BackupFile, other: &BackupFile) -> bool {
    let (header, before) = (&file.header, &other.header);
    header.kind == BackupKind::Incremental
        && before.kind != BackupKind::Keys
        && header.id != before.id
        && header.database == before.database
        && header.from == before.to
}

impl BackupFolder {
    /// A folder that is there.
    ///
    /// # Errors
    /// `input.invalid_argument` for what is no folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path: path.to_owned() }),
            found => {
                let refused =
                    Error::new(Code::InvalidArgument).field("folder").rule("a folder that is there");
                Err(match found {
                    Ok(_) => refused,
                    Err(error) => refused.because(error),
                })
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder for one writer, as long as what is given stands: no other thread and no other process gets it.
    ///
    /// # Errors
    /// `backup.running` where another one has it; `storage.io`.
    pub(crate) fn lock(&self) -> Result<FolderLock> {
        let file = File::options().create(true).append(true).open(self.path.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(Error::new(Code::BackupRunning).value(&self.path.to_string_lossy()))
            }
            Err(fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Everything that the folder holds. A file that is no backup is named as such and stops nothing.
    ///
    /// # Errors
    /// `storage.io`.
    pub fn list(&self) -> Result<BackupCatalogue> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            names.extend(name.to_str().filter(|name| is_backup_name(name)).map(str::to_owned));
        }
        names.sort_unstable();
        let known = self.known();
        let mut catalogue = BackupCatalogue::default();
        for name in names {
            match self.look_at(&name, &known) {
                Ok(file) => catalogue.backups.push(file),
                Err(error) if error.code() == Code::Io => return Err(error),
                Err(_) => catalogue.unreadable.push(name),
            }
        }
        let order = |file: &BackupFile| (file.header.database, file.header.to.position, file.header.at);
        catalogue.backups.sort_by_key(order);
        mark_whole(&mut catalogue);
        Ok(catalogue)
    }

    /// Deletes what a policy no longer keeps. See [`BackupCatalogue::plan`].
    ///
    /// # Errors
    /// `storage.io`; what was deleted until then stays deleted, and what is left is whole.
    pub fn rotate(&self, policy: RotationPolicy, now: Timestamp) -> Result<Rotation> {
        let plan = self.list()?.plan(policy, now);
        for name in &plan.delete {
            fs::remove_file(self.path.join(name))?;
        }
        sync_directory(&self.path)?;
        self.write_catalogue()?;
        Ok(plan)
    }

    /// Opens a backup of the folder to read it.
    ///
    /// # Errors
    /// `storage.io`.
    pub fn read(&self, file: &BackupFile) -> Result<File> {
        Ok(File::open(self.path.join(&file.name))?)
    }

    fn look_at(&self, name: &str, known: &[Json]) -> Result<BackupFile> {
        let mut file = File::open(self.path.join(name))?;
        let bytes = file.metadata()?.len();
        let header = BackupHeader::read(&mut file)?;
        let id = hex(&header.id);
        let same = |entry: &&Json| {
            entry["name"].as_str() == Some(name)
                && entry["bytes"].as_u64() == Some(bytes)
                && entry["id"].as_str() == Some(&id)
        };
        let told = known.iter().find(same).and_then(|entry| unhex(entry["sha256"].as_str()?));
        let sha256 = match told {
            Some(sha256) => sha256,
            None => hash(File::open(self.path.join(name))?)?,
        };
        Ok(BackupFile { name: name.to_owned(), header, bytes, sha256, is_whole: false })
    }

    /// What the list beside the backups says; nothing if it is not there or cannot be read.
    fn known(&self) -> Vec<Json> {
        let text = fs::read(self.path.join(CATALOGUE)).unwrap_or_default();
        let json: Json = serde_json::from_slice(&text).unwrap_or_default();
        json.get("backups").and_then(Json::as_array).cloned().unwrap_or_default()
    }

    fn write_catalogue(&self) -> Result<()> {
        let backups: Vec<Json> = self.list()?.backups.iter().map(BackupFile::to_json).collect();
        let draft = self.path.join(format!(".{CATALOGUE}.draft"));
        let mut file = File::create(&draft)?;
        file.write_all(format!("{:#}\n", json!({"backups": backups})).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, self.path.join(CATALOGUE))?;
        sync_directory(&self.path)
    }

    /// Writes a file under a draft name and puts it in its place when it is whole.
    fn write_file(
        &self,
        stem: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<BackupReport>,
    ) -> Result<BackupReport> {
        let draft = self.path.join(format!(".{stem}.{EXTENSION}.draft"));
        let written = File::create(&draft).map_err(Error::from).and_then(|mut file| {
            let report = write(&mut file)?;
            file.sync_all()?;
            let path = self.path.join(name_of(stem, &report.header));
            if fs::symlink_metadata(&path).is_ok() {
                return Err(Error::new(Code::AlreadyExists).value(&path.to_string_lossy()));
            }
            fs::rename(&draft, path)?;
            Ok(report)
        });
        if written.is_err() {
            // What went wrong is told; a draft that cannot be removed is only an unused file.
            let _ = fs::remove_file(&draft);
        }
        let report = written?;
        sync_directory(&self.path)?;
        self.write_catalogue()?;
        Ok(report)
    }
}

impl Session {
    /// Writes a backup into a folder, under the name of the database, the moment, the kind and the last
    /// entry of the ledger. An increment follows the newest backup of the folder that it can follow.
    ///
    /// # Errors
    /// As [`Session::backup`]; `storage.backup_chain` for an increment where there is no full backup yet.
    pub fn backup_to(&self, folder: &BackupFolder, kind: BackupKind) -> Result<BackupFile> {
        let stem = stem_of(self.crm().path());
        let report = match kind {
            BackupKind::Full => folder.write_file(&stem, |out| self.backup(out, BackupScope::Everything))?,
            BackupKind::Keys => folder.write_file(&stem, |out| self.backup_keys(out))?,
            BackupKind::Incremental => {
                let before = self.newest_before(folder)?;
                folder.write_file(&stem, |out| self.backup(out, BackupScope::Since(&before)))?
            }
        };
        let written = folder.list()?.backups.into_iter().find(|file| file.header.id == report.header.id);
        written.ok_or_else(|| Error::new(Code::Io).rule("the backup is gone"))
    }

    /// The newest whole backup of a folder that is of this database's past.
    fn newest_before(&self, folder: &BackupFolder) -> Result<BackupHeader> {
        let mut past = folder.list()?.backups;
        past.retain(|file| file.is_whole && self.check_before(&file.header).is_ok());
        let newest = past.into_iter().max_by_key(|file| (file.header.to.position, file.header.at));
        let missing = || Error::new(Code::BackupChain).rule("a full backup comes before increments");
        newest.map(|file| file.header).ok_or_else(missing)
    }
}

/// Marks what can be restored: a backup of all or of keys, and an increment behind something that can.
fn mark_whole(catalogue: &mut BackupCatalogue) {
    // Increments stand behind what they follow, for they end later.
    for place in 0..catalogue.backups.len() {
        let (earlier, rest) = catalogue.backups.split_at_mut(place);
        if let Some(file) = rest.first_mut() {
            file.is_whole = file.header.kind != BackupKind::Incremental
                || earlier.iter().any(|other| other.is_whole && follows(file, other));
        }
    }
}

/// Whether a file is named as a backup; one that is being written begins with a point.
fn is_backup_name(name: &str) -> bool {
    !name.starts_with('.') && Path::new(name).extension().is_some_and(|extension| extension == EXTENSION)
}

/// The name of a database for the names of its backups.
fn stem_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect()
}

fn name_of(stem: &str, header: &BackupHeader) -> String {
    let moment = header.at.to_string();
    let seconds = moment.split(['.', 'Z']).next().unwrap_or_default();
    let compact: String = seconds.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{stem}-{compact}Z-{}-{}.{EXTENSION}", header.kind.name(), header.to.position)
}

fn hash(mut file: File) -> Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(count) => digest.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let pairs = text.as_bytes().chunks(2);
    let digits = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    digits.collect::<Option<Vec<u8>>>()?.try_into().ok()
}
