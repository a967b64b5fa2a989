//! Rights of persons, from the command line.

use std::fs;

use crate::sandbox::Sandbox;

#[test]
fn a_person_is_handed_out_put_right_and_erased_with_a_receipt_that_holds() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let record = call(
        "record.create",
        r#"{"entity": "contact", "values": {"name": "林先生", "position": "林先生本人"}}"#,
    );
    let id = record["id"].as_str().unwrap();
    let privacy = |words: &[&str]| {
        sandbox.guanxi(["privacy"].into_iter().chain(words.iter().copied()).chain(["--as", "lin"]))
    };
    let packed = privacy(&["package", "crm.guanxi", "contact", id, "package", "--json"]).json();
    assert_eq!((&packed["records"], &packed["left_out"]), (&1.into(), &serde_json::json!([])));
    assert!(fs::read_to_string(sandbox.path("package/package.json")).unwrap().contains("林先生"));
    assert!(fs::read_to_string(sandbox.path("package/index.html")).unwrap().contains("林先生"));

    let rectify = |more: &[&str]| {
        let words = ["rectify", "crm.guanxi", "contact", id, "name", "凌先生"];
        privacy(&words.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    assert!(rectify(&[]).output.contains("凌先生本人"));
    assert_eq!(rectify(&["--apply", "--copies", "--json"]).json()["copies"], 1);
    let row = call("record.get", &format!(r#"{{"entity": "contact", "id": "{id}"}}"#));
    assert_eq!(row["values"]["position"], "凌先生本人");

    let received = privacy(&[
        "request",
        "receive",
        "crm.guanxi",
        "erasure",
        "gdpr",
        "--entity",
        "contact",
        "--subject",
        id,
        "--json",
    ]);
    let request = received.json()["id"].as_str().unwrap().to_owned();
    assert!(privacy(&["request", "due", "crm.guanxi"]).output.contains("erasure"));
    let step = |words: &[&str]| {
        let all = ["request", "step", "crm.guanxi", &request].into_iter().chain(words.iter().copied());
        privacy(&all.collect::<Vec<_>>())
    };
    assert_eq!(step(&["identified", "--how", "in person"]).status, 0);
    let erase = |more: &[&str]| {
        let words = ["erase", "crm.guanxi", "contact", id, "--request", &request, "--basis", "GDPR 17(1)(b)"];
        privacy(&words.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    assert_ne!(erase(&[]).status, 0, "without --yes nothing is erased");
    let receipt = erase(&["--yes", "--compact", "--json"]).json();
    assert_eq!(receipt["statement"]["keys_destroyed"], 1);
    fs::write(sandbox.path("receipt.json"), receipt.to_string()).unwrap();
    let check = privacy(&["verify-receipt", "crm.guanxi", "receipt.json", "--json"]).json();
    assert_eq!(check["holds"], true);
    assert!(privacy(&["receipts", "crm.guanxi"]).output.contains(id));
    assert_eq!(step(&["fulfil", "--what", "erased", "--receipt", receipt["id"].as_str().unwrap()]).status, 0);
    assert!(privacy(&["request", "list", "crm.guanxi", "--subject", id]).output.contains("fulfilled"));
    assert_eq!(privacy(&["flags", "crm.guanxi", "contact", id, "--json"]).error_code(), "record.not_found");
}

#[test]
fn who_may_not_change_a_record_proposes_a_correction() {
    let sandbox = Sandbox::new();
    let call = |method: &str, given: &str| sandbox.lin("call", [method, given]).json();
    let record =
        call("record.create", r#"{"entity": "account", "values": {"name": "加喜", "city": "上海"}}"#);
    let id = record["id"].as_str().unwrap();
    let correction = |words: &[&str]| {
        sandbox.guanxi(["correction"].into_iter().chain(words.iter().copied()).chain(["--as", "lin"]))
    };
    let words = ["propose", "crm.guanxi", "account", id, "--set", "city=北京", "--reason", "moved", "--json"];
    let request = correction(&words).json()["id"].as_str().unwrap().to_owned();
    assert!(correction(&["list", "crm.guanxi", "undecided"]).output.contains("北京"));
    let refer = ["refer", "crm.guanxi", &request, "--user", "lin", "--json"];
    assert_eq!(correction(&refer).error_code(), "input.invalid_argument", "nobody refers one to themselves");
    assert_eq!(correction(&["accept", "crm.guanxi", &request]).status, 0);
    let again = correction(&["refuse", "crm.guanxi", &request, "--reason", "no", "--json"]);
    assert_eq!(again.error_code(), "model.invalid_transition");
    let row = call("record.get", &format!(r#"{{"entity": "account", "id": "{id}"}}"#));
    assert_eq!(row["values"]["city"], "北京");
    assert!(correction(&["list", "crm.guanxi"]).output.contains("accepted"));
}
