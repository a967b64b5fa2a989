//! The tree is read from disk with git and without it, and leaves out what is not part of the house.

use std::path::{Path, PathBuf};

use guanxi_tidy::tree;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_walk_without_git_finds_the_same_files_of_the_house_and_no_build_output() {
    let walked = tree::walked(&root()).expect("a readable tree");
    let read = tree::read(&root()).expect("a readable tree");
    let own = "tests/tidy/tests/rules/tree.rs";
    assert!(walked.iter().any(|path| path == own));
    assert_eq!(read.file(own).map(|file| file.text.as_str()), Some(include_str!("tree.rs")));
    for file in &read.files {
        assert!(walked.contains(&file.path), "{} is on disk", file.path);
    }
    assert!(!walked.iter().any(|path| path.starts_with("target/") || path.starts_with(".git/")));
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(tree::read(&root().join("no such folder")).is_err());
}
