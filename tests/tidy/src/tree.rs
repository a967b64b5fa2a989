//! Reads the tree of a repository from disk: what git knows, or every file where there is no git.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::{SourceFile, Tree};

/// Folders that are never part of the house.
const OUTSIDE: [&str; 2] = ["target", ".git"];

/// Reads every file that git tracks or would track; without git, every file below the root but `target`
/// and `.git`.
///
/// # Errors
/// An error of the file system, for a folder or file that cannot be read.
pub fn read(root: &Path) -> io::Result<Tree> {
    let paths = match listed_by_git(root) {
        Some(paths) => paths,
        None => walked(root)?,
    };
    let mut files = Vec::new();
    for path in paths {
        // Git also lists a file that was deleted and not yet committed as such.
        if root.join(&path).is_file() {
            let text = String::from_utf8(fs::read(root.join(&path))?).unwrap_or_default();
            files.push(SourceFile { path, text });
        }
    }
    Ok(Tree { files })
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let list = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(list.split_terminator('\0').map(str::to_owned).collect())
}

/// Lists every file below a root by its path from there, with `/` between folders.
///
/// # Errors
/// An error of the file system, for a folder that cannot be read.
pub fn walked(root: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if !entry.file_type()?.is_dir() {
                paths.push(
                    path.components()
                        .map(|part| part.as_os_str().to_string_lossy())
                        .collect::<Vec<_>>()
                        .join("/"),
                );
            } else if !OUTSIDE.iter().any(|outside| entry.file_name() == *outside) {
                folders.push(path);
            }
        }
    }
    Ok(paths)
}
