//! The page that traces requirements to tests: each test that it names is there, and each ID is one of the guide's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/requirements-trace.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the page: the ID, and what stands in code marks in the last cell.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let is_id = |id: &str| id.split_once('-').is_some_and(|(_, number)| number.parse::<u32>().is_ok());
    let row = |line: &str| {
        let [id, _, shown] = <[String; 3]>::try_from(cells(line)).ok()?;
        let named = shown.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        is_id(&id).then_some((id, named))
    };
    page.lines().filter(|line| line.starts_with('|')).filter_map(row).collect()
}

/// What is wrong with a place: a file, or a file and a function of it that is a test.
fn fault(place: &str) -> Option<String> {
    let (file, function) = place.split_once("::").map_or((place, None), |(file, name)| (file, Some(name)));
    let Ok(text) = std::fs::read_to_string(root().join(file)) else {
        return Some(format!("{file} is not there"));
    };
    let test = |name: &str| format!("#[test]\nfn {name}()");
    match function {
        Some(name) if !text.contains(&test(name)) => Some(format!("{file} has no test {name}")),
        _ => None,
    }
}

#[test]
fn every_test_that_the_trace_names_is_there() {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 10, "{PAGE} has its table");
    let lines = page.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(rows.len() + 2, lines, "each line of the table but its head has an ID and three cells");
    let faults: Vec<String> = rows
        .iter()
        .flat_map(|(id, places)| {
            let none = places.is_empty().then(|| format!("{id} names no test"));
            let faults = places.iter().filter_map(|place| fault(place));
            none.into_iter().chain(faults.map(move |fault| format!("{id}: {fault}")))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let ids: BTreeSet<&String> = rows.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), rows.len(), "each ID stands once");
}

#[test]
fn every_id_of_the_trace_is_one_of_the_guide() {
    let guide = root().join("../shared/guide/requirements.md");
    let Ok(guide) = std::fs::read_to_string(&guide) else {
        eprintln!("skipped: ../shared/guide/requirements.md is absent");
        return;
    };
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let unknown: Vec<String> = rows(&page)
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| !guide.contains(&format!("| {id} |")))
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join(" "));
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    assert!(fault("tests/tidy/tests/trace.rs::no_such_test").is_some());
    assert!(fault("tests/no_such_file.rs").is_some());
    assert_eq!(fault("tests/tidy/tests/trace.rs::a_test_that_is_not_there_is_noticed"), None);
}
