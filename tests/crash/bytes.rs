//! A search through the bytes of all files of a folder, for what must not stand there in clear.

use std::fs;
use std::path::{Path, PathBuf};

/// A text as programs leave it in memory and files: UTF-8, and UTF-16 in both byte orders.
fn spellings(text: &str) -> [Vec<u8>; 3] {
    let units = || text.encode_utf16();
    [
        text.as_bytes().to_vec(),
        units().flat_map(u16::to_le_bytes).collect(),
        units().flat_map(u16::to_be_bytes).collect(),
    ]
}

/// Every file of a folder and of the folders in it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The texts that stand in a file in clear, in any spelling.
pub fn in_clear<'t>(file: &Path, texts: &[&'t str]) -> Vec<&'t str> {
    let bytes = fs::read(file).unwrap();
    let stands = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    texts.iter().copied().filter(|text| spellings(text).iter().any(|spelling| stands(spelling))).collect()
}

#[test]
fn a_text_that_stands_in_clear_is_found_in_every_spelling() {
    let folder = tempfile::tempdir().unwrap();
    for (number, spelling) in spellings("寻获 canary").iter().enumerate() {
        let inner = folder.path().join(format!("{number}"));
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("file"), [b"before".as_slice(), spelling, b"after"].concat()).unwrap();
    }
    let found = files(folder.path());
    assert_eq!(found.len(), 3);
    for file in found {
        assert_eq!(in_clear(&file, &["absent", "寻获 canary"]), ["寻获 canary"]);
    }
}
