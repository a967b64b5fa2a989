//! A disk in memory that loses power: what was not synced is kept, dropped or torn by sectors.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::image::Image;
use crate::storage::device::Device;

/// The unit that a disk writes whole.
const SECTOR: usize = 512;

/// A small generator of repeatable numbers: SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// The files of a disk, by number.
type Images = Vec<Image>;

#[derive(Default)]
struct State {
    /// What is on the medium.
    durable: Images,
    /// What a reader sees: the cache of the system.
    visible: Images,
    /// What separates the two, in order.
    unsynced: Vec<(usize, Change)>,
    operations: u64,
    power_fails_at: Option<u64>,
    write_fails_at: Option<u64>,
    off: bool,
}

/// One file of a disk. All files of a disk lose power together.
#[derive(Clone, Default)]
pub(super) struct FaultDevice {
    disk: Arc<Mutex<State>>,
    file: usize,
}

impl FaultDevice {
    /// The first file of a new disk, which holds an image.
    pub(super) fn with_image(image: Vec<u8>) -> Arc<Self> {
        Self::with_images(vec![image])
    }

    /// The first file of a new disk with files of these contents.
    pub(super) fn with_images(images: Vec<Vec<u8>>) -> Arc<Self> {
        Self::with(images.iter().map(|bytes| Image::of(bytes)).collect())
    }

    /// The first file of another disk, which holds durably what a reader of this one sees.
    pub(super) fn copy(&self) -> Arc<Self> {
        Self::with(self.state().visible.clone())
    }

    fn with(images: Images) -> Arc<Self> {
        let state = State { durable: images.clone(), visible: images, ..State::default() };
        Arc::new(Self { disk: Arc::new(Mutex::new(state)), file: 0 })
    }

    /// Another file of the same disk; it is empty where it was not there.
    pub(super) fn sibling(&self, file: usize) -> Arc<Self> {
        let mut state = self.state();
        for images in [0, 1] {
            let images = if images == 0 { &mut state.durable } else { &mut state.visible };
            images.resize(images.len().max(file + 1), Image::default());
        }
        drop(state);
        Arc::new(Self { disk: Arc::clone(&self.disk), file })
    }

    /// All files as a reader sees them.
    pub(super) fn images(&self) -> Vec<Vec<u8>> {
        self.state().visible.iter().map(Image::bytes).collect()
    }

    /// Operations that changed or synced so far.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Power fails so many operations from now.
    pub(super) fn fail_power_in(&self, operations: u64) {
        let mut state = self.state();
        state.power_fails_at = Some(state.operations + operations);
    }

    /// One write or sync fails so many operations from now; the device lives on.
    pub(super) fn fail_one_write_in(&self, operations: u64) {
        let mut state = self.state();
        state.write_fails_at = Some(state.operations + operations);
    }

    pub(super) fn is_off(&self) -> bool {
        self.state().off
    }

    /// What a reader sees.
    pub(super) fn image(&self) -> Vec<u8> {
        self.state().visible[self.file].bytes()
    }

    /// The process died but the system lives: the cache stays, and may still be lost later.
    pub(super) fn restart_process(&self) {
        let mut state = self.state();
        state.off = false;
        (state.power_fails_at, state.write_fails_at) = (None, None);
    }

    /// Power comes back: of what was not synced, a part survives.
    pub(super) fn restart_machine(&self, dice: &mut Dice) {
        let mut state = self.state();
        let changes = std::mem::take(&mut state.unsynced);
        let mut images = std::mem::take(&mut state.durable);
        let (mode, turning) = (dice.below(4), dice.below(changes.len() as u64 + 1) as usize);
        for (number, (file, change)) in changes.iter().enumerate() {
            let image = &mut images[*file];
            match mode {
                // Each sector for itself.
                0 => apply(image, change, dice, |dice| dice.coin()),
                // All up to one, which is torn.
                1 if number < turning => apply(image, change, dice, |_| true),
                1 if number == turning => apply(image, change, dice, Dice::coin),
                // All but one, which is torn.
                2 if number != turning => apply(image, change, dice, |_| true),
                2 => apply(image, change, dice, Dice::coin),
                // Each write whole or not at all.
                3 => {
                    let kept = dice.coin();
                    apply(image, change, dice, |_| kept);
                }
                _ => {}
            }
        }
        *state = State { durable: images.clone(), visible: images, ..State::default() };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.disk.lock().unwrap()
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.begin()?;
        apply(&mut state.visible[self.file], &change, &mut Dice(0), |_| true);
        state.unsynced.push((self.file, change));
        state.check_power()
    }

    fn begin(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.off {
            return Err(io::Error::other("no power"));
        }
        state.operations += 1;
        if state.write_fails_at == Some(state.operations) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(state)
    }
}

impl State {
    /// The operation at which power fails has begun, and nobody is told how it ended.
    fn check_power(&mut self) -> io::Result<()> {
        if self.power_fails_at.is_some_and(|at| self.operations >= at) {
            self.off = true;
            return Err(io::Error::other("power failed"));
        }
        Ok(())
    }
}

fn apply(image: &mut Image, change: &Change, dice: &mut Dice, mut keeps: impl FnMut(&mut Dice) -> bool) {
    match change {
        Change::Length(length) => {
            if keeps(dice) {
                image.resize(*length);
            }
        }
        Change::Write(offset, bytes) => {
            let mut at = *offset;
            for piece in by_sector(bytes, *offset) {
                if keeps(dice) && at + piece.len() <= image.len() {
                    image.write(at, piece);
                }
                at += piece.len();
            }
        }
    }
}

/// The pieces of a write that lie in one sector each.
fn by_sector(bytes: &[u8], offset: usize) -> impl Iterator<Item = &[u8]> {
    let first = (SECTOR - offset % SECTOR).min(bytes.len());
    let (head, tail) = bytes.split_at(first);
    std::iter::once(head).chain(tail.chunks(SECTOR))
}

impl std::fmt::Debug for FaultDevice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FaultDevice")
    }
}

impl Device for FaultDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.off {
            return Err(io::Error::other("no power"));
        }
        let offset = usize::try_from(offset).unwrap();
        let whole = state.visible[self.file].read(offset, buffer);
        if whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(usize::try_from(offset).unwrap(), bytes.to_vec()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.begin()?;
        state.check_power()?;
        // The chunks of the two are the same from here on, so this costs no bytes.
        state.durable[self.file] = state.visible[self.file].clone();
        state.unsynced.retain(|(file, _)| *file != self.file);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state().visible[self.file].len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(bytes).unwrap()))
    }

    fn release(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The design that loses databases: both header slots are one place, overwritten each time.
#[derive(Debug)]
pub(super) struct HeaderInPlace(pub(super) Arc<FaultDevice>);

impl HeaderInPlace {
    fn place(offset: u64) -> u64 {
        use crate::storage::layout::header_offset;
        if offset == header_offset(1) { header_offset(0) } else { offset }
    }
}

impl Device for HeaderInPlace {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(Self::place(offset), buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(Self::place(offset), bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn release(&self) -> io::Result<()> {
        self.0.release()
    }
}
