//! `guanxi demo`: a database with a firm in it and two years of its history, made from a seed.

use std::path::PathBuf;

use clap::Args;
use guanxi::base::{Clock as _, SystemClock, TimeZone};
use guanxi::{Date, Result};
use guanxi_demo::{DEFAULT_ACCOUNTS, Made, World};
use serde_json::{Map, json};

use crate::exit::Ended;
use crate::host::Host;
use crate::secrets::{self, Asked};
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Demo {
    /// Directory to create, by custom `name.guanxi`
    path: PathBuf,
    /// Name of the first user, who administers the database; the password is in GUANXI_PASSWORD or asked for
    #[arg(long, value_name = "NAME", default_value = "admin")]
    administrator: String,
    /// How many accounts there are when the history ends, up to 1,000,000
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_ACCOUNTS)]
    accounts: usize,
    /// From what everything is drawn: the same one, with the same size and last day, gives the same history
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The last day of the history, as 2026-11-20; yesterday if not said
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
}

impl Demo {
    /// Makes the database.
    ///
    /// # Errors
    /// Those of `World::create`, and of keys and passwords.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let options = host.options(host.key(Asked::Twice)?);
        let password = secrets::password(&self.administrator, host.locale(), Asked::Twice)?;
        let options = options.administrator(&self.administrator, &password);
        let until = match self.until {
            Some(day) => day,
            None => SystemClock.now().date_in(&TimeZone::utc()).plus_days(-1)?,
        };
        let world = World { seed: self.seed, accounts: self.accounts, until };
        let bar = progress::bar(0);
        let patience = progress::telling(host.patience(), &bar);
        let made = world.create(options, &self.path, &self.administrator, &patience);
        bar.finish_and_clear();
        self.tell(host, &made?)?;
        Ok(Ended::Done)
    }

    fn tell(&self, host: &Host, made: &Made) -> Result<()> {
        let path = self.path.to_string_lossy();
        if host.wants_json() {
            let counts: Map<String, serde_json::Value> =
                made.counts.iter().map(|(entity, count)| ((*entity).to_owned(), json!(count))).collect();
            return output::json(
                &json!({"path": path, "administrator": self.administrator, "counts": counts}),
            );
        }
        output::line(&output::visible(&path))?;
        made.counts.iter().try_for_each(|(entity, count)| output::line(&format!("{entity:<18} {count:>10}")))
    }
}
