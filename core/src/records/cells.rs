//! Cells of the Earth in which places lie, as keys of an index.
//!
//! The key of a place interleaves the halvings of its longitude and latitude, 32 each, the longitude's first: the
//! order of G. M. Morton (A Computer Oriented Geodetic Data Base and a New Technique in File Sequencing, IBM, 1966),
//! and the bits of a geohash (G. Niemeyer, geohash.org, 2008) before they become letters. A cell is what some of
//! the first bits have in common, so all of its places lie in one range of keys. FORMAT.md, chapter "Keys",
//! describes the bytes.

use crate::base::{Decimal, Value};

/// The kind of a cell in a key, behind all kinds of values.
const CELL: u8 = 0x0D;
/// The key of a field without value.
const NULL: u8 = 0x00;
/// Halvings of each of the two.
const BITS: u32 = 32;
/// Most cells by which a circle is covered.
const MAX_CELLS: usize = 32;
/// By how many degrees a box is made larger on each side, so that no place is lost to rounding.
const MARGIN: f64 = 1e-7;

/// Adds the key of a place to what stands before it; what is no place has none.
pub(super) fn write_cell(key: &mut Vec<u8>, value: &Value) {
    match degrees(value) {
        Some((latitude, longitude)) => key.extend(key_of(code(latitude, longitude))),
        None => key.push(NULL),
    }
}

/// The latitude and longitude of a place.
pub(super) fn degrees(value: &Value) -> Option<(f64, f64)> {
    let part = |name: &str| match value.part(name) {
        Value::Decimal(degrees) => Some(float(*degrees)),
        Value::Int(degrees) => Some(float(Decimal::from(*degrees))),
        _ => None,
    };
    part("latitude").zip(part("longitude"))
}

/// A number of degrees. Places are no amounts, so the last digits may be lost.
pub(super) fn float(degrees: Decimal) -> f64 {
    degrees.to_string().parse().unwrap_or_default()
}

fn key_of(code: u64) -> Vec<u8> {
    std::iter::once(CELL).chain(code.to_be_bytes()).collect()
}

/// The cell of the last size in which a place lies.
fn code(latitude: f64, longitude: f64) -> u64 {
    let (mut east, mut north) = ((-180.0, 180.0), (-90.0, 90.0));
    let mut code = 0;
    for _ in 0..BITS {
        for (side, value) in [(&mut east, longitude), (&mut north, latitude)] {
            let middle = f64::midpoint(side.0, side.1);
            let upper = value >= middle;
            *side = if upper { (middle, side.1) } else { (side.0, middle) };
            code = (code << 1) | u64::from(upper);
        }
    }
    code
}

/// What lies between two latitudes and two longitudes, from the lower to the higher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sides {
    pub latitudes: (f64, f64),
    pub longitudes: (f64, f64),
}

/// A cell, by the bits that its places have in common.
#[derive(Clone, Copy)]
struct Cell {
    bits: u64,
    depth: u32,
    sides: Sides,
}

impl Cell {
    /// The first and the last key of its places.
    fn ends(&self) -> (u64, u64) {
        let free = (2 * BITS).saturating_sub(self.depth);
        let low = self.bits.checked_shl(free).unwrap_or(0);
        let rest = u64::MAX.checked_shr(self.depth).unwrap_or(0);
        (low, low | rest)
    }

    /// Its two halves: of its longitudes first, of its latitudes next.
    fn halves(&self) -> [Self; 2] {
        let Sides { latitudes, longitudes } = self.sides;
        let by_longitude = self.depth.is_multiple_of(2);
        let cut = |(low, high): (f64, f64), upper: bool| {
            let middle = f64::midpoint(low, high);
            if upper { (middle, high) } else { (low, middle) }
        };
        [false, true].map(|upper| Self {
            bits: (self.bits << 1) | u64::from(upper),
            depth: self.depth.saturating_add(1),
            sides: match by_longitude {
                true => Sides { latitudes, longitudes: cut(longitudes, upper) },
                false => Sides { latitudes: cut(latitudes, upper), longitudes },
            },
        })
    }
}

