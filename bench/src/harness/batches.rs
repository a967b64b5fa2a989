//! What one call takes, by batches of calls that alternate between several forms of a question.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::harness::{Clock, Outcome, Spent};

/// Batches of each form, whose median is taken.
const BATCHES: usize = 11;

/// Processor time of one call of each form, in microseconds: the median of batches, which alternate between the
/// forms, and of which each takes at least so long. A call is told the number of its form, and a turn that rises.
pub fn measured(
    forms: usize,
    least: Duration,
    call: &mut dyn FnMut(usize, usize) -> Outcome<()>,
) -> Outcome<Vec<f64>> {
    let mut turn = 0;
    let mut batch = |form: usize, calls: usize| -> Outcome<Spent> {
        let clock = Clock::start();
        for _ in 0..calls {
            turn += 1;
            call(form, turn)?;
        }
        Ok(clock.stop())
    };
    let mut calls = Vec::new();
    for form in 0..forms {
        let mut enough = 1;
        while batch(form, enough)?.processor < least {
            enough *= 2;
        }
        calls.push(enough);
    }
    let mut micros = vec![Vec::new(); forms];
    for _ in 0..BATCHES {
        for ((form, calls), micros) in calls.iter().enumerate().zip(&mut micros) {
            micros.push(batch(form, *calls)?.processor_micros_each(*calls));
        }
    }
    Ok(micros.into_iter().map(median).collect())
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What an answer says, in 48 bits, which a number of the reply holds exactly.
pub fn digest(said: &impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    (hasher.finish() >> 16) as f64
}
