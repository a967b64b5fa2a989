//! Writes with several threads at once until it is killed, and says what was acknowledged to each.
//!
//! Called with the database, a round, and `durable` or `relaxed`. Every contact is a person with a key of
//! its own, so the file of keys is written too.

use std::io::Write;

use guanxi::model::contact;
use guanxi::{Code, Durability, Error, Result};
use guanxi_tests::{ADMIN, options};

/// Threads that write.
const THREADS: usize = 4;

fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [path, round, durability] = given.as_slice() else {
        return Err(Error::new(Code::MissingParameter).field("database, round, durability"));
    };
    let durability = if durability == "relaxed" { Durability::Relaxed } else { Durability::Durable };
    let crm = options().durability(durability).open(path)?;
    let session = crm.session_for(ADMIN)?;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let session = &session;
                scope.spawn(move || -> Result<()> {
                    for number in 0_u64.. {
                        let name = format!("round {round} thread {thread} number {number:06}");
                        session.write(|transaction| transaction.create(contact::named(&name)))?;
                        let mut output = std::io::stdout().lock();
                        writeln!(output, "{thread} {number}")?;
                        output.flush()?;
                        if thread == 0 && number % 40 == 39 {
                            session.crm().checkpoint()?;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().unwrap_or(Ok(())))
    })
}
