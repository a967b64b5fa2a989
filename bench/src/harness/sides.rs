//! A step by both sides, whose answers are held against each other.

use crate::harness::{Outcome, Reply, Samples, Side};

/// What the digest of the answers is called in a reply.
pub const SAME: &str = "same";

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
        answers.extend(reply.measures().find(|(name, _)| *name == SAME).map(|(_, said)| said));
    }
    match answers.as_slice() {
        [one, other] if one.to_bits() != other.to_bits() => {
            Err(format!("the sides do not agree in the step {step}").into())
        }
        _ => Ok(()),
    }
}
