//! The status numbers of the C interface follow from the engine's error catalogue.

use std::fs;
use std::path::Path;

use guanxi::{Code, Locale};

/// The last line of what the file says by hand.
const LAST_BY_HAND: &str = "pub const GUANXI_DONE: i32 = 2;\n";

/// The constants of all codes, in the order of the catalogue.
fn constants() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        let name = code.key().replace('.', "_").to_uppercase();
        text.push_str(&format!("/// `{}`: {}\n", code.key(), code.message(Locale::English)));
        text.push_str(&format!("pub const GUANXI_ERR_{name}: i32 = -{};\n", code.number()));
    }
    text
}

/// `GUANXI_BLESS=1` writes the file anew, which is right only where codes were added.
#[test]
fn the_status_numbers_of_c_are_those_of_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/abi/src/status.rs");
    let text = fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once(LAST_BY_HAND).unwrap();
    let expected = format!("{head}{LAST_BY_HAND}\n{}", constants());
    if std::env::var_os("GUANXI_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), expected, "refresh it with GUANXI_BLESS=1");
}

/// Numbers and keys are for ever: these stood in the first version.
#[test]
fn no_number_of_the_first_version_has_changed() {
    let first = [
        (101, "input.invalid_argument"),
        (107, "input.missing_parameter"),
        (201, "storage.not_a_database"),
        (202, "storage.wrong_key"),
        (203, "storage.damaged"),
        (205, "storage.locked"),
        (211, "storage.conflict"),
        (301, "schema.unknown_entity"),
        (304, "schema.required"),
        (313, "schema.read_only_field"),
        (401, "record.not_found"),
        (406, "record.idempotency_mismatch"),
        (501, "access.sign_in_failed"),
        (502, "access.not_permitted"),
        (601, "engine.cancelled"),
        (603, "engine.reentrant"),
        (701, "plugin.manifest"),
        (801, "model.invalid_transition"),
        (901, "ledger.broken"),
    ];
    for (number, key) in first {
        let code = Code::ALL.iter().find(|code| code.number() == number).unwrap();
        assert_eq!(code.key(), key);
    }
}
