//! Answers that are held against each other: of a step by both sides, and of the forms of a question by one.

use crate::harness::{Outcome, Reply, Samples, Side};

/// What the digest of the answers is called in a reply.
pub const SAME: &str = "same";

/// What all forms of a question said, by the digest of each. They must agree.
pub fn agreed(said: &[f64], question: impl std::fmt::Debug) -> Outcome<f64> {
    let first = *said.first().ok_or("a question without a form")?;
    if said.iter().all(|other| other.to_bits() == first.to_bits()) {
        Ok(first)
    } else {
        Err(format!("the forms of {question:?} do not agree").into())
    }
}

/// Runs a step for each side, or for Guanxi alone, keeps what they measured, and refuses answers that are not the same.
pub fn both(
    (step, round): (&str, usize),
    ours_alone: bool,
    samples: &mut Samples,
    run: &dyn Fn(Side) -> Outcome<Reply>,
) -> Outcome<()> {
    let mut answers = Vec::new();
    for side in Side::in_round(round) {
        if ours_alone && side == Side::Theirs {
            continue;
        }
        eprintln!("round {}: {step} {}", round + 1, side.name());
        let reply = run(side)?;
        samples.keep(step, side, &reply);
        answers.extend(reply.measure(SAME));
    }
    match answers.as_slice() {
        [one, other] if one.to_bits() != other.to_bits() => {
            Err(format!("the sides do not agree in the step {step}").into())
        }
        _ => Ok(()),
    }
}