impl Sides {
    fn meets(&self, other: &Self) -> bool {
        let meet = |one: (f64, f64), other: (f64, f64)| one.0 <= other.1 && other.0 <= one.1;
        meet(self.latitudes, other.latitudes) && meet(self.longitudes, other.longitudes)
    }

    fn holds(&self, other: &Self) -> bool {
        let hold = |one: (f64, f64), other: (f64, f64)| one.0 <= other.0 && other.1 <= one.1;
        hold(self.latitudes, other.latitudes) && hold(self.longitudes, other.longitudes)
    }
}

/// The first and last keys of cells in which all places of some boxes lie, at most 32 ranges of them, rising.
pub(super) fn cover(boxes: &[Sides]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let wide = |sides: &Sides| Sides {
        latitudes: (sides.latitudes.0 - MARGIN, sides.latitudes.1 + MARGIN),
        longitudes: (sides.longitudes.0 - MARGIN, sides.longitudes.1 + MARGIN),
    };
    let boxes: Vec<Sides> = boxes.iter().map(wide).collect();
    let world = Sides { latitudes: (-90.0, 90.0), longitudes: (-180.0, 180.0) };
    let (mut whole, mut cut) = (Vec::new(), vec![Cell { bits: 0, depth: 0, sides: world }]);
    // Cells that the boxes fill stay; the others are halved as long as they do not become too many.
    for _ in 0..2 * BITS {
        let (mut filled, mut halved) = (Vec::new(), Vec::new());
        for half in cut.iter().flat_map(Cell::halves) {
            if boxes.iter().any(|sides| sides.holds(&half.sides)) {
                filled.push(half);
            } else if boxes.iter().any(|sides| sides.meets(&half.sides)) {
                halved.push(half);
            }
        }
        if whole.len().saturating_add(filled.len()).saturating_add(halved.len()) > MAX_CELLS {
            break;
        }
        whole.extend(filled);
        cut = halved;
    }
    let mut ends: Vec<(u64, u64)> = whole.iter().chain(&cut).map(Cell::ends).collect();
    ends.sort_unstable();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for (low, high) in ends {
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1).is_none_or(|next| next >= low) => *end = high.max(*end),
            _ => ranges.push((low, high)),
        }
    }
    ranges.into_iter().map(|(low, high)| (key_of(low), key_of(high))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first ten bits of Jutland's geohash `u4pruydqqvj` (57.649_11, 10.407_44) are those of its letters `u4`.
    #[test]
    fn a_cell_has_the_bits_of_the_geohash() {
        let letters = "0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = code(57.649_11, 10.407_44);
        let told: String = (0..11)
            .map(|place| {
                let digit = usize::try_from((bits >> (59 - 5 * place)) & 31).unwrap();
                letters.chars().nth(digit).unwrap()
            })
            .collect();
        assert_eq!(told, "u4pruydqqvj");
    }

    #[test]
    fn a_cover_holds_every_place_of_its_box_and_few_far_ones() {
        let sides = Sides { latitudes: (31.0, 31.1), longitudes: (121.3, 121.6) };
        let ranges = cover(&[sides]);
        assert!(ranges.len() <= MAX_CELLS);
        let holds = |latitude: f64, longitude: f64| {
            let key = key_of(code(latitude, longitude));
            ranges.iter().any(|(low, high)| *low <= key && key <= *high)
        };
        for north in 0..=10 {
            for east in 0..=10 {
                assert!(holds(31.0 + f64::from(north) / 100.0, 121.3 + f64::from(east) * 0.03));
            }
        }
        assert!(!holds(31.6, 121.4) && !holds(31.05, 123.0) && !holds(-31.05, 121.4));
    }
}
