//! Who may what, from the command line.

use crate::sandbox::Sandbox;

#[test]
fn a_record_is_shared_listed_explained_and_taken_back() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let wang = call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let record = call("record.create", r#"{"entity": "account", "values": {"name": "加喜"}}"#)["id"].clone();
    let record = record.as_str().unwrap();
    let access = |work: &str, rest: &[&str]| {
        let words = ["access", work, "crm.guanxi", "account", record];
        sandbox.guanxi(words.into_iter().chain(rest.iter().copied()).chain(["--as", "lin"]))
    };
    let shared = access("share", &["--user", "wang", "--level", "edit", "--reason", "代班", "--json"]).json();
    let listed = access("shares", &["--json"]).json();
    assert_eq!((&listed["shares"][0]["id"], &listed["shares"][0]["user"]), (&shared["id"], &wang["id"]));
    assert!(access("shares", &[]).output.contains("代班"));
    let told = access("explain", &["--user", "wang", "--action", "update", "--json"]).json();
    assert_eq!((&told["verdict"], &told["shares"][0]["share"]), (&"granted".into(), &shared["id"]));
    assert!(access("who", &["--action", "update"]).output.contains("share"));
    assert_eq!(access("unshare", &["--user", "wang"]).status, 0);
    assert_eq!(access("shares", &["--json"]).json()["shares"], serde_json::json!([]));
    let refused = access("unshare", &["--user", "wang", "--json"]);
    assert_eq!(refused.error_code(), "record.not_found");
    assert_ne!(access("share", &[]).status, 0, "with whom is to be said");
}

#[test]
fn rules_that_share_records_are_made_listed_changed_and_taken_away() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let _ = call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let record =
        call("record.create", r#"{"entity": "account", "values": {"name": "加喜", "employees": 500}}"#);
    let record = record["id"].as_str().unwrap();
    let access = |words: &[&str]| {
        sandbox.guanxi(["access"].into_iter().chain(words.iter().copied()).chain(["--as", "lin"]))
    };
    let database = "crm.guanxi";
    let made =
        access(&["rule", "define", database, "large", "account", "employees >= 100", "--user", "wang"]);
    assert_eq!(made.status, 0);
    let id = made.output.trim().to_owned();
    let listed = access(&["rule", "list", database]).output;
    assert!(listed.contains("employees >= 100") && listed.contains(&id));
    let explained = access(&["explain", database, "account", record, "--user", "wang"]).output;
    assert!(explained.contains("granted") && explained.contains(&id));
    assert!(access(&["who", database, "account", record]).output.contains("rule"));
    assert_eq!(access(&["rule", "change", database, &id, "--off", "true"]).status, 0);
    let explained = access(&["explain", database, "account", record, "--user", "wang", "--json"]).json();
    assert_eq!(explained["verdict"], "out_of_reach");
    assert_eq!(access(&["rule", "remove", database, &id]).status, 0);
    let setting = access(&["inherit", "define", database, "contact", "account", "--level", "edit"]);
    let setting = setting.output.trim().to_owned();
    assert!(access(&["inherit", "list", database]).output.contains("crm.account"));
    assert_eq!(access(&["inherit", "change", database, &setting, "--off", "true"]).status, 0);
    assert_eq!(access(&["inherit", "remove", database, &setting]).status, 0);
    assert_eq!(access(&["mark", database]).status, 0);
    let refused = access(&["rule", "remove", database, &id, "--json"]);
    assert_eq!(refused.error_code(), "record.not_found");
}

