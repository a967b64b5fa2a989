//! Places within a distance of a point.

use crate::base::{Code, Decimal, Error, Result, Value};
use crate::records::cells::{Sides, cover, degrees, float};

/// The mean radius of the Earth in metres, as the International Union of Geodesy and Geophysics has it.
const EARTH: f64 = 6_371_008.8;
/// Half of the Earth's circumference in metres: no place is further away.
const FURTHEST: u32 = 20_015_115;
/// What rounding may take from an angle, in radians: most at the far side of the Earth.
const ROUNDING: f64 = 1e-7;
/// What rounding may take from the longitudes of a circle, in degrees.
const MARGIN: f64 = 1e-7;

/// A circle on the Earth, taken for a sphere, so that distances are wrong by half a hundredth at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    latitude: f64,
    longitude: f64,
    metres: u32,
}

impl Circle {
    /// A circle around a point in degrees of WGS 84.
    ///
    /// # Errors
    /// `schema.out_of_range` for degrees that no place has, and for a distance above half of the circumference.
    pub fn around(latitude: Decimal, longitude: Decimal, metres: u32) -> Result<Self> {
        let outside = |field: &str, rule: &str| Err(Error::new(Code::OutOfRange).field(field).rule(rule));
        let within =
            |degrees: Decimal, most: i64| degrees >= Decimal::from(-most) && degrees <= Decimal::from(most);
        if !within(latitude, 90) {
            return outside("latitude", "degrees of WGS 84");
        }
        if !within(longitude, 180) {
            return outside("longitude", "degrees of WGS 84");
        }
        if metres > FURTHEST {
            return outside("metres", "metres <= 20015115");
        }
        Ok(Self { latitude: radians(latitude), longitude: radians(longitude), metres })
    }

    /// Whether a point lies in it, its edge included; nothing else does.
    pub(super) fn holds(&self, value: &Value) -> bool {
        degrees(value).is_some_and(|(latitude, longitude)| {
            self.distance(latitude.to_radians(), longitude.to_radians()) <= f64::from(self.metres)
        })
    }

    /// The ranges of keys of an index of cells in which all of its places lie, and others near them. Around a pole
    /// these are of all longitudes, and at the antimeridian of both of its sides.
    pub(super) fn cells(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let angle = f64::from(self.metres) / EARTH * (1.0 + ROUNDING) + ROUNDING;
        let latitudes =
            ((self.latitude - angle).to_degrees().max(-90.0), (self.latitude + angle).to_degrees().min(90.0));
        let all = Sides { latitudes, longitudes: (-180.0, 180.0) };
        if latitudes.0 <= -90.0 || latitudes.1 >= 90.0 {
            return cover(&[all]);
        }
        // The meridians that touch the circle (J. P. Matuschek, Finding Points Within a Distance of a Latitude and
        // Longitude, 2010).
        let aside = (angle.sin() / self.latitude.cos()).min(1.0).asin().to_degrees() + MARGIN;
        let middle = self.longitude.to_degrees();
        let (west, east) = (middle - aside, middle + aside);
        let between = |west: f64, east: f64| Sides { latitudes, longitudes: (west, east) };
        match (west < -180.0, east > 180.0) {
            (true, true) => cover(&[all]),
            (true, false) => cover(&[between(west + 360.0, 180.0), between(-180.0, east)]),
            (false, true) => cover(&[between(west, 180.0), between(-180.0, east - 360.0)]),
            (false, false) => cover(&[between(west, east)]),
        }
    }

    /// The distance along the great circle in metres (haversine formula; R. W. Sinnott, Virtues of the Haversine,
    /// Sky and Telescope 68, 1984).
    fn distance(&self, latitude: f64, longitude: f64) -> f64 {
        let half_sine_squared = |angle: f64| (angle / 2.0).sin().powi(2);
        let north = half_sine_squared(latitude - self.latitude);
        let east = half_sine_squared(longitude - self.longitude);
        let chord = north + self.latitude.cos() * latitude.cos() * east;
        2.0 * EARTH * chord.sqrt().min(1.0).asin()
    }
}

fn radians(degrees: Decimal) -> f64 {
    float(degrees).to_radians()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: &str, longitude: &str) -> Value {
        let parts = [("latitude", latitude), ("longitude", longitude)];
        let part = |(name, text): (&str, &str)| (name.to_owned(), Value::Decimal(text.parse().unwrap()));
        Value::Map(parts.into_iter().map(part).collect())
    }

    fn around(latitude: &str, longitude: &str, metres: u32) -> Circle {
        Circle::around(latitude.parse().unwrap(), longitude.parse().unwrap(), metres).unwrap()
    }

    /// A degree of a great circle is the circumference through 360: 111,195 metres.
    #[test]
    fn a_degree_is_as_long_on_the_equator_across_the_day_line_on_a_meridian_and_over_the_pole() {
        for (from, to) in [
            (("0", "0"), ("0", "1")),
            (("0", "179.5"), ("0", "-179.5")),
            (("31", "121.5"), ("32", "121.5")),
            (("89.5", "30"), ("89.5", "-150")),
        ] {
            assert!(!around(from.0, from.1, 111_194).holds(&point(to.0, to.1)), "{from:?} {to:?}");
            assert!(around(from.0, from.1, 111_196).holds(&point(to.0, to.1)), "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_circle_holds_its_middle_and_nothing_that_is_no_place() {
        let here = around("0", "0", 0);
        assert!(here.holds(&point("0", "0")));
        assert!(!here.holds(&point("0.00001", "0")));
        assert!(!here.holds(&Value::Null) && !here.holds(&Value::from("0,0")));
        assert!(around("90", "0", 20_015_115).holds(&point("-90", "0")), "the other pole");
        let far = Circle::around(Decimal::from(91), Decimal::from(0), 1).unwrap_err();
        assert_eq!((far.code(), far.field_name()), (Code::OutOfRange, Some("latitude")));
    }
}
