//! Imports one CSV file into a database, and prints the rows of each acknowledgement: the crash tests kill it.
//!
//! Called with the database and the file. It searches at each acknowledgement too, so that the search
//! index is being written when its end comes.

use std::fs::File;
use std::io::Write;

use guanxi::features::exchange::ImportOptions;
use guanxi::{Code, Error, Result};
use guanxi_tests::{ADMIN, options};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let missing = |name: &str| Error::new(Code::MissingParameter).field(name);
    let path = arguments.next().ok_or_else(|| missing("database"))?;
    let file = arguments.next().ok_or_else(|| missing("file"))?;
    let session = options().open(&path)?.session_for(ADMIN)?;
    let mut told = Ok(());
    let tell = |rows: u64| -> Result<()> {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{rows}")?;
        output.flush()?;
        session.search("findling", None, 1, 0)?;
        Ok(())
    };
    tell(0)?;
    session.import_csv("account", File::open(file)?, &ImportOptions::default(), &mut |progress| {
        if told.is_ok() {
            told = tell(progress.rows);
        }
    })?;
    told
}