#[test]
fn somebody_stands_in_and_does_so_no_longer() {
    let sandbox = Sandbox::new();
    let wang = sandbox.lin("call", ["user.create", r#"{"values": {"name": "wang"}}"#]).json();
    let access = |words: &[&str]| {
        sandbox.guanxi(["access"].into_iter().chain(words.iter().copied()).chain(["--as", "lin", "--json"]))
    };
    let until = "2126-01-01T00:00:00Z";
    let given = ["delegate", "crm.guanxi", "wang", "--until", until, "--entity", "account", "--note", "休假"];
    let id = access(&given).json()["id"].clone();
    let listed = access(&["delegations", "crm.guanxi"]).json();
    let row = &listed["delegations"][0];
    assert_eq!((&row["id"], &row["delegate"], &row["holds"]), (&id, &wang["id"], &true.into()));
    assert_eq!(access(&["undelegate", "crm.guanxi", id.as_str().unwrap()]).status, 0);
    assert_eq!(access(&["delegations", "crm.guanxi"]).json()["delegations"], serde_json::json!([]));
}

#[test]
fn who_leaves_hands_over_and_a_program_signs_in_by_a_token() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let wang = call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let owner = wang["id"].as_str().unwrap();
    call(
        "record.create",
        &format!(r#"{{"entity": "account", "values": {{"name": "加喜", "owner": "{owner}"}}}}"#),
    );
    call("user.create", r#"{"values": {"name": "robot", "kind": "service"}}"#);
    let user = |words: &[&str]| {
        sandbox.guanxi(["user"].into_iter().chain(words.iter().copied()).chain(["--as", "lin", "--json"]))
    };
    let told = user(&["offboard", "crm.guanxi", "wang", "--heir", "lin", "--dry-run"]).json();
    assert_eq!(told["entities"][0]["owned"], 1);
    let done = user(&["offboard", "crm.guanxi", "wang", "--heir", "lin"]).json();
    assert_eq!((&done["complete"], &done["entities"][0]["handed_over"]), (&true.into(), &1.into()));
    let token = user(&["issue-token", "crm.guanxi", "robot", "--label", "nightly"]).json();
    assert!(token["token"].as_str().unwrap().starts_with("guanxi."));
    let listed = user(&["tokens", "crm.guanxi", "robot"]).json();
    assert_eq!(
        (&listed["tokens"][0]["id"], &listed["tokens"][0]["label"]),
        (&token["id"], &"nightly".into())
    );
    assert_eq!(user(&["revoke-token", "crm.guanxi", "robot", token["id"].as_str().unwrap()]).status, 0);
    assert_eq!(user(&["tokens", "crm.guanxi", "robot"]).json()["tokens"], serde_json::json!([]));
}

#[test]
fn a_request_is_made_listed_and_not_approved_by_who_asks() {
    let sandbox = Sandbox::new();
    sandbox
        .lin("call", ["user.create", r#"{"values": {"name": "wang"}, "roles": ["administrator"]}"#])
        .json();
    sandbox.lin("call", ["configuration.set", r#"{"settings": {"access.four_eyes": ["users"]}}"#]).json();
    std::fs::write(
        sandbox.path("changes.json"),
        r#"[{"do": "create", "entity": "sys.user", "values": {"name": "neu"}}]"#,
    )
    .unwrap();
    let access = |words: &[&str]| {
        sandbox.guanxi(["access"].into_iter().chain(words.iter().copied()).chain(["--as", "lin", "--json"]))
    };
    let id = access(&["request", "crm.guanxi", "changes.json", "--reason", "neu"]).json()["id"].clone();
    let listed = access(&["requests", "crm.guanxi", "--status", "pending"]).json();
    assert_eq!(listed["requests"][0]["id"], id);
    let id = id.as_str().unwrap();
    assert_eq!(access(&["approve", "crm.guanxi", id]).error_code(), "access.not_permitted");
    assert_eq!(access(&["withdraw", "crm.guanxi", id]).status, 0);
    assert_eq!(access(&["refuse", "crm.guanxi", id]).error_code(), "access.request_closed");
}

#[test]
fn what_a_change_would_open_is_told_and_nothing_of_it_is_done() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let wang = call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let record = call("record.create", r#"{"entity": "account", "values": {"name": "加喜"}}"#)["id"].clone();
    let record = record.as_str().unwrap();
    let contact = format!(r#"{{"entity": "contact", "values": {{"name": "林", "account": "{record}"}}}}"#);
    let contact = call("record.create", &contact)["id"].clone();
    let access = |words: &[&str]| {
        sandbox.guanxi(["access"].into_iter().chain(words.iter().copied()).chain(["--as", "lin"]))
    };
    let database = "crm.guanxi";
    assert_eq!(access(&["inherit", "define", database, "contact", "account"]).status, 0);
    let planned = format!(
        r#"[{{"do": "share", "entity": "account", "id": "{record}", "user": {}, "level": "read"}}]"#,
        wang["id"]
    );
    std::fs::write(sandbox.path("changes.json"), planned).unwrap();
    let told = access(&["simulate", database, "changes.json", "--json"]).json();
    let rows = told["rows"].as_array().unwrap();
    let opened: Vec<_> = rows.iter().map(|row| (&row["entity"], &row["action"], &row["opened"])).collect();
    for entity in ["crm.account", "crm.contact"] {
        assert!(opened.contains(&(&entity.into(), &"read".into(), &1.into())), "{told}");
    }
    let table = access(&["simulate", database, "changes.json"]).output;
    assert!(table.contains("crm.contact") && table.contains("read") && table.contains("opened"), "{table}");
    let contact = contact.as_str().unwrap();
    let explain = |json: &[&str]| {
        let words = ["explain", database, "contact", contact, "--user", "wang"];
        access(&words.iter().chain(json).copied().collect::<Vec<_>>())
    };
    assert_eq!(explain(&["--json"]).json()["verdict"], "out_of_reach", "nothing of it is done");
    assert_eq!(access(&["share", database, "account", record, "--user", "wang"]).status, 0);
    let explained = explain(&["--json"]).json();
    assert_eq!(
        (&explained["verdict"], &explained["parents"][0]["shared"]),
        (&"granted".into(), &true.into())
    );
    assert!(explain(&[]).output.contains(record));
    let who = access(&["who", database, "contact", contact]).output;
    assert!(who.contains("parent") && who.contains(record), "{who}");
}

#[test]
fn a_grant_that_names_the_only_fields_it_sets_is_explained() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    call(
        "role.grant",
        r#"{"role": "salesperson", "entity": "account", "action": "update", "level": "all",
        "writable_fields": "phone"}"#,
    );
    call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    let record = call("record.create", r#"{"entity": "account", "values": {"name": "加喜"}}"#)["id"].clone();
    let words = ["access", "explain", "crm.guanxi", "account", record.as_str().unwrap(), "--user", "wang"];
    // What is read is one's own, so that nothing else is done to this record either.
    let told =
        sandbox.guanxi(words.into_iter().chain(["--action", "update", "--as", "lin", "--json"])).json();
    assert_eq!(told["verdict"], "unread");
    call("role.grant", r#"{"role": "salesperson", "entity": "account", "action": "read", "level": "all"}"#);
    let told = sandbox.guanxi(words.into_iter().chain(["--action", "update", "--as", "lin"])).output;
    assert!(told.contains("read_only_fields: ") && told.contains("name"), "{told}");
}

#[test]
fn who_takes_part_in_a_decision_reads_until_it_ends() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    call("user.create", r#"{"values": {"name": "wang"}, "roles": ["salesperson"]}"#);
    call("schema.define_entity", r#"{"name": "approval", "label_zh": "审批", "label_en": "Approval"}"#);
    let made = |entity: &str| {
        call("record.create", &format!(r#"{{"entity": "{entity}", "values": {{"name": "x"}}}}"#))["id"]
            .clone()
    };
    let (record, process) = (made("account"), made("x.approval"));
    let (record, process) = (record.as_str().unwrap(), process.as_str().unwrap());
    let access = |words: &[&str]| {
        sandbox.guanxi(["access"].into_iter().chain(words.iter().copied()).chain(["--as", "lin", "--json"]))
    };
    let of = ["--process-entity", "x.approval", "--process", process];
    let words = ["involve", "crm.guanxi", "account", record, "--user", "wang"];
    let share = access(&[&words[..], &of].concat()).json();
    let explain = || access(&["explain", "crm.guanxi", "account", record, "--user", "wang"]).json();
    assert_eq!(explain()["shares"][0]["process"]["id"], process);
    assert_eq!(access(&["shares", "crm.guanxi", "account", record]).json()["shares"][0]["id"], share["id"]);
    let ended = access(&["end-involvement", "crm.guanxi", "x.approval", process]).json();
    assert_eq!((&ended["ended"], &explain()["verdict"]), (&1.into(), &"out_of_reach".into()));
}
