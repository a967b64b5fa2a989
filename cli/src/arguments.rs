//! What may stand on the command line, and the help that says so.
//!
//! The parser speaks English only; what the engine says is in the language of `--locale`. No secret is
//! ever an argument, for every user of a machine can read the arguments of every process.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use guanxi::{Locale, Result};

use crate::commands::{
    access, audit, backup, backups, call, compact, config, correction, create, demo, describe, find, import,
    key, look, plugin, privacy, purge, query, report, restore, salvage, schema, search, user, verify, view,
};
use crate::exit::{self, Ended};
use crate::host::Host;

/// What the help says behind the list of commands.
const NOTES: &str = "\
Environment:
  GUANXI_KEY       the key: a passphrase, or 64 hexadecimal digits (used without --key-file)
  GUANXI_NEW_KEY   for `key add`, `key change` and `key rekey`, the key that comes (used without --new-key-file)
  GUANXI_USER      the user to sign in (used without --as)
  GUANXI_PASSWORD  that user's password; for `create`, the administrator's
  GUANXI_NEW_PASSWORD  what it becomes where it has to be changed first
  GUANXI_PLUGIN_KEY_PASSWORD  the password of a key that signs packages
  LC_ALL, LC_MESSAGES, LANG  the language of messages (used without --locale)
  NO_COLOR         no colours, if it is set to anything
What is not given is asked for on the terminal. Keys and passwords are never arguments.

Ctrl-C ends any command at once. What an import has reported as committed stays; the rest is not there.
";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "guanxi",
    version,
    about = "Create, fill, read and check Guanxi databases (help texts are in English only)",
    after_help = help_behind()
)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

fn help_behind() -> String {
    format!("{NOTES}\n{}", exit::help())
}

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// File with the key: 32 raw bytes, 64 hexadecimal digits, or a passphrase or recovery key in one line
    #[arg(long, value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// What the key is; if not said, exactly 32 bytes or 64 hexadecimal digits are raw, and a line of
    /// other text is a passphrase; a recovery key is one only if it is said
    #[arg(long, value_name = "KIND", global = true)]
    pub key_kind: Option<KeyKind>,
    /// Act as this user without a password: whoever has the key is trusted
    #[arg(long = "as", value_name = "USER", global = true)]
    pub user: Option<String>,
    /// Answer in JSON, and report an error in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of messages: zh-Hans or en
    #[arg(long, value_name = "TAG", global = true, value_parser = locale)]
    pub locale: Option<Locale>,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", global = true)]
    pub timeout: Option<u64>,
    /// Package of a plugin to load, whose fields and checks then hold for this command
    #[arg(long, value_name = "PACKAGE", global = true)]
    pub plugin: Vec<PathBuf>,
    /// File with the keys of vendors whose plugins are loaded
    #[arg(long, value_name = "FILE", global = true)]
    pub trust: Option<PathBuf>,
    /// Load plugins that nobody has signed: you vouch for them yourself
    #[arg(long, global = true, conflicts_with = "trust")]
    pub unsigned: bool,
    /// Load a version of a plugin that is lower than one which the database has seen
    #[arg(long, global = true)]
    pub allow_downgrade: bool,
}

