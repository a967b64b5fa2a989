//! Figures: what two measures say beside each other, as a table for people and as JSON for programs.

use serde_json::json;

use crate::harness::Side;

/// Which measure is the better one.
#[derive(Debug, Clone, Copy)]
pub enum Better {
    /// The smaller: time, bytes.
    Less,
    /// The larger: work in a second.
    More,
}

/// What Guanxi promises of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// Nothing; the figure is told.
    None,
    /// The ratio is at least this.
    Ratio(f64),
    /// Our own measure is at most this, whatever theirs is.
    AtMost(f64),
    /// Our own measure is at most so many times theirs.
    Factor(f64),
}

/// Where one side of a figure comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The step that measures it.
    pub step: &'static str,
    /// What the step calls it.
    pub measure: &'static str,
    /// The side that was measured. Where Guanxi is held against itself, it is the same one for both.
    pub side: Side,
}

/// A figure before it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The name, which stays.
    pub name: &'static str,
    /// Where the measure on the left comes from.
    pub ours: Source,
    /// Where the measure on the right comes from.
    pub theirs: Source,
    /// The unit of both.
    pub unit: &'static str,
    /// Which is better.
    pub better: Better,
    /// What is promised.
    pub target: Target,
}

impl Declared {
    /// A figure of microseconds, of which fewer are better.
    pub fn micros(name: &'static str, ours: Source, theirs: Source, target: Target) -> Self {
        Self { name, ours, theirs, unit: "us", better: Better::Less, target }
    }
}

/// One figure. A ratio above 1 means that Guanxi is better.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The name, which stays.
    pub name: &'static str,
    /// Accounts in the database.
    pub accounts: usize,
    /// The median of Guanxi's rounds.
    pub ours: f64,
    /// The median of the other's rounds.
    pub theirs: f64,
    /// The unit of both.
    pub unit: &'static str,
    /// Which is better.
    pub better: Better,
    /// How far the rounds lie apart, as a part of the median.
    pub spread: f64,
    /// What is promised.
    pub target: Target,
}

impl Figure {
    /// By how many times Guanxi is better.
    pub fn ratio(&self) -> f64 {
        match self.better {
            Better::Less => self.theirs / self.ours,
            Better::More => self.ours / self.theirs,
        }
    }

    /// Whether the promise is kept, where there is one.
    pub fn met(&self) -> Option<bool> {
        match self.target {
            Target::None => None,
            Target::Ratio(least) => Some(self.ratio() >= least),
            Target::AtMost(most) => Some(self.ours <= most),
            Target::Factor(most) => Some(self.ours <= most * self.theirs),
        }
    }

    fn promise(&self) -> Option<String> {
        match self.target {
            Target::None => None,
            Target::Ratio(least) => Some(format!("ratio >= {least}")),
            Target::AtMost(most) => Some(format!("ours <= {most}")),
            Target::Factor(most) => Some(format!("ours <= {most}x")),
        }
    }

    fn json(&self) -> String {
        json!({
            "figure": self.name, "n": self.accounts, "ours": round(self.ours), "theirs": round(self.theirs),
            "unit": self.unit, "ratio": round(self.ratio()), "spread": round(self.spread),
            "target": self.promise(), "met": self.met(),
        })
        .to_string()
    }

    fn row(&self) -> String {
        let met = match self.met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "NO",
        };
        format!(
            "{:<28} {:>12} {:>12}  {:<10} {:>6.2} {:>6.0} %  {:<13} {met}",
            self.name,
            short(self.ours),
            short(self.theirs),
            self.unit,
            self.ratio(),
            self.spread * 100.0,
            self.promise().unwrap_or_default(),
        )
    }
}

/// Prints the figures: one JSON object a line, or a table.
pub fn print(figures: &[Figure], as_json: bool) {
    if as_json {
        figures.iter().for_each(|figure| println!("{}", figure.json()));
        return;
    }
    let heads = ["figure", "ours", "theirs", "unit", "ratio", "spread", "target", "met"];
    let [figure, ours, theirs, unit, ratio, spread, target, met] = heads;
    println!("{figure:<28} {ours:>12} {theirs:>12}  {unit:<10} {ratio:>6} {spread:>8}  {target:<13} {met}");
    figures.iter().for_each(|figure| println!("{}", figure.row()));
}

/// Four significant digits, which is more than rounds agree on.
fn round(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn short(value: f64) -> String {
    match value {
        large if large >= 1_000.0 => format!("{large:.0}"),
        middle if middle >= 10.0 => format!("{middle:.1}"),
        small => format!("{small:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(better: Better, target: Target) -> Figure {
        let (ours, theirs) = (10.0, 25.0);
        Figure { name: "x", accounts: 1, ours, theirs, unit: "us", better, spread: 0.0, target }
    }

    #[test]
    fn a_ratio_above_one_means_that_ours_is_better() {
        let ratio = |better| figure(better, Target::None).ratio().to_string();
        assert_eq!((ratio(Better::Less), ratio(Better::More)), ("2.5".to_owned(), "0.4".to_owned()));
    }

    #[test]
    fn a_promise_is_kept_at_its_border_and_broken_beyond() {
        let met = |target| figure(Better::Less, target).met();
        assert_eq!(met(Target::Ratio(2.5)), Some(true));
        assert_eq!(met(Target::Ratio(2.6)), Some(false));
        assert_eq!(met(Target::AtMost(10.0)), Some(true));
        assert_eq!(met(Target::AtMost(9.0)), Some(false));
        assert_eq!(met(Target::Factor(0.4)), Some(true));
        assert_eq!(met(Target::Factor(0.3)), Some(false));
        assert_eq!(met(Target::None), None);
    }
}
