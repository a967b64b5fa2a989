//! The settings of the configuration, as an administrator lists, sets, moves and resets them.

use crate::sandbox::{Answer, Sandbox};

fn config(sandbox: &Sandbox, rest: &[&str]) -> Answer {
    let (work, rest) = rest.split_first().unwrap();
    sandbox.guanxi(["config", work, "crm.guanxi", "--as", "lin"].iter().chain(rest).copied())
}

#[test]
fn settings_are_set_as_json_or_plain_text_told_and_moved_to_another_database() {
    let sandbox = Sandbox::new();
    let set = config(&sandbox, &["set", "regional.currency", "EUR"]);
    assert_eq!(set.status, 0, "{}", set.errors);
    assert!(set.output.contains("USD") && set.output.contains("EUR"), "{}", set.output);
    config(&sandbox, &["set", "queries.slow_threshold_ms", "250"]);
    config(&sandbox, &["set", "regional.locale", "zh-Hans", "--own"]);
    let got = config(&sandbox, &["get", "queries.slow_threshold_ms", "regional.locale", "--json"]).json();
    assert_eq!(got["settings"]["queries.slow_threshold_ms"], 250);
    assert_eq!(got["settings"]["regional.locale"], "zh-Hans");
    assert!(config(&sandbox, &["list"]).output.contains("queries.slow_threshold_ms"));
    let exported = config(&sandbox, &["export"]);
    sandbox.file("settings.json", &exported.output);
    config(&sandbox, &["reset", "queries.slow_threshold_ms"]);
    let only_told = config(&sandbox, &["import", "settings.json", "--dry-run"]);
    assert!(only_told.output.contains("250"), "{}", only_told.output);
    let got = config(&sandbox, &["get", "queries.slow_threshold_ms", "--json"]).json();
    assert_eq!(got["settings"]["queries.slow_threshold_ms"], 1_000, "a dry run changes nothing");
    assert_eq!(config(&sandbox, &["import", "settings.json"]).output, only_told.output);
    let refused = config(&sandbox, &["set", "regional.fiscal_year_start", "13"]);
    assert!(
        refused.status != 0 && refused.errors.contains("regional.fiscal_year_start"),
        "{}",
        refused.errors
    );
}