/// What a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// 32 bytes, or 64 hexadecimal digits that stand for them.
    Raw,
    /// Words, from which the key is stretched.
    Passphrase,
    /// A recovery key, as it was shown.
    Recovery,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a database and its first administrator
    Create(create::Create),
    /// Make a database with a firm of 40 people and two years of its history, to look at and to try out
    Demo(demo::Demo),
    /// Import records of one entity from a CSV file, or of any from a tree in JSON
    Import(import::Import),
    /// List records of one entity
    Find(find::Find),
    /// List, run, save and delete saved views
    View(view::View),
    /// List records by simple terms, count them, or tell how the list is read
    Query(query::Query),
    /// Search records by words, parts of words and sounds
    Search(search::Search),
    /// Work out a report; without an entity, the pipeline of opportunities
    Report(report::Report),
    /// Call a named method with JSON
    Call(call::Call),
    /// Describe methods and entities
    Describe(describe::Describe),
    /// List, compare, install, take back and write packages of metadata
    Schema(schema::Schema),
    /// List, read, set, reset, export and import the settings of the configuration
    Config(config::Config),
    /// Verify ledger, records, indexes and counters of the whole database
    Verify(verify::Verify),
    /// Ask the ledger who did what to which record, when and why
    Audit(audit::Audit),
    /// Explain who may do what to a record, and what a planned change would open or close
    Access(access::Access),
    /// What is kept of one person and asked for it, consents, legal holds, retention, the report of compliance
    Privacy(privacy::Privacy),
    /// Propose how a record should be that one may not change, and decide on what others propose
    Correction(correction::Correction),
    /// Let somebody leave or move, and keep the tokens of service accounts
    User(user::User),
    /// Tell sizes of tables and files, and counts
    Stats(look::Stats),
    /// Look over the database: size, growth, records, empty fields, keys, last backup
    Inspect(look::Inspect),
    /// Write what support needs to know to a file; nothing of customers is in it
    Support(look::Support),
    /// Write the file with all records anew, without gaps, and give the room back
    Compact(compact::Compact),
    /// Take records for good that were deleted longer ago than the settings keep them
    Purge(purge::Purge),
    /// Write a backup of a database into a folder, or to standard output
    Backup(backup::Backup),
    /// List the backups of a folder, and delete those that a policy no longer keeps
    Backups(backups::Backups),
    /// Make a database anew from its backups
    Restore(restore::Restore),
    /// Read what is left of a damaged database into files, and change nothing of it
    Salvage(salvage::Salvage),
    /// List, add, change and remove the keys that open a database
    Key(key::Key),
    /// Pack, check and load native plugins
    Plugin(plugin::Plugin),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Those of the engine; the exit status follows from the code.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match self {
            Self::Create(command) => command.run(host),
            Self::Demo(command) => command.run(host),
            Self::Import(command) => command.run(host),
            Self::Find(command) => command.run(host),
            Self::View(command) => command.run(host),
            Self::Query(command) => command.run(host),
            Self::Search(command) => command.run(host),
            Self::Report(command) => command.run(host),
            Self::Call(command) => command.run(host),
            Self::Describe(command) => command.run(host),
            Self::Schema(command) => command.run(host),
            Self::Config(command) => command.run(host),
            Self::Verify(command) => command.run(host),
            Self::Audit(command) => command.run(host),
            Self::Access(command) => command.run(host),
            Self::Privacy(command) => command.run(host),
            Self::Correction(command) => command.run(host),
            Self::User(command) => command.run(host),
            Self::Stats(command) => command.run(host),
            Self::Inspect(command) => command.run(host),
            Self::Support(command) => command.run(host),
            Self::Compact(command) => command.run(host),
            Self::Purge(command) => command.run(host),
            Self::Backup(command) => command.run(host),
            Self::Backups(command) => command.run(host),
            Self::Restore(command) => command.run(host),
            Self::Salvage(command) => command.run(host),
            Self::Key(command) => command.run(host),
            Self::Plugin(command) => command.run(host),
        }
    }
}

fn locale(tag: &str) -> Result<Locale, String> {
    Locale::parse(tag).map_err(|_| "the languages are zh-Hans and en".to_owned())
}

/// Reads `LEFT=RIGHT`, cut at the first sign.
pub fn cut_at_first(text: &str) -> Result<(String, String), String> {
    pair(text.split_once('='))
}

/// Reads `LEFT=RIGHT`, cut at the last sign, where only the left side may hold one itself.
pub fn cut_at_last(text: &str) -> Result<(String, String), String> {
    pair(text.rsplit_once('='))
}

fn pair(sides: Option<(&str, &str)>) -> Result<(String, String), String> {
    let (left, right) = sides.ok_or_else(|| "two sides with `=` between them".to_owned())?;
    Ok((left.to_owned(), right.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_column_may_hold_an_equals_sign_and_a_value_too() {
        assert_eq!(cut_at_last("a=b=name"), Ok(("a=b".to_owned(), "name".to_owned())));
        assert_eq!(cut_at_first("note=a=b"), Ok(("note".to_owned(), "a=b".to_owned())));
        assert!(cut_at_first("note").is_err());
    }
}
