//! The shared library exports what the header declares, and nothing else.

use std::collections::BTreeSet;
use std::process::Command;

use crate::toolchain::{assert_done, has};
use crate::{headers, library};

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    if !has("nm") {
        println!("skipped: nm is not installed");
        return;
    }
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(library::shared()).output().unwrap();
    assert_done(&output, "nm");
    let listing = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<&str> =
        listing.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let header = headers::host();
    let declared = headers::functions(&header);
    let declared: BTreeSet<&str> = declared.iter().map(String::as_str).collect();
    assert!(declared.len() > 60, "the header was read");
    assert_eq!(exported, declared);
}

#[test]
fn the_library_bears_the_name_and_flags_that_hosts_rely_on() {
    if !has("readelf") || !cfg!(target_os = "linux") {
        println!("skipped: readelf is not installed, or this is not Linux");
        return;
    }
    let output = Command::new("readelf").arg("-d").arg(library::shared()).output().unwrap();
    assert_done(&output, "readelf");
    let listing = String::from_utf8(output.stdout).unwrap();
    assert!(listing.contains("[libguanxi.so.0]"), "{listing}");
    assert!(listing.contains("NODELETE"), "{listing}");
}
