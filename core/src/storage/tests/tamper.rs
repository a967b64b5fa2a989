//! Files that somebody changed: an error with a name of its own, never other data and never a panic.

use sha2::{Digest, Sha256};

use super::crash::{Content, after, content, draw_changes, make, open_store, vault_options};
use super::fault_device::{Dice, FaultDevice};
use crate::base::{Code, Patience, Result};
use crate::storage::keys::{Key, KeyRing};
use crate::storage::store::Store;
use crate::storage::vault::{Unlock, Vault};

const BLOCK: usize = 4_096;
const SUPERBLOCKS: std::ops::Range<usize> = 0..2 * BLOCK;

/// A cleanly closed database and what is in it, with an older image of the same file.
struct Specimen {
    image: Vec<u8>,
    older: Vec<u8>,
    journal: Vec<u8>,
    ring: KeyRing,
    content: Content,
}

fn specimen() -> Specimen {
    let medium = FaultDevice::with_image(Vec::new());
    let ring = make(&medium);
    let mut dice = Dice(11);
    let (mut older, mut expected) = (Vec::new(), Content::default());
    for pass in 0..2 {
        let store = open_store(&medium, &ring, false).unwrap();
        for _ in 0..25 {
            let writes = draw_changes(&mut dice);
            expected = after(&expected, &writes);
            store.begin(&Patience::default()).unwrap().commit(writes).unwrap();
        }
        drop(store);
        if pass == 0 {
            older = medium.image();
        }
    }
    let journal = medium.sibling(1).image();
    Specimen { image: medium.image(), older, journal, ring, content: expected }
}

impl Specimen {
    fn read(&self, image: Vec<u8>, verify: bool) -> Result<Content> {
        let disk = FaultDevice::with_images(vec![image, self.journal.clone()]);
        content(&open_store(&disk, &self.ring, verify)?)
    }

