//! A room names only rooms that the map permits, in every way in which a path can be written.

use crate::house::with_rust;

const STORAGE: &str = "core/src/storage/store.rs";
const SEARCH: &str = "core/src/features/search/index.rs";
const CLEAN: [&str; 0] = [];

fn storage_names_engine(line: usize) -> Vec<String> {
    vec![format!("{STORAGE}:{line}: storage may name base, and not engine (core/ARCHITECTURE.md)")]
}

#[test]
fn a_room_may_name_the_rooms_of_its_row_and_itself() {
    assert_eq!(with_rust(STORAGE, "use crate::base::{Error, Result};\nuse crate::storage::Page;"), CLEAN);
    assert_eq!(with_rust(SEARCH, "use crate::engine::Session;\nuse super::analysis::{self, Word};"), CLEAN);
    assert_eq!(with_rust("core/src/model/account.rs", "use crate::features::search::Query;"), CLEAN);
}

#[test]
fn an_import_from_an_upper_room_is_found() {
    assert_eq!(with_rust(STORAGE, "use crate::engine::Session;"), storage_names_engine(2));
}

#[test]
fn an_import_inside_a_group_is_found_on_its_line() {
    let group =
        "use crate::{\n    base::{Error, Result as Outcome},\n    engine::session::{Session, Reader},\n};";
    assert_eq!(with_rust(STORAGE, group), storage_names_engine(4));
    assert_eq!(
        with_rust(STORAGE, "pub use {crate::base::Error, crate::engine as top};"),
        storage_names_engine(2)
    );
}

#[test]
fn a_bare_path_in_code_is_found() {
    assert_eq!(
        with_rust(STORAGE, "fn run() {\n    crate::engine::open::<u8>();\n}"),
        storage_names_engine(3)
    );
    assert_eq!(
        with_rust(STORAGE, "macro_rules! open { () => { $crate::engine::open() } }"),
        storage_names_engine(2)
    );
}

#[test]
fn a_test_module_is_not_exempt() {
    let code = "#[cfg(test)]\nmod tests {\n    use crate::engine::Session;\n}";
    assert_eq!(with_rust(STORAGE, code), storage_names_engine(4));
}

#[test]
fn a_path_that_climbs_to_the_roof_by_super_is_found() {
    assert_eq!(with_rust(STORAGE, "use super::super::engine::Session;"), storage_names_engine(2));
    let inline = "mod inner {\n    use super::super::Page;\n    use super::super::super::engine::Session;\n}";
    assert_eq!(with_rust(STORAGE, inline), storage_names_engine(4));
    let after = "mod inner {\n    fn run() {}\n}\nuse super::super::engine::Session;";
    assert_eq!(with_rust(STORAGE, after), storage_names_engine(5));
}

#[test]
fn one_feature_may_not_name_another() {
    let rule = "features/search may name base, engine, and not features/reports (core/ARCHITECTURE.md)";
    let expected = [format!("{SEARCH}:2: {rule}")];
    assert_eq!(with_rust(SEARCH, "use crate::features::reports::Report;"), expected);
    assert_eq!(with_rust(SEARCH, "use super::super::reports::Report;"), expected);
    assert_eq!(with_rust(SEARCH, "use crate::features::{search::Query, reports};"), expected);
}

#[test]
fn the_landing_may_name_its_rooms_only() {
    let landing = "core/src/features/mod.rs";
    assert_eq!(
        with_rust(landing, "pub use self::search::Query;\npub use crate::features::reports::Report;"),
        CLEAN
    );
    let expected =
        format!("{landing}:2: features may name base, engine, and not storage (core/ARCHITECTURE.md)");
    assert_eq!(with_rust(landing, "use crate::storage::Page;"), [expected]);
}

#[test]
fn the_roof_may_name_every_room_and_no_room_may_name_the_roof() {
    assert_eq!(
        with_rust("core/src/lib.rs", "pub use crate::engine::Session;\npub use model::Account;"),
        CLEAN
    );
    let words = "is in no room of core/ARCHITECTURE.md: a thing is named where it lives, not on the roof";
    for (code, named) in [
        ("use crate::Error;", "crate::Error"),
        ("use crate::*;", "crate::*"),
        ("use crate as all;", "crate"),
        ("extern crate self as all;", "crate"),
        ("use super::super::Error;", "crate::Error"),
    ] {
        assert_eq!(with_rust(STORAGE, code), [format!("{STORAGE}:2: {named} {words}")], "{code}");
    }
}

#[test]
fn comments_literals_and_visibilities_name_nobody() {
    let code = r###"// crate::engine::Session
/* use crate::engine::{self}; /* nested crate::engine::A */ crate::engine::B */
/// See [`crate::engine::Session`].
pub(crate) fn run<'a>(quote: char) -> &'a str {
    let _ = (quote == '"', b'\'', '\\', "\" crate::engine::A", r#"" crate::engine::B"#, br"\", c"crate::engine");
    "crate::engine::C"
}
pub(super) use self::run as start;"###;
    assert_eq!(with_rust(STORAGE, code), CLEAN);
}

#[test]
fn code_behind_literals_is_read_again() {
    for literal in
        [r"'\''", r"'\u{22}'", "'\"'", r#""\\""#, r##"r#"""#"##, r#"br"\""#, "b'\"'", "'static", "/*/ */"]
    {
        let code = format!("const A: u8 = f({literal}, crate::engine::OPEN);");
        assert_eq!(with_rust(STORAGE, &code), storage_names_engine(2), "{literal}");
    }
}

#[test]
fn other_packages_have_no_rooms() {
    assert_eq!(with_rust("plugins/host/src/loader.rs", "use crate::engine::Session;"), CLEAN);
}
