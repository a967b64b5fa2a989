//! Chance that repeats itself: what is drawn follows from the seed, the story and the turn alone.

/// What a turn of a story draws from.
#[derive(Debug, Clone, Copy)]
pub struct Chance(u64);

impl Chance {
    /// The chance of a turn of a story in the world of a seed.
    pub fn of(seed: u64, story: u64, turn: u64) -> Self {
        Self(mixed(mixed(mixed(seed) ^ story) ^ turn))
    }

    /// A number below another one, drawn for a purpose.
    pub fn below(self, purpose: u64, most: u64) -> u64 {
        mixed(self.0 ^ purpose) % most.max(1)
    }

    /// A number from one to another, both among them.
    pub fn between(self, purpose: u64, from: u32, to: u32) -> u32 {
        let width = u64::from(to.saturating_sub(from)).saturating_add(1);
        from.saturating_add(u32::try_from(self.below(purpose, width)).unwrap_or(0))
    }

    /// Whether something comes about that does so in so many of a hundred cases.
    pub fn comes(self, purpose: u64, of_hundred: u64) -> bool {
        self.below(purpose, 100) < of_hundred
    }

    /// One of a list.
    pub fn one_of<T: Copy + Default>(self, purpose: u64, list: &[T]) -> T {
        let place = self.below(purpose, list.len() as u64);
        usize::try_from(place).ok().and_then(|place| list.get(place)).copied().unwrap_or_default()
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}
