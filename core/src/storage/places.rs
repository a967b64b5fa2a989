//! The place where a database lies, when another one takes it: two renames, with a name between them that
//! an open after a power cut knows.
//!
//! No call exchanges two folders on every system. So what stood in the place is first renamed to
//! `.NAME.replaced`, then the other takes the place, and then the first gets the name under which it is
//! kept. If the place is empty and that name is there, the power failed in between, and the next open puts
//! it back; if both are there, the open gives it the name under which it is kept.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::{Code, Error, Random, Result};
use crate::storage::database::{DATA, parent_of, sync_directory};
use crate::storage::device::FileDevice;

/// Puts a draft into a place, durably. What stood there is renamed to `NAME.before-restore-` and 16 hex
/// digits, and its new name given back.
///
/// # Errors
/// [`Code::Io`]; the place is as it was then, or an open makes it so.
pub(super) fn take_place(draft: &Path, place: &Path, random: &dyn Random) -> Result<Option<PathBuf>> {
    let (aside, parent) = (aside_of(place)?, parent_of(place));
    let stood = fs::symlink_metadata(place).is_ok();
    if stood {
        fs::rename(place, &aside)?;
        sync_directory(&parent)?;
    }
    if let Err(error) = fs::rename(draft, place) {
        if stood {
            fs::rename(&aside, place)?;
        }
        return Err(error.into());
    }
    sync_directory(&parent)?;
    if stood { keep(&aside, place, random).map(Some) } else { Ok(None) }
}

/// Puts back what a restore had taken from an empty place when the power failed.
///
/// # Errors
/// [`Code::Io`].
pub(super) fn put_back(place: &Path) -> Result<()> {
    let Ok(aside) = aside_of(place) else { return Ok(()) };
    if !was_left(&aside) || fs::symlink_metadata(place).is_ok() {
        return Ok(());
    }
    fs::rename(&aside, place)?;
    sync_directory(&parent_of(place))
}

/// Ends what a restore had begun when the power failed, whichever of the two now stands in the place.
///
/// # Errors
/// [`Code::Io`].
pub(super) fn settle(place: &Path, random: &dyn Random) -> Result<()> {
    put_back(place)?;
    match aside_of(place) {
        Ok(aside) if was_left(&aside) => keep(&aside, place, random).map(drop),
        _ => Ok(()),
    }
}

/// Whether something was put aside by a restore that is over: one that goes on holds it.
fn was_left(aside: &Path) -> bool {
    let held = || FileDevice::open(&aside.join(DATA)).is_err_and(|error| error.code() == Code::Locked);
    fs::symlink_metadata(aside).is_ok() && !held()
}

/// Gives what was replaced the name under which it is kept, which nothing has.
fn keep(aside: &Path, place: &Path, random: &dyn Random) -> Result<PathBuf> {
    let mut salt = [0; 8];
    random.fill(&mut salt);
    let mut kept = name_of(place)?;
    kept.push(format!(".before-restore-{:016x}", u64::from_be_bytes(salt)));
    let kept = parent_of(place).join(kept);
    fs::rename(aside, &kept)?;
    sync_directory(&parent_of(place))?;
    Ok(kept)
}

fn aside_of(place: &Path) -> Result<PathBuf> {
    let mut aside = OsString::from(".");
    aside.push(name_of(place)?);
    aside.push(".replaced");
    Ok(parent_of(place).join(aside))
}

fn name_of(place: &Path) -> Result<OsString> {
    let name = place.file_name().ok_or_else(|| Error::new(Code::InvalidArgument).field("path"))?;
    Ok(name.to_owned())
}
