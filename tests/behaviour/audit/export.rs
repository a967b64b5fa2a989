//! The exported ledger, verified by a program in another language that shares no code with the engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use guanxi::api::call;
use guanxi::engine::{Action, Ed25519Key, LedgerExportOptions, Level};
use guanxi::model::account;
use guanxi::{Changes, Code};
use guanxi_tests::{House, refusal};
use serde_json::{Value as Json, json};

const SECRET: [u8; 32] = [9; 32];

/// A ledger with two signed checkpoints, a person who was forgotten, and something behind the newest one.
fn house() -> House {
    let house = House::with(|options| options.checkpoint_signer(Arc::new(Ed25519Key::from_secret(&SECRET))));
    let person = house.create("crm.contact", &Changes::new().set("name", "林"));
    let write = |count: usize| {
        house.admin.write(|transaction| {
            (0..count).try_for_each(|number| {
                transaction.create(account::named(&format!("加喜 {number}"))).map(drop)
            })
        })
    };
    write(10).unwrap();
    call(&house.admin, "ledger.checkpoint", &json!({})).unwrap();
    house.admin.erase("crm.contact", person).unwrap();
    write(3).unwrap();
    call(&house.admin, "ledger.checkpoint", &json!({})).unwrap();
    write(2).unwrap();
    house
}

