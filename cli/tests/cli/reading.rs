//! Lists, reports, descriptions and calls, as tables for people and JSON for scripts.

use std::collections::BTreeSet;

use serde_json::json;

use crate::sandbox::Sandbox;

/// Two accounts, one below the other, and three opportunities.
fn trade() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("accounts.csv", "name,employees,parent\n上海加喜,40,\nAcme,1200,上海加喜\n");
    sandbox.file(
        "deals.csv",
        "title,account,stage,amount\n执照变更,上海加喜,Won,12800\nnew roof,Acme,Engaging,500\ncellar,Acme,Won,70\n",
    );
    for (entity, file) in [("account", "accounts.csv"), ("opportunity", "deals.csv")] {
        let imported = sandbox.lin("import", [entity, file]);
        assert_eq!(imported.status, 0, "{}{}", imported.output, imported.errors);
    }
    sandbox
}

#[test]
fn a_table_stands_straight_and_names_records_by_their_titles() {
    let sandbox = trade();
    let columns = "title,account,amount,owner";
    let table = sandbox.lin("find", ["opportunity", "--sort", "-amount", "--columns", columns]);
    let expected = "\
title     account      amount  owner
--------  --------  ---------  -----
执照变更  上海加喜  12800 USD  lin
new roof  Acme        500 USD  lin
cellar    Acme         70 USD  lin
";
    assert_eq!(table.output, expected, "{}", table.errors);
}

#[test]
fn a_query_takes_terms_along_references_counts_and_tells_how_it_is_read() {
    let sandbox = trade();
    let terms = ["opportunity", "account.name=上海加喜", "amount>=500", "status=won"];
    let page = sandbox.lin("query", terms.into_iter().chain(["--total", "exact", "--json"])).json();
    assert_eq!(page["rows"][0]["title"], "执照变更");
    assert_eq!(page["total"]["count"], 1);
    let table = sandbox
        .lin("query", ["opportunity", "account=Acme", "--fields", "title,account", "--sort", "-title"]);
    let lines: Vec<&str> = table.output.lines().collect();
    assert!(lines[2].starts_with("new roof  Acme"), "{}{}", table.output, table.errors);
    assert!(lines[3].starts_with("cellar    Acme"), "{}", table.output);
    let filter = json!({"field": "employees", "op": "between", "value": [40, 50]}).to_string();
    let counted = sandbox.lin("query", ["account", filter.as_str(), "--total", "bounded"]);
    assert!(counted.errors.contains("1 records (scan)"), "{}", counted.errors);
    let explained = sandbox.lin("query", ["opportunity", "status=won", "--explain", "--json"]).json();
    assert_eq!((&explained["index"], &explained["count"]), (&json!("status"), &json!("counters")));
    let german = sandbox.lin("query", ["account", "name=Acme", "--language", "de", "--json"]).json();
    assert_eq!(german["rows"][0]["title"], "Acme", "a text that has no translation stands for itself");
    let explained =
        sandbox.lin("query", ["product", "name=x", "--language", "de", "--explain", "--json"]).json();
    assert_eq!(explained["scan"], true, "no index knows translations");
    let refused = sandbox.lin("query", ["account", "--language", "german"]);
    assert!(refused.errors.contains("input.invalid_argument"), "{}", refused.errors);
    let refused = sandbox.lin("query", ["account", "colour=red"]);
    assert!(refused.errors.contains("schema.unknown_field"), "{}", refused.errors);
}

#[test]
fn a_column_that_is_not_there_is_refused() {
    let refused = trade().lin("find", ["account", "--columns", "name,colour", "--json"]);
    assert_eq!(refused.status, 0, "JSON has every field: {}", refused.errors);
    let refused = trade().lin("find", ["account", "--columns", "name,colour"]);
    assert_eq!(refused.status, 3);
    assert!(refused.errors.contains("schema.unknown_field") && refused.errors.contains("colour"));
}

