//! `guanxi privacy`: consents, holds, retention, the report and the search, as a person types them.

use crate::sandbox::{Answer, Sandbox};

/// `guanxi privacy` in the name of the administrator.
fn privacy<const N: usize, const M: usize>(sandbox: &Sandbox, work: [&str; N], rest: [&str; M]) -> Answer {
    let words = ["privacy"].into_iter().chain(work).chain(["crm.guanxi"]).chain(rest);
    sandbox.guanxi(words.chain(["--as", "lin"]))
}

fn made(sandbox: &Sandbox, method: &str, given: &str) -> String {
    let told = sandbox.lin("call", [method, given]);
    assert_eq!(told.status, 0, "{}", told.errors);
    told.json()["id"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_consent_is_recorded_and_asked_for() {
    let sandbox = Sandbox::new();
    let person = made(&sandbox, "record.create", r#"{"entity": "contact", "values": {"name": "林先生"}}"#);
    let purpose = r#"{"code": "news", "name": "资讯", "name_en": "News", "legal_bases": ["consent"]}"#;
    made(&sandbox, "purpose.define", purpose);
    let asked = || {
        let given = ["consent", "check"];
        let rest = ["contact", person.as_str(), "--purpose", "news", "--channel", "email"];
        privacy(&sandbox, given, rest)
    };
    assert_eq!((asked().status, asked().output.trim()), (0, "refused: no_consent"));
    sandbox.file("shown", "我同意接收资讯\n");
    let rest = [
        "contact",
        person.as_str(),
        "--purpose",
        "news",
        "--channel",
        "email",
        "--decision",
        "given",
        "--shown",
        "shown",
        "--text-version",
        "3",
    ];
    let told = privacy(&sandbox, ["consent", "record"], rest);
    assert_eq!(told.status, 0, "{}", told.errors);
    assert_eq!(asked().output.trim(), "allowed: consent consent");
    let told = privacy(&sandbox, ["consent", "list"], ["contact", person.as_str()]);
    assert!(told.output.contains("given") && told.output.contains("news"), "{}", told.output);
}

#[test]
fn a_hold_is_placed_listed_and_released_and_a_rule_passes_over_it() {
    let sandbox = Sandbox::new();
    let held = made(&sandbox, "record.create", r#"{"entity": "account", "values": {"name": "A"}}"#);
    made(
        &sandbox,
        "record.create",
        r#"{"entity": "account", "values": {"name": "B", "phone": "13812345678"}}"#,
    );
    let rule = r#"{"entity": "sys.retention_rule", "values": {"code": "old", "name": "x", "entity": "crm.account",
        "clock": "created_at", "period": "P0D", "action": "delete", "basis": "x", "active": true}}"#;
    made(&sandbox, "record.create", rule);
    let told = privacy(&sandbox, ["hold", "place"], ["account", held.as_str(), "--reason", "诉讼"]);
    assert_eq!(told.status, 0, "{}", told.errors);
    let hold = told.output.trim().to_owned();
    let nothing: [&str; 0] = [];
    assert!(privacy(&sandbox, ["hold", "list"], nothing).output.contains(&held));
    let told = privacy(&sandbox, ["retention", "preview"], ["old"]);
    assert!(told.output.contains("due: 2") && told.output.contains("hold"), "{}", told.output);
    let told = privacy(&sandbox, ["retention", "run"], nothing);
    assert!(told.output.starts_with("old: removed 1, kept 1"), "{}", told.output);
    let given = format!(r#"{{"entity": "account", "id": "{held}"}}"#);
    let told = sandbox.lin("call", ["record.delete", &given, "--json"]);
    assert_eq!((told.status, told.error_code().as_str()), (3, "record.legal_hold"));
    assert_eq!(privacy(&sandbox, ["hold", "release"], [hold.as_str(), "--reason", "结案"]).status, 0);
    assert_eq!(sandbox.lin("call", ["record.delete", &given]).status, 0);
}

#[test]
fn the_report_and_the_search_are_written_for_people_and_for_programs() {
    let sandbox = Sandbox::new();
    let note = r#"{"entity": "contact", "name": "remark", "field_type": "text", "label_zh": "备注", "label_en": "Remark"}"#;
    assert_eq!(sandbox.lin("call", ["schema.define_field", note]).status, 0);
    let text = r#"{"entity": "contact", "values": {"name": "林", "x.remark": "电话13812345678"}}"#;
    made(&sandbox, "record.create", text);
    let nothing: [&str; 0] = [];
    let told = privacy(&sandbox, ["report"], nothing);
    assert!(told.status == 0 && told.output.starts_with("# "), "{} {}", told.output, told.errors);
    let told = privacy(&sandbox, ["report"], ["--format", "csv", "--section", "fields_without_purpose"]);
    assert!(told.output.contains("fields_without_purpose,crm.contact,phone,personal"), "{}", told.output);
    let told = privacy(&sandbox, ["discover"], nothing);
    assert!(
        told.output.contains("x.remark") && !told.output.contains("138"),
        "{} {}",
        told.output,
        told.errors
    );
    let json = privacy(&sandbox, ["discover"], ["--json"]).json();
    assert_eq!((&json["findings"][0]["kind"], &json["findings"][0]["count"]), (&"phone".into(), &1.into()));
}

#[test]
fn the_suppression_list_is_kept_looked_at_and_shortened() {
    let sandbox = Sandbox::new();
    let person = made(
        &sandbox,
        "record.create",
        r#"{"entity": "contact", "values": {"name": "林先生", "phone": "13812345678", "email": "lin@example.com"}}"#,
    );
    let list = |work: &str, rest: &[&str]| {
        let words = ["privacy", "suppression", work, "crm.guanxi"].into_iter();
        sandbox.guanxi(words.chain(rest.iter().copied()).chain(["--as", "lin"]))
    };
    assert_eq!(list("add", &["phone", "138 1234 5678", "--reason", "来电"]).output.trim(), "added: true");
    let preview = list("preview", &["contact", &person, "--json"]).json();
    assert_eq!((&preview["rows"][0]["listed"], &preview["rows"][1]["listed"]), (&true.into(), &false.into()));
    assert_eq!(list("add", &["contact", "--id", &person]).output.trim(), "added: 1");
    assert_eq!(list("check", &["email", "other@example.com"]).output.trim(), "not listed");
    let told = list("check", &["email", "LIN@example.com", "--json"]).json();
    let hash = told["rows"][0]["hash"].as_str().unwrap().to_owned();
    let page = list("list", &["--limit", "1"]);
    assert!(page.output.contains("more: --after ") && !page.output.contains("example"), "{}", page.output);
    assert_eq!(list("remove", &[&hash, "--reason", "本人同意"]).output.trim(), "removed");
    assert_eq!(list("remove", &[&hash, "--reason", "x", "--json"]).error_code(), "record.not_found");
    assert_eq!(list("list", &["--json"]).json()["rows"].as_array().unwrap().len(), 1);
    let again = sandbox.lin(
        "call",
        ["record.create", r#"{"entity": "contact", "values": {"name": "x", "phone": "+8613812345678"}}"#],
    );
    assert_eq!(again.json()["warnings"][0]["code"], "privacy.suppressed", "{}", again.output);
}
