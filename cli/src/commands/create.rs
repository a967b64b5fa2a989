//! `guanxi create`: a new database with its first administrator.

use std::path::PathBuf;

use clap::Args;
use guanxi::{Result, Settings};
use serde_json::json;

use crate::exit::Ended;
use crate::host::Host;
use crate::output;
use crate::secrets::{self, Asked};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Create {
    /// Directory to create, by custom `name.guanxi`
    path: PathBuf,
    /// Name of the first user, who administers the database; the password is in GUANXI_PASSWORD or asked for
    #[arg(long, value_name = "NAME")]
    administrator: String,
    /// ISO 4217 code of amounts that name no currency
    #[arg(long, value_name = "CODE", default_value_t = Settings::default().base_currency)]
    currency: String,
    /// IANA name of the zone in which days begin and end
    #[arg(long, value_name = "ZONE", default_value_t = Settings::default().time_zone)]
    time_zone: String,
}

impl Create {
    /// Creates the database.
    ///
    /// # Errors
    /// Those of `Options::create`, and of keys and passwords.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let options = host.options(host.key(Asked::Twice)?);
        let password = secrets::password(&self.administrator, host.locale(), Asked::Twice)?;
        let settings = Settings {
            base_currency: self.currency.clone(),
            time_zone: self.time_zone.clone(),
            ..Settings::default()
        };
        options.administrator(&self.administrator, &password).settings(settings).create(&self.path)?;
        let path = self.path.to_string_lossy();
        if host.wants_json() {
            output::json(&json!({"path": path, "administrator": self.administrator}))?;
        } else {
            output::line(&output::visible(&path))?;
        }
        Ok(Ended::Done)
    }
}