#[test]
fn where_compares_by_the_type_of_the_field() {
    let sandbox = trade();
    let titles = |arguments: &[&str]| {
        let page = sandbox.lin("find", arguments.iter().copied().chain(["--json"])).json();
        let rows = page["rows"].as_array().unwrap().iter();
        rows.map(|row| row["title"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(titles(&["opportunity", "--where", "account=Acme"]), set(&["new roof", "cellar"]));
    assert_eq!(
        titles(&["opportunity", "--where", "account=Acme", "--where", "status=won"]),
        set(&["cellar"])
    );
    assert_eq!(titles(&["account", "--where", "employees=1200"]), set(&["Acme"]));
    assert_eq!(titles(&["account", "--where", "parent="]), set(&["上海加喜"]));
    let filter = r#"{"field": "amount", "op": "gt", "value": "100"}"#;
    assert_eq!(
        titles(&["opportunity", "--filter", filter, "--where", "owner=lin"]),
        set(&["执照变更", "new roof"])
    );
}

#[test]
fn pages_follow_each_other_by_the_cursor() {
    let sandbox = trade();
    let first = sandbox.lin("find", ["opportunity", "--sort", "title", "--limit", "2", "--columns", "title"]);
    assert_eq!(first.output.lines().skip(2).collect::<Vec<_>>(), ["cellar", "new roof"]);
    let cursor = first.errors.trim().strip_prefix("there are more: --cursor ").unwrap();
    let rest = ["opportunity", "--sort", "title", "--limit", "2", "--columns", "title", "--cursor", cursor];
    let second = sandbox.lin("find", rest);
    assert_eq!(second.output.lines().skip(2).collect::<Vec<_>>(), ["执照变更"]);
    assert_eq!(second.errors, "");
}

#[test]
fn a_report_groups_and_measures() {
    let sandbox = trade();
    let report = ["opportunity", "--group-by", "account", "--measure", "count", "--measure", "sum:amount"];
    let table = sandbox.lin("report", report);
    let expected = "\
account   count  sum:amount
--------  -----  ----------
Acme          2     570 USD
上海加喜      1   12800 USD
";
    assert_eq!(table.output, expected, "{}", table.errors);
    let won = sandbox.lin("report", report.into_iter().chain(["--filter", r#"{"status": "won"}"#, "--json"]));
    assert_eq!(won.json()["rows"][0]["labels"], json!(["Acme"]));
    assert_eq!(won.json()["rows"][0]["figures"][0], 1);
}

#[test]
fn without_an_entity_the_report_is_the_pipeline() {
    let sandbox = trade();
    let told = sandbox.lin("report", [""; 0]);
    let headings: Vec<&str> = told.output.lines().filter(|line| !line.contains(' ')).collect();
    assert_eq!(headings, ["stages", "", "totals", "", "won"], "{}", told.output);
    let answer = sandbox.lin("report", ["--json"]).json();
    assert_eq!(answer, sandbox.lin("call", ["opportunity.pipeline"]).json());
    assert_eq!(sandbox.lin("report", ["--group-by", "stage"]).status, 2);
}

#[test]
fn a_search_shows_each_hit_with_what_matched() {
    let sandbox = trade();
    let found = sandbox.lin("search", ["加喜"]);
    let mut lines = found.output.lines();
    assert!(lines.next().unwrap().starts_with("上海加喜  crm.account "), "{}{}", found.output, found.errors);
    assert_eq!(lines.next(), Some("  name: 上海加喜"));
    assert_eq!(lines.last(), Some("1 of 1"));
    let narrow = sandbox.lin("search", ["加喜", "--entity", "opportunity", "--json"]).json();
    assert_eq!(narrow["total"], 0);
}

#[test]
fn a_search_takes_a_condition_an_order_and_facets_and_says_how_it_read_the_text() {
    let sandbox = trade();
    let deals = ["search", "roof OR cellar OR 执照"];
    let sorted = sandbox.lin(deals[0], [deals[1], "--entity", "opportunity", "--sort", "-amount"]);
    let titles: Vec<&str> = sorted.output.lines().filter(|line| line.contains("crm.opportunity")).collect();
    assert!(titles[0].starts_with("执照变更") && titles[2].starts_with("cellar"), "{}", sorted.output);
    let filter = json!({"field": "amount", "op": "ge", "value": 500}).to_string();
    let narrow =
        [deals[1], "--entity", "opportunity", "--filter", &filter, "--facets", "status", "--limit", "1"];
    let narrow = sandbox.lin(deals[0], narrow);
    assert!(narrow.output.starts_with("status: "), "{}{}", narrow.output, narrow.errors);
    assert!(narrow.output.ends_with("1 of 2\n"), "{}", narrow.output);
    let faulty = sandbox.lin("search", ["colour:acme"]);
    assert!(faulty.output.starts_with("at character 1: unknown_field\nread as: acme\n"), "{}", faulty.output);
    let near = sandbox.lin("search", ["acne"]);
    assert!(near.output.starts_with("nothing is written like this; the nearest: acme\n"), "{}", near.output);
    assert_eq!(sandbox.lin("search", ["acme", "--sort", "name"]).status, 2);
    assert_eq!(sandbox.lin("search", ["acme 钢铁", "--json"]).json()["total"], 0);
    assert_eq!(sandbox.lin("search", ["acme 钢铁", "--closest", "--json"]).json()["total"], 1);
}

#[test]
fn what_is_similar_to_a_record_is_found_by_its_id_and_the_index_is_settled_on_demand() {
    let sandbox = trade();
    let found = sandbox.lin("search", ["加喜", "--json"]).json();
    let id = found["hits"][0]["id"].as_str().unwrap().to_owned();
    let of = ["--similar", &id, "--entity", "account", "--json"];
    let similar = sandbox.lin("search", of).json();
    assert_eq!((&similar["total"], &similar["incomplete"]), (&json!(0), &json!(null)));
    assert_eq!(sandbox.lin("search", ["--similar", &id]).status, 2);
    assert_eq!(sandbox.lin("search", [""; 0]).status, 2);
    assert_eq!(sandbox.lin("search", ["--settle"]).status, 0);
}

#[test]
fn a_call_takes_json_from_its_argument_and_from_standard_input() {
    let sandbox = trade();
    let by_argument = sandbox.lin("call", ["record.count", r#"{"entity": "account"}"#]).json();
    let by_input = sandbox.lin_with_input("call", &["record.count", "-"], r#"{"entity": "account"}"#).json();
    assert_eq!((&by_argument, &by_input), (&json!({"count": 2}), &json!({"count": 2})));
}

#[test]
fn a_call_that_is_not_understood_is_status_3() {
    let sandbox = Sandbox::new();
    let calls = [
        (["record.count", "{"], "input.invalid_json"),
        (["record.cuont", "{}"], "input.unknown_method"),
        (["record.count", "{}"], "input.missing_parameter"),
        (["record.count", "[]"], "input.invalid_argument"),
    ];
    for (arguments, code) in calls {
        let refused = sandbox.lin("call", arguments.into_iter().chain(["--json"]));
        assert_eq!((refused.status, refused.error_code().as_str()), (3, code));
    }
}

#[test]
fn methods_and_entities_describe_themselves() {
    let sandbox = Sandbox::new();
    let all = sandbox.lin("describe", [""; 0]).output;
    assert!(all.contains("record.list") && all.contains("account"), "{all}");
    let method = sandbox.lin("describe", ["record.list"]).output;
    assert!(method.contains("parameter") && method.contains("cursor"), "{method}");
    let entity = sandbox.lin("describe", ["opportunity", "--locale", "zh-Hans"]).output;
    assert!(entity.contains("商机名称") && entity.contains("closed_on"), "{entity}");
    let refused = sandbox.lin("describe", ["nothing", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (3, "schema.unknown_entity"));
}

#[test]
fn a_saved_view_is_listed_run_and_deleted() {
    let sandbox = trade();
    let view = |rest: &[&str]| {
        let (work, rest) = rest.split_first().unwrap();
        sandbox.guanxi(["view", work, "crm.guanxi", "--as", "lin"].iter().chain(rest).copied())
    };
    let columns = ["--columns", "name,employees", "--sort", "-employees", "--filter", r#"{"name": "Acme"}"#];
    let saved = view(&[&["save", "account", "large"][..], &columns].concat());
    assert_eq!(saved.status, 0, "{}", saved.errors);
    let listed = view(&["list"]);
    assert!(listed.output.contains("large  crm.account  own"), "{}", listed.output);
    let told = view(&["run", "account", "large"]);
    assert_eq!(told.output, "title  Name  Employees\n-----  ----  ---------\nAcme   Acme       1200\n");
    assert_eq!(view(&["delete", saved.output.trim()]).status, 0);
    assert_eq!(view(&["run", "account", "large"]).status, 3);
    let refused = view(&["save", "account", "ours", "--audience", "team", "--team", "nowhere", "--json"]);
    assert_eq!(refused.error_code(), "record.reference_missing");
}
