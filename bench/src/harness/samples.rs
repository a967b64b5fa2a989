//! The measures of all rounds, and what they come to.

use std::collections::BTreeMap;

use crate::harness::{Declared, Figure, Reply, Side, Source, print};

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

    /// Prints the figures whose sources were measured.
    pub fn print(&self, declared: &[Declared], accounts: usize, as_json: bool) {
        let figures = declared.iter().filter_map(|declared| self.figure(declared, accounts));
        print(&figures.collect::<Vec<_>>(), as_json);
    }

    /// A figure, where both of its sources were measured.
    fn figure(&self, declared: &Declared, accounts: usize) -> Option<Figure> {
        let Declared { name, ours, theirs, unit, better, target } = *declared;
        let median = |source: Source| self.median(source.step, source.measure, source.side);
        Some(Figure {
            name,
            accounts,
            ours: median(ours)?,
            theirs: median(theirs)?,
            unit,
            better,
            spread: self.spread(ours)?.max(self.spread(theirs)?),
            target,
        })
    }

    /// How far the rounds lie apart: largest less smallest, as a part of the median.
    fn spread(&self, source: Source) -> Option<f64> {
        let values = self.values(source.step, source.measure, source.side)?;
        let largest = values.iter().copied().reduce(f64::max)?;
        let smallest = values.iter().copied().reduce(f64::min)?;
        let median = self.median(source.step, source.measure, source.side)?;
        Some(if median > 0.0 { (largest - smallest) / median } else { 0.0 })
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
        let source = Source { step: "phase", measure: "measure", side: Side::Ours };
        assert_eq!(of(&[3.0, 1.0, 4.0]).spread(source), Some(1.0));
    }
}
