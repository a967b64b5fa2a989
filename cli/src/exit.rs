//! What the exit status means: one table from the codes of errors to the numbers that a script sees.

use guanxi::Code;

/// How a command ended that ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything was done.
    Done,
    /// It was done, but not with everything: rows were rejected.
    DoneInPart,
}

impl Ended {
    /// The exit status.
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::DoneInPart => 1,
        }
    }
}

/// One exit status.
struct Meaning {
    status: u8,
    /// What it means, for the help.
    text: &'static str,
    /// Keys of error codes; one that ends with a point stands for all that begin with it, unless another
    /// row names the key itself.
    keys: &'static [&'static str],
}

/// The status of what is a fault of the engine itself (`EX_SOFTWARE` of BSD's sysexits).
const INTERNAL: u8 = 70;

const TABLE: [Meaning; 11] = [
    Meaning { status: 0, text: "done", keys: &[] },
    Meaning {
        status: 1,
        text: "done, but not with everything: rows of an import were rejected, or a salvage is not whole",
        keys: &[],
    },
    Meaning { status: 2, text: "the command line is not understood", keys: &[] },
    Meaning {
        status: 3,
        text: "bad input",
        keys: &[
            "input.",
            "schema.",
            "record.",
            "history.",
            "model.",
            "privacy.",
            "time.",
            "pool.",
            "assignment.",
            "guide.",
            "backup.",
            "engine.nothing_matches",
            "storage.backup_chain",
        ],
    },
    Meaning { status: 4, text: "not permitted", keys: &["access."] },
    Meaning {
        status: 5,
        text: "wrong key, not found, taken, locked, no database, or of another format",
        keys: &[
            "storage.wrong_key",
            "storage.not_a_database",
            "storage.not_found",
            "storage.already_exists",
            "storage.locked",
            "storage.busy",
            "storage.conflict",
            "storage.newer_format",
            "storage.upgrade_needed",
        ],
    },
    Meaning { status: 6, text: "damaged or altered", keys: &["storage.damaged", "ledger."] },
    Meaning {
        status: 7,
        text: "the system could not read or write",
        keys: &["storage.io", "storage.stopped"],
    },
    Meaning {
        status: 8,
        text: "cancelled, or not done in time",
        keys: &["engine.cancelled", "engine.deadline_exceeded"],
    },
    Meaning { status: 9, text: "a plugin failed or refused", keys: &["plugin."] },
    Meaning { status: INTERNAL, text: "a fault of the engine itself", keys: &["engine."] },
];

/// The exit status of an error.
pub fn status_of(code: Code) -> u8 {
    let row = |matches: fn(&str, &str) -> bool| {
        TABLE.iter().find(|row| row.keys.iter().any(|known| matches(code.key(), known)))
    };
    let named = row(|key, known| key == known);
    let in_room = || row(|key, known| known.ends_with('.') && key.starts_with(known));
    named.or_else(in_room).map_or(INTERNAL, |row| row.status)
}

/// The table for the help.
pub fn help() -> String {
    let shown = |key: &&str| if key.ends_with('.') { format!("{key}*") } else { (*key).to_owned() };
    let rows = TABLE.iter().map(|row| {
        let keys = row.keys.iter().map(shown).collect::<Vec<_>>().join(", ");
        let keys = if keys.is_empty() { keys } else { format!(" ({keys})") };
        format!("  {:>2}  {}{keys}\n", row.status, row.text)
    });
    format!("Exit status:\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_faults_of_the_engine_are_internal() {
        let internal: Vec<_> = Code::ALL.iter().filter(|code| status_of(**code) == INTERNAL).collect();
        let expected = [Code::Reentrant, Code::WrongThread, Code::Panic, Code::Forked];
        assert_eq!(internal, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_key_of_the_table_stands_for_a_code() {
        for known in TABLE.iter().flat_map(|row| row.keys) {
            let stands = |code: &&Code| code.key() == *known || code.key().starts_with(known);
            assert!(Code::ALL.iter().any(|code| stands(&code)), "{known}");
        }
    }

    #[test]
    fn rooms_and_single_codes_have_the_status_that_scripts_rely_on() {
        let expected = [
            (Code::InvalidCsv, 3),
            (Code::UnknownEntity, 3),
            (Code::ReferenceMissing, 3),
            (Code::InvalidTransition, 3),
            (Code::SignInFailed, 4),
            (Code::WrongKey, 5),
            (Code::Damaged, 6),
            (Code::IndexMismatch, 6),
            (Code::Io, 7),
            (Code::DeadlineExceeded, 8),
            (Code::PluginHash, 9),
            (Code::Panic, 70),
        ];
        for (code, status) in expected {
            assert_eq!(status_of(code), status, "{code:?}");
        }
    }
}