    /// Reads a changed image: the true content or an error, nothing else. Says whether it was noticed.
    fn is_noticed(&self, image: Vec<u8>, verify: bool) -> bool {
        match self.read(image, verify) {
            Ok(found) => {
                assert!(found == self.content, "other data was read");
                false
            }
            Err(error) => {
                assert!(matches!(error.code(), Code::Damaged | Code::Stopped), "{error:?}");
                true
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_detected_on_read() {
    let specimen = specimen();
    let mut dice = Dice(1);
    let mut noticed = 0;
    for _ in 0..200 {
        let mut image = specimen.image.clone();
        let at = dice.below(image.len() as u64) as usize;
        image[at] ^= 1 << dice.below(8);
        noticed += u32::from(specimen.is_noticed(image, false));
    }
    assert!(noticed > 0);
}

#[test]
fn a_flipped_bit_of_either_header_slot_brings_no_older_state_back() {
    let specimen = specimen();
    for slot in 2..4 {
        for at in (0..560).step_by(7) {
            let mut image = specimen.image.clone();
            image[slot * BLOCK + at] ^= 1;
            assert!(!specimen.is_noticed(image, false), "slot {slot}, byte {at}");
        }
    }
}

#[test]
fn a_flipped_bit_in_any_page_that_is_in_use_is_detected_by_a_verifying_open() {
    let specimen = specimen();
    assert!(!specimen.is_noticed(specimen.image.clone(), true), "the untouched image is sound");
    let mut noticed = 0;
    for block in 5..specimen.image.len() / BLOCK {
        let mut image = specimen.image.clone();
        image[block * BLOCK + 100] ^= 4;
        noticed += u32::from(specimen.is_noticed(image, true));
    }
    assert!(noticed > 10);
}

#[test]
fn two_pages_that_trade_places_with_their_entries_are_detected() {
    let specimen = specimen();
    let mut dice = Dice(2);
    let mut noticed = 0;
    for _ in 0..100 {
        let mut image = specimen.image.clone();
        let (one, other) = (dice.below(102) as usize, dice.below(102) as usize);
        let (group, data) = (5 * BLOCK, 6 * BLOCK);
        for (start, length) in [(group, 40), (data, BLOCK)] {
            for byte in 0..length {
                image.swap(start + one * length + byte, start + other * length + byte);
            }
        }
        noticed += u32::from(specimen.is_noticed(image, true));
    }
    assert!(noticed > 10);
}

#[test]
fn an_erased_entry_is_detected() {
    let specimen = specimen();
    let mut noticed = 0;
    for page in 0..102 {
        let mut image = specimen.image.clone();
        image[5 * BLOCK + page * 40..][..40].fill(0);
        noticed += u32::from(specimen.is_noticed(image, true));
    }
    assert!(noticed > 5);
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let specimen = specimen();
    let mut dice = Dice(3);
    let lengths = (0..60).map(|_| dice.below(specimen.image.len() as u64 - 1) as usize + 1);
    for length in lengths.chain([1, 7, 8, 4_095, 4_096, 8_192, 5 * BLOCK, 6 * BLOCK]) {
        let cut = specimen.image[..length].to_vec();
        let code = specimen.read(cut, false).unwrap_err().code();
        let expected = if length < 8 { Code::NotADatabase } else { Code::Damaged };
        assert_eq!(code, expected, "cut at {length}");
    }
}

#[test]
fn a_page_put_back_to_an_older_state_is_detected_by_a_verifying_open() {
    let specimen = specimen();
    let mut noticed = 0;
    for page in 0..102.min(specimen.older.len() / BLOCK - 6) {
        let mut image = specimen.image.clone();
        for (start, length) in [(5 * BLOCK + page * 40, 40), ((6 + page) * BLOCK, BLOCK)] {
            image[start..start + length].copy_from_slice(&specimen.older[start..start + length]);
        }
        noticed += u32::from(specimen.is_noticed(image, true));
    }
    assert!(noticed > 0);
}

#[test]
fn one_broken_superblock_is_survived_and_two_are_damage() {
    let specimen = specimen();
    for at in [9, 20, 40, 100, 4_000, 4_050, 4_090] {
        let mut image = specimen.image.clone();
        image[at] ^= 1;
        assert!(!specimen.is_noticed(image.clone(), false), "byte {at}");
        image[BLOCK + at] ^= 1;
        assert!(specimen.is_noticed(image, false), "byte {at}");
    }
}

#[test]
fn a_superblock_that_was_forged_with_a_right_checksum_is_damage() {
    let specimen = specimen();
    // The generation, which no slot covers: only the seal under the master key does.
    let forged = rewritten(&specimen.image, 39, 99);
    let error = Vault::open(
        FaultDevice::with_image(forged.clone()),
        &vault_options(false),
        &Unlock::Key(&Key::raw([1; 32])),
    )
    .err()
    .unwrap();
    assert_eq!(error.code(), Code::Damaged);
    assert!(specimen.is_noticed(forged, false));
}

#[test]
fn a_newer_format_a_new_suite_and_another_kind_of_file_are_told_apart() {
    let specimen = specimen();
    for (at, value, expected) in [
        (11, 3, Code::NewerFormat),
        (12, 9, Code::NewerFormat),
        (13, 9, Code::NewerFormat),
        (14, 2, Code::NotADatabase),
    ] {
        let image = rewritten(&specimen.image, at, value);
        assert_eq!(specimen.read(image, false).unwrap_err().code(), expected);
    }
}

/// An image with one byte of both superblocks changed and their checksums made right again.
fn rewritten(image: &[u8], at: usize, value: u8) -> Vec<u8> {
    let mut image = image.to_vec();
    for copy in image[SUPERBLOCKS].chunks_mut(BLOCK) {
        copy[at] = value;
        let checksum = Sha256::digest(&copy[..BLOCK - 32]);
        copy[BLOCK - 32..].copy_from_slice(&checksum);
    }
    image
}
