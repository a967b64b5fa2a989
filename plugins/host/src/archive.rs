//! A package in one file: a tar archive of plain files, each by its path in the package, read whole into memory.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use guanxi::base::{Code, Error, Result};

/// Largest package in one file, in bytes.
pub(crate) const MAX_ARCHIVE: u64 = 1 << 30;
/// Most files of a package.
const MAX_FILES: usize = 256;
/// Longest path of a file in a package, in bytes.
const MAX_PATH: usize = 256;

/// Takes an archive apart: the bytes of each file by its path.
///
/// # Errors
/// `plugin.archive` for bytes that are no archive, for anything but plain files with plain paths, and for a path that is
/// there twice.
pub(crate) fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let refused = |rule: &str| Error::new(Code::PluginDamaged).rule(rule);
    let broken = |error: std::io::Error| refused("a tar archive").because(error);
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(refused("plain files alone"));
        }
        let path = String::from_utf8(entry.path_bytes().into_owned());
        let path = path.map_err(|error| refused("paths in UTF-8").because(error))?;
        if !is_plain(&path) {
            return Err(refused("plain paths inside of the package").value(&path));
        }
        let length = entry.size();
        let mut content = Vec::new();
        // What an entry says of its length is bounded by the archive, which is in memory.
        entry.take(length).read_to_end(&mut content).map_err(broken)?;
        if files.insert(path.clone(), content).is_some() || files.len() > MAX_FILES {
            return Err(refused("each file once, and at most 256").value(&path));
        }
    }
    if files.is_empty() { Err(refused("a tar archive")) } else { Ok(files) }
}

/// Puts files into an archive, in the order of their paths and without times or owners, so that the same files are the
/// same bytes.
///
/// # Errors
/// `storage.io`.
pub(crate) fn archive(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, path, content.as_slice())?;
    }
    Ok(builder.into_inner()?)
}

/// Whether a path stays in the package: words joined by slashes, none of them of points alone.
pub(crate) fn is_plain(path: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.starts_with('.')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    path.len() <= MAX_PATH && path.split('/').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_archived_is_unpacked_and_the_same_files_are_the_same_bytes() {
        let files: BTreeMap<_, _> = [("manifest.toml", "一"), ("bin/x/plugin.so", "")]
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
            .into();
        let bytes = archive(&files).unwrap();
        assert_eq!(unpack(&bytes).unwrap(), files);
        assert_eq!(archive(&files).unwrap(), bytes);
    }

    #[test]
    fn links_paths_out_of_the_package_and_other_bytes_are_refused() {
        for path in ["../evil", "/etc/passwd", "a//b", "a/./b", ".hidden", "a\\b", ""] {
            assert!(!is_plain(path), "{path}");
        }
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "manifest.toml", "/etc/passwd").unwrap();
        let bytes = builder.into_inner().unwrap();
        for bytes in [bytes.as_slice(), b"not an archive", b""] {
            assert_eq!(unpack(bytes).unwrap_err().code(), Code::PluginDamaged);
        }
    }
}