fn exported(house: &House, given: Json) -> Vec<String> {
    let path = house.folder().join("ledger.jsonl");
    let mut given = given;
    given["path"] = json!(path);
    call(&house.admin, "audit.export", &given).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Whether the other program is content, and what it says. Nothing where there is no Python.
struct Verifier {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Verifier {
    fn find() -> Option<Self> {
        let there = Command::new("python3").arg("--version").output().is_ok_and(|told| told.status.success());
        if !there {
            eprintln!("skipped: there is no python3");
            return None;
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/audit_verify/verify.py");
        Some(Self { program, folder: tempfile::tempdir().unwrap() })
    }

    fn holds(&self, text: &[u8], further: &[&str]) -> (bool, String) {
        let path = self.folder.path().join("ledger.jsonl");
        fs::write(&path, text).unwrap();
        let told = Command::new("python3").arg(&self.program).arg(path).args(further).output().unwrap();
        let said = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
        (told.status.success(), said)
    }

    fn anchors(&self, anchors: &Json) -> String {
        let path = self.folder.path().join("heads.json");
        fs::write(&path, anchors.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn text(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

fn key() -> String {
    Ed25519Key::from_secret(&SECRET).public().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines with their closing hash made right again, as a forger would do it.
fn resealed(mut lines: Vec<String>) -> Vec<String> {
    use sha2::{Digest, Sha256};
    let mut end: Json = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    let count = |kind: &str| lines.iter().filter(|line| line.contains(kind)).count();
    end["entries"] = json!(count("\"type\":\"entry\""));
    end["checkpoints"] = json!(count("\"type\":\"checkpoint\""));
    let digest: String = Sha256::digest(text(&lines)).iter().map(|byte| format!("{byte:02x}")).collect();
    end["sha256"] = json!(digest);
    lines.push(end.to_string());
    lines
}

fn altered(line: &str, change: impl FnOnce(&mut Json)) -> String {
    let mut json: Json = serde_json::from_str(line).unwrap();
    change(&mut json);
    json.to_string()
}

#[test]
fn an_honest_export_holds_whole_in_part_and_with_values() {
    let Some(verifier) = Verifier::find() else { return };
    let house = house();
    for given in [
        json!({}),
        json!({"values": true}),
        json!({"first": 20}),
        json!({"first": 7, "last": 31, "values": true}),
    ] {
        let lines = exported(&house, given.clone());
        let (holds, said) = verifier.holds(&text(&lines), &["--key", &key()]);
        assert!(holds, "{given}: {said}");
    }
    let with_values = exported(&house, json!({"values": true}));
    let has = |line: &&String| line.contains("\"salt\"");
    let entries = with_values.iter().filter(|line| line.contains("\"type\":\"entry\"")).count();
    // All but those of the person who was forgotten.
    let shown = with_values.iter().filter(has).count();
    assert!(shown > 20 && shown < entries, "{shown} of {entries}");
    assert_eq!(exported(&house, json!({})).iter().filter(has).count(), 0);
}

#[test]
fn every_byte_that_is_flipped_is_noticed() {
    let Some(verifier) = Verifier::find() else { return };
    let house = house();
    let lines = exported(&house, json!({"first": 30, "values": true}));
    let honest = text(&lines);
    assert!(verifier.holds(&honest, &[]).0);
    // A byte of every stretch, so that every member of every type of line has its turn.
    for place in (0..honest.len()).step_by(honest.len() / 160) {
        let mut bytes = honest.clone();
        bytes[place] ^= 1;
        let (holds, said) = verifier.holds(&bytes, &[]);
        assert!(!holds, "byte {place} of {}: {said}", honest.len());
    }
}

#[test]
fn a_forger_who_mends_the_closing_hash_is_noticed_by_the_chain_the_tree_or_the_signature() {
    let Some(verifier) = Verifier::find() else { return };
    let house = house();
    let lines = exported(&house, json!({"values": true}));
    let checkpoints: Vec<usize> =
        (0..lines.len()).filter(|place| lines[*place].contains("\"type\":\"checkpoint\"")).collect();
    let [first, second] = checkpoints[..] else { panic!("two checkpoints") };
    let valued = lines.iter().position(|line| line.contains("\"salt\"")).unwrap();
    let flip = |json: &mut Json| {
        let text = json.as_str().unwrap().to_owned();
        let last = if text.ends_with('0') { '1' } else { '0' };
        let kept = text.chars().take(text.len() - 1);
        *json = json!(kept.chain([last]).collect::<String>());
    };
    type Forge<'a> = Box<dyn Fn(&mut Vec<String>) + 'a>;
    type Forgery<'a> = (&'a str, Forge<'a>);
    let member = |place: usize, name: &'static str| -> Forge<'static> {
        Box::new(move |lines| {
            lines[place] = altered(&lines[place], |line| flip(&mut line[name]));
        })
    };
    let forgeries: Vec<Forgery<'_>> = vec![
        ("an entry altered", member(5, "chained")),
        ("a hash altered", member(5, "hash")),
        ("a salt altered", member(valued, "salt")),
        (
            "a value altered",
            Box::new(|lines| {
                lines[valued] = altered(&lines[valued], |line| flip(&mut line["values"][0][2]));
            }),
        ),
        ("an entry left out", Box::new(|lines| drop(lines.remove(5)))),
        ("an entry twice", Box::new(|lines| lines.insert(5, lines[5].clone()))),
        ("two entries exchanged", Box::new(|lines| lines.swap(5, 6))),
        ("the last entry cut off", Box::new(|lines| drop(lines.remove(lines.len() - 2)))),
        ("a checkpoint's root", member(first, "root")),
        ("a checkpoint's signature", member(first, "signature")),
        ("a checkpoint's key", member(first, "key")),
        ("a checkpoint's predecessor", member(second, "previous")),
        ("a checkpoint's origin", member(first, "origin")),
        ("a checkpoint left out", Box::new(|lines| drop(lines.remove(first)))),
        ("a checkpoint played again", Box::new(|lines| lines.insert(second, lines[first].clone()))),
        ("two checkpoints exchanged", Box::new(|lines| lines.swap(first, second))),
        (
            "a checkpoint without its signature",
            Box::new(|lines| {
                lines[first] = altered(&lines[first], |line| {
                    for name in ["algorithm", "key", "signature"] {
                        line[name] = json!("");
                    }
                });
            }),
        ),
        ("another ledger", member(0, "origin")),
        ("something before the first entry", member(0, "before")),
    ];
    for (name, forge) in forgeries {
        let mut forged = lines.clone();
        forge(&mut forged);
        let (holds, said) = verifier.holds(&text(&resealed(forged)), &["--key", &key()]);
        assert!(!holds, "{name}: {said}");
    }
    assert!(verifier.holds(&text(&resealed(lines.clone())), &["--key", &key()]).0);
    // The signature is good, but the key is not one that is trusted.
    assert!(!verifier.holds(&text(&lines), &["--key", &"ab".repeat(32)]).0);
}

#[test]
fn a_ledger_that_is_cut_off_is_noticed_by_an_anchor_behind_the_cut() {
    let Some(verifier) = Verifier::find() else { return };
    let house = house();
    let lines = exported(&house, json!({}));
    let heads = call(&house.admin, "ledger.heads", &json!({})).unwrap();
    let anchors = verifier.anchors(&heads["checkpoints"]);
    assert!(verifier.holds(&text(&lines), &["--anchors", &anchors]).0);
    let short = exported(&house, json!({"last": 20}));
    assert!(verifier.holds(&text(&short), &[]).0);
    assert!(!verifier.holds(&text(&short), &["--anchors", &anchors]).0);
}

#[test]
fn an_export_is_an_entry_and_shows_no_value_that_its_reader_may_not_see() {
    let house = house();
    let _firm = house.create("crm.account", &Changes::new().set("name", "with a city").set("city", "苏州"));
    let role = house.role_hiding(
        "auditor",
        &[("sys.role", Action::Administer, Level::All), ("crm.account", Action::Read, Level::All)],
        "city",
    );
    let auditor = house.user("auditor", &[role]);
    let hexadecimal = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let export = |session: &guanxi::Session| {
        let mut sink = Vec::new();
        let options = LedgerExportOptions { values: true, ..LedgerExportOptions::default() };
        session.export_ledger(options, &mut sink).unwrap();
        String::from_utf8(sink).unwrap()
    };
    assert!(export(&house.admin).contains(&hexadecimal("苏州")));
    let told = export(&auditor);
    assert!(told.contains(&hexadecimal("加喜 3")) && !told.contains(&hexadecimal("苏州")));
    let entries = call(&house.admin, "ledger.query", &json!({"kinds": ["export"]})).unwrap();
    assert_eq!(entries["entries"][0]["actor"], auditor.user().to_string());
    let seller = house.user_as("seller", "sales");
    let path = house.folder().join("no.jsonl");
    assert_eq!(refusal(call(&seller, "audit.export", &json!({"path": path}))), Code::NotPermitted);
    let beyond = json!({"path": path, "last": 1_000_000});
    assert_eq!(refusal(call(&house.admin, "audit.export", &beyond)), Code::InvalidArgument);
    assert!(!path.exists(), "nothing half-written is left");
}
