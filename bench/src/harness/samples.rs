//! The measures of all rounds, and what they come to.

use std::collections::BTreeMap;

use crate::harness::{Reply, Side};

/// Measures by phase, name and side, one for each round.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<(String, String, Side), Vec<f64>>);

impl Samples {
    /// Keeps what a phase measured.
    pub fn keep(&mut self, phase: &str, side: Side, reply: &Reply) {
        for (measure, value) in reply.measures() {
            self.0.entry((phase.to_owned(), measure.to_owned(), side)).or_default().push(value);
        }
    }

    /// The median over the rounds.
    pub fn median(&self, phase: &str, measure: &str, side: Side) -> Option<f64> {
        let mut values = self.values(phase, measure, side)?.to_vec();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        if values.len() % 2 == 1 {
            return Some(upper);
        }
        Some((upper + *values.get(middle.checked_sub(1)?)?) / 2.0)
    }

    /// How far the rounds lie apart: largest less smallest, as a part of the median, of the side where
    /// that is more.
    pub fn spread(&self, phase: &str, measure: &str) -> Option<f64> {
        let of = |side| {
            let values = self.values(phase, measure, side)?;
            let largest = values.iter().copied().reduce(f64::max)?;
            let smallest = values.iter().copied().reduce(f64::min)?;
            let median = self.median(phase, measure, side)?;
            Some(if median > 0.0 { (largest - smallest) / median } else { 0.0 })
        };
        [of(Side::Ours), of(Side::Theirs)].into_iter().flatten().reduce(f64::max)
    }

    fn values(&self, phase: &str, measure: &str, side: Side) -> Option<&[f64]> {
        self.0.get(&(phase.to_owned(), measure.to_owned(), side)).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Samples {
        let mut samples = Samples::default();
        for value in values {
            samples.keep("phase", Side::Ours, &Reply::default().with("measure", *value));
        }
        samples
    }

    #[test]
    fn the_median_of_rounds_is_the_middle_one_or_between_the_two_in_the_middle() {
        assert_eq!(of(&[3.0, 1.0, 9.0]).median("phase", "measure", Side::Ours), Some(3.0));
        assert_eq!(of(&[3.0, 1.0]).median("phase", "measure", Side::Ours), Some(2.0));
        assert_eq!(of(&[3.0]).median("phase", "measure", Side::Theirs), None);
    }

    #[test]
    fn the_spread_is_the_distance_of_the_extremes_as_a_part_of_the_median() {
        assert_eq!(of(&[3.0, 1.0, 4.0]).spread("phase", "measure"), Some(1.0));
    }
}
