//! The map of the house tells the truth: what it names exists, and what exists stands on it.

use crate::house::{with, with_replaced, with_rust, without};

const PAGE: &str = "core/ARCHITECTURE.md";

#[test]
fn a_page_without_the_table_is_found() {
    let reported = with_replaced(PAGE, "| room | may name |", "| who | whom |");
    assert!(
        reported.contains(&format!("{PAGE}:1: the page holds the floor table under `| room | may name |`"))
    );
    assert!(
        without(PAGE)
            .contains(&format!("{PAGE}:1: the page holds the floor table under `| room | may name |`"))
    );
}

#[test]
fn a_path_on_the_page_that_does_not_exist_is_found() {
    for path in ["core/src/base/lost.rs", "core/src/lost/", "LOST.md", "lost/page"] {
        let reported = with_replaced(PAGE, "`core/FORMAT.md`", &format!("`{path}`"));
        assert_eq!(
            reported,
            [format!("{PAGE}:16: the path {} of the page exists", path.trim_end_matches('/'))]
        );
    }
}

#[test]
fn a_part_of_a_name_is_not_the_path() {
    let reported = with_replaced(PAGE, "`core/FORMAT.md`", "`core/src/sto`");
    assert_eq!(reported, [format!("{PAGE}:16: the path core/src/sto of the page exists")]);
}

#[test]
fn words_of_code_on_the_page_are_not_taken_for_paths() {
    let reported =
        with_replaced(PAGE, "`core/FORMAT.md`", "`core/FORMAT.md`, `txn.set`, `a / b`, `base::Error`, `x`");
    assert_eq!(reported, [""; 0]);
}

#[test]
fn a_room_of_the_table_that_does_not_exist_is_found() {
    assert_eq!(without("core/src/model/"), [format!("{PAGE}:9: the room model of the table exists")]);
    let without_features = without("core/src/features/");
    assert!(without_features.contains(&format!("{PAGE}:8: the room features/* of the table exists")));
    let without_host = without("plugins/host/");
    assert_eq!(without_host, [format!("{PAGE}:12: the room plugins/host of the table exists")]);
}

#[test]
fn a_room_of_the_core_that_is_not_in_the_table_is_found() {
    let rule = "the room attic stands in the table of core/ARCHITECTURE.md";
    assert_eq!(with_rust("core/src/attic/mod.rs", ""), [format!("core/src/attic/mod.rs:1: {rule}")]);
    assert_eq!(with_rust("core/src/attic.rs", ""), [format!("core/src/attic.rs:1: {rule}")]);
}

#[test]
fn a_feature_that_the_page_does_not_name_is_found() {
    let path = "core/src/features/attic/mod.rs";
    let rule = "core/ARCHITECTURE.md names core/src/features/attic";
    assert_eq!(with_rust(path, ""), [format!("{path}:1: {rule}")]);
}

#[test]
fn files_outside_of_the_core_need_no_place_on_the_map() {
    assert_eq!(with("docs/guide.md", "# Guide\n"), [""; 0]);
}
