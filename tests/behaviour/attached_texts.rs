//! What is written inside of attachments is found by those who may read it, and by nobody else, for as long as it is
//! there; and an extractor that fails fails alone.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use guanxi::engine::{
    Action, AuditedEntry, AuditedValue, BackupScope, EntryKind, Extension, ExtractedText, LedgerQuery, Level,
    MAX_TEXT_BYTES, Registrar, TextExtractor,
};
use guanxi::{
    CancelToken, Changes, Code, Error, Key, Patience, RecordId, RestoreOptions, Result, Session, Value, api,
};
use guanxi_tests::{House, KEY, options, refusal};
use serde_json::{Value as Json, json};

/// Reads contents of the type `text/*` as they are, fails, panics or never ends by what they begin with, and counts.
#[derive(Default)]
struct Plain {
    calls: AtomicUsize,
    is_ill: AtomicBool,
}

impl Plain {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl TextExtractor for Plain {
    fn takes(&self, media_type: &str) -> bool {
        media_type.starts_with("text/")
    }

    fn most_bytes(&self) -> u64 {
        300_000
    }

    fn extract(&self, media_type: &str, content: &[u8], text: &mut ExtractedText<'_>) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        assert!(media_type.starts_with("text/") && content.len() <= 300_000);
        let content = std::str::from_utf8(content).map_err(|_| Error::new(Code::InvalidArgument))?;
        let is_ill = self.is_ill.load(Ordering::SeqCst);
        match content.split(' ').next().unwrap() {
            "fails" if is_ill => {
                text.push("what it gave before")?;
                Err(Error::new(Code::InvalidArgument))
            }
            "panics" if is_ill => panic!("an extractor that panics"),
            "loops" => loop {
                text.push("无穷无尽 ")?;
            },
            _ => content.split_inclusive('\n').try_for_each(|line| text.push(line)),
        }
    }
}

fn house() -> (House, Arc<Plain>) {
    let plain = Arc::new(Plain::default());
    (House::with(|options| options.text_extractor(plain.clone())), plain)
}

fn call(session: &Session, method: &str, parameters: &Json) -> Json {
    api::call(session, method, parameters).unwrap()
}

fn named(house: &House, name: &str) -> RecordId {
    house.create("account", &Changes::new().set("name", name))
}

fn attach(house: &House, (entity, record): (&str, RecordId), content: &str) -> RecordId {
    let bytes = &mut content.as_bytes();
    house.admin.attach(entity, record, "附件.txt", "text/plain", bytes).unwrap().id
}

/// Reads what waits: how many have a text now, have none, and could not be read.
fn extract(session: &Session) -> (u64, u64, u64) {
    let done = session.extract_texts(100, false).unwrap();
    (done.read, done.without, done.failed)
}

fn waiting(session: &Session) -> Json {
    call(session, "search.progress", &json!({}))["texts"].clone()
}

/// How many records match as it is written.
fn count(session: &Session, text: &str) -> u64 {
    let answer = call(session, "search.find", &json!({"text": text}));
    assert_eq!(answer["hits"].as_array().unwrap().len() as u64, answer["total"]);
    if answer["near"] == true { 0 } else { answer["total"].as_u64().unwrap() }
}

/// A vendor that reads memos.
struct Vendor;

impl Extension for Vendor {
    fn id(&self) -> &'static str {
        "cn.vendor"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.text_extractor(Arc::new(Memos));
        Ok(())
    }
}

struct Memos;

impl TextExtractor for Memos {
    fn takes(&self, media_type: &str) -> bool {
        media_type == "application/x-memo"
    }

    fn extract(&self, _media_type: &str, content: &[u8], text: &mut ExtractedText<'_>) -> Result<()> {
        text.push(&String::from_utf8_lossy(content))
    }
}

#[test]
fn an_extension_reads_texts_as_a_host_does() {
    let house = House::with(|options| options.extension(Arc::new(Vendor)));
    let record = named(&house, "加喜企业服务");
    let memo = &mut "备忘录要点".as_bytes();
    house.admin.attach("account", record, "a.memo", "application/x-memo", memo).unwrap();
    attach(&house, ("account", record), "无人读取");
    assert_eq!(extract(&house.admin), (1, 0, 0));
    assert_eq!((count(&house.admin, "备忘录要点"), count(&house.admin, "无人读取")), (1, 0));
}

/// Where the only hit matches.
fn highlight(session: &Session, text: &str) -> Json {
    let answer = call(session, "search.find", &json!({"text": text}));
    assert_eq!(answer["hits"].as_array().unwrap().len(), 1, "{answer}");
    answer["hits"][0]["highlights"].clone()
}

#[test]
fn a_record_is_found_by_chinese_and_english_words_inside_of_its_attachments() {
    let (house, _) = house();
    let jiaxi = named(&house, "加喜企业服务");
    let _ = named(&house, "恒远贸易");
    let large = format!("{}\n尾页：质保金条款 Retention clause\n", "填充内容 filler\n".repeat(10_000));
    let contents =
        ["本合同自签字之日起生效，违约金为百分之五。", "Payment is due within thirty days.", large.as_str()];
    for content in contents {
        attach(&house, ("account", jiaxi), content);
    }
    for text in ["违约金", "质保金", "thirty"] {
        assert_eq!(count(&house.admin, text), 0, "{text} before anybody read it");
    }
    assert_eq!(waiting(&house.admin), json!({"waiting": 3, "failed": 0}));
    assert_eq!(extract(&house.admin), (3, 0, 0));
    assert_eq!(waiting(&house.admin), json!({"waiting": 0, "failed": 0}));
    for text in ["违约金", "约金", "质保金", "thirty", "thir", "Retention", "加喜 违约金", "attachment:签字"]
    {
        assert_eq!(count(&house.admin, text), 1, "{text}");
    }
    assert_eq!(count(&house.admin, "attachment:加喜"), 0, "that is its name, and in no attachment");
    assert_eq!(
        highlight(&house.admin, "thirty"),
        json!([{"field": "attachment", "text": "Payment is due within thirty days.", "ranges": [[22, 28]]}])
    );
    let piece = &highlight(&house.admin, "质保金")[0];
    let (text, range) = (piece["text"].as_str().unwrap(), &piece["ranges"][0]);
    let at = |place: usize| usize::try_from(range[place].as_u64().unwrap()).unwrap();
    assert_eq!(text.get(at(0)..at(1)), Some("质保金"));
    assert!(text.chars().count() <= 123, "a piece of a long text: {text}");
    let _ = house.verified();
}

/// A field of accounts that names an attachment.
fn naming_field(house: &House, name: &str) -> String {
    let given = json!({
        "entity": "account", "name": name, "field_type": "attachment", "label_zh": "文件", "label_en": "File",
    });
    call(&house.admin, "schema.define_field", &given)["field"].as_str().unwrap().to_owned()
}

#[test]
fn the_ledger_tells_of_an_attachment_that_hidden_fields_alone_name_only_that_there_is_an_entry() {
    let (house, _) = house();
    let (secret, open) = (naming_field(&house, "secret"), naming_field(&house, "open"));
    let record = named(&house, "加喜企业服务");
    let contract = attach(&house, ("account", record), "机密底价 undisclosed");
    house.change("account", record, &Changes::new().set(secret.as_str(), contract));
    let _ = attach(&house, ("account", record), "公开报价 published");
    assert_eq!(extract(&house.admin), (2, 0, 0));
    let audits = [("crm.account", Action::Read, Level::All), ("sys.role", Action::Administer, Level::All)];
    let auditor = house.user("auditor", &[house.role_hiding("auditor", &audits, &secret)]);
    let told = || {
        let kinds = vec![EntryKind::Attach, EntryKind::Detach, EntryKind::Text];
        let query = LedgerQuery { record: Some(record), kinds, ..LedgerQuery::default() };
        let entries = auditor.query_ledger(&query).unwrap().entries;
        let is_known = |entry: &AuditedEntry| {
            let values = entry.changes.iter().flat_map(|change| [&change.old, &change.new]);
            values.filter(|value| **value == AuditedValue::Withheld).count() == 0
        };
        entries.iter().map(is_known).collect::<Vec<_>>()
    };
    assert_eq!(told(), [false, true, false, true], "both came, and had a text");
    house.change("account", record, &Changes::new().set(open.as_str(), contract));
    assert_eq!(told(), [true; 4]);
    // Which fields named it is not known once it is gone.
    let none = Changes::new().set(secret.as_str(), Value::Null).set(open.as_str(), Value::Null);
    house.change("account", record, &none);
    house.admin.detach("account", record, contract).unwrap();
    assert_eq!(told(), [false, true, false, true, false]);
}

#[test]
fn a_text_is_found_by_nobody_who_may_not_see_the_record_or_the_field_that_names_the_attachment() {
    let (house, _) = house();
    let (secret, open) = (naming_field(&house, "secret"), naming_field(&house, "open"));
    let record = named(&house, "加喜企业服务");
    let names = |name: &str, id: RecordId| {
        house.change("account", record, &Changes::new().set(name, id));
    };
    let contract = attach(&house, ("account", record), "机密底价 undisclosed");
    names(&secret, contract);
    let _ = attach(&house, ("account", record), "公开报价 published");
    assert_eq!(extract(&house.admin), (2, 0, 0));
    let reads = [("crm.account", Action::Read, Level::All)];
    let clerk = house.user("clerk", &[house.role_hiding("clerk", &reads, &secret)]);
    let outsider = house.user_who_may("outsider", &[Action::Read]);
    for text in ["机密底价", "undisclosed"] {
        assert_eq!(count(&house.admin, text), 1, "{text}");
        assert_eq!((count(&clerk, text), count(&outsider, text)), (0, 0), "{text}");
    }
    assert_eq!(highlight(&house.admin, "undisclosed")[0]["field"], secret);
    assert_eq!((count(&clerk, "公开报价"), count(&outsider, "公开报价")), (1, 0));
    assert_eq!(highlight(&clerk, "published")[0]["field"], "attachment");
    // The record is found by its name, and what is shown of it has nothing of the hidden text.
    let shown = call(&clerk, "search.find", &json!({"text": "加喜 OR undisclosed"}));
    assert!(!shown.to_string().contains("底价"), "{shown}");
    assert_eq!(call(&clerk, "search.find", &json!({"text": "undisclosd"}))["corrected"], Json::Null);
    // Nor is the attachment itself there for whom it is hidden from.
    let changes = [reads[0], ("crm.account", Action::Update, Level::All)];
    let writer = house.user("writer", &[house.role_hiding("writer", &changes, &secret)]);
    let listed = |session: &Session| session.attachments("account", record).unwrap().len();
    assert_eq!((listed(&house.admin), listed(&clerk), listed(&writer)), (2, 1, 1));
    for id in [contract, record] {
        assert_eq!(refusal(clerk.read_attachment("account", record, id)), Code::RecordNotFound);
        assert_eq!(refusal(clerk.detach("account", record, id)), Code::NotPermitted);
        assert_eq!(refusal(writer.detach("account", record, id)), Code::RecordNotFound);
        assert_eq!(refusal(writer.set_attachment_text("account", record, id, "x")), Code::RecordNotFound);
    }
    // It does not come to light by a field that they may write.
    let uncover = |id: RecordId| {
        let changes = Changes::new().set(open.as_str(), id);
        refusal(writer.write(|transaction| transaction.update_record("account", record, changes.clone())))
    };
    assert_eq!((uncover(contract), uncover(record)), (Code::ReferenceMissing, Code::ReferenceMissing));
    // Named by a field that is shown, it is found by that.
    names(&open, contract);
    assert_eq!(count(&clerk, "机密底价"), 1);
    assert_eq!(highlight(&clerk, "undisclosed")[0]["field"], open);
    assert_eq!((listed(&clerk), clerk.read_attachment("account", record, contract).is_ok()), (2, true));
    assert_eq!(refusal(writer.detach("account", record, contract)), Code::Referenced);
}

#[test]
fn the_words_of_an_attachment_go_when_it_is_taken_away_replaced_or_its_record_deleted() {
    let (house, _) = house();
    let record = named(&house, "加喜企业服务");
    let old = attach(&house, ("account", record), "旧版条款 outdated");
    assert_eq!(extract(&house.admin), (1, 0, 0));
    assert_eq!(count(&house.admin, "旧版条款"), 1);
    let _ = attach(&house, ("account", record), "新版条款 current");
    house.admin.detach("account", record, old).unwrap();
    assert_eq!(extract(&house.admin), (1, 0, 0));
    assert_eq!((count(&house.admin, "旧版条款"), count(&house.admin, "outdated")), (0, 0));
    assert_eq!((count(&house.admin, "新版条款"), count(&house.admin, "current")), (1, 1));
    house.admin.write(|transaction| transaction.delete_record("account", record)).unwrap();
    assert_eq!(count(&house.admin, "新版条款"), 0);
    let _ = house.verified();
}

#[test]
fn texts_are_found_after_the_index_was_lost_and_by_a_host_that_has_no_extractor() {
    let (house, _) = house();
    let record = named(&house, "加喜企业服务");
    attach(&house, ("account", record), "质保金条款 retention");
    attach(&house, ("account", record), &"页 page ".repeat(40_000));
    assert_eq!(extract(&house.admin), (1, 1, 0), "the second one is larger than the extractor takes");
    let path = house.path().join("index");
    let house = house.reopened_after(|| fs::remove_dir_all(path).unwrap());
    assert_eq!((count(&house.admin, "质保金"), count(&house.admin, "retention")), (1, 1));
    assert_eq!(waiting(&house.admin), json!({"waiting": 0, "failed": 0}));
    attach(&house, ("account", record), "没有提取器");
    assert_eq!(waiting(&house.admin)["waiting"], 0, "nobody is there who reads it");
}

#[test]
fn an_erased_person_is_found_by_no_word_of_an_attachment_and_no_backup_brings_it_back() {
    let (house, _) = house();
    let lin = house.create("contact", &Changes::new().set("name", "林先生"));
    let wang = house.create("contact", &Changes::new().set("name", "王先生"));
    attach(&house, ("contact", lin), "身份证复印件 passport-canary");
    attach(&house, ("contact", wang), "体检报告 checkup");
    assert_eq!(extract(&house.admin), (2, 0, 0));
    let (mut before, mut keys) = (Vec::new(), Vec::new());
    house.admin.backup(&mut before, BackupScope::Everything).unwrap();
    assert_eq!((count(&house.admin, "复印件"), count(&house.admin, "体检报告")), (1, 1));
    house.admin.erase("contact", lin).unwrap();
    assert_eq!((count(&house.admin, "复印件"), count(&house.admin, "体检报告")), (0, 1));
    house.admin.purge_search().unwrap();
    let _ = house.verified();
    house.admin.backup_keys(&mut keys).unwrap();
    let path = house.folder().join("restored.guanxi");
    let (mut before, mut keys) = (before.as_slice(), keys.as_slice());
    let sources = vec![&mut before as &mut dyn std::io::Read];
    let keys: Option<&mut dyn std::io::Read> = Some(&mut keys);
    guanxi::restore(sources, keys, &Key::raw(KEY), &path, &RestoreOptions::default()).unwrap();
    let crm = options().open(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    assert_eq!((count(&admin, "复印件"), count(&admin, "体检报告"), count(&admin, "checkup")), (0, 1, 1));
    crm.verify(&Patience::default()).unwrap();
}

#[test]
fn an_extractor_that_fails_panics_or_never_ends_harms_no_write_and_no_other_attachment() {
    let (house, plain) = house();
    let record = named(&house, "加喜企业服务");
    plain.is_ill.store(true, Ordering::SeqCst);
    for content in ["fails 报表甲", "panics 报表乙", "loops 报表丙", "报表丁", "   "] {
        attach(&house, ("account", record), content);
    }
    let image = house.admin.attach("account", record, "a.png", "image/png", &mut &b"png"[..]);
    assert_eq!(image.unwrap().media_type, "image/png");
    assert_eq!(plain.calls(), 0, "nothing is read while somebody writes");
    assert_eq!(extract(&house.admin), (2, 1, 2));
    assert_eq!(waiting(&house.admin), json!({"waiting": 2, "failed": 0}));
    assert_eq!((count(&house.admin, "报表丁"), count(&house.admin, "无穷无尽")), (1, 1));
    assert_eq!((count(&house.admin, "报表甲"), count(&house.admin, "gave")), (0, 0));
    assert_eq!((extract(&house.admin), extract(&house.admin)), ((0, 0, 2), (0, 0, 2)));
    assert_eq!(waiting(&house.admin), json!({"waiting": 0, "failed": 2}));
    let calls = plain.calls();
    assert_eq!((extract(&house.admin), plain.calls()), ((0, 0, 0), calls), "not for ever");
    plain.is_ill.store(false, Ordering::SeqCst);
    let done = call(&house.admin, "search.extract", &json!({"again": true}));
    let left = json!({"waiting": 0, "failed": 0});
    assert_eq!(done, json!({"read": 2, "without": 1, "failed": 0, "texts": left}));
    assert_eq!((count(&house.admin, "报表甲"), count(&house.admin, "报表乙")), (1, 1));
    let _ = house.verified();
}

#[test]
fn a_step_goes_on_behind_the_one_before_so_that_failing_attachments_hold_up_no_others() {
    let (house, plain) = house();
    plain.is_ill.store(true, Ordering::SeqCst);
    let record = named(&house, "加喜企业服务");
    for content in ["fails 一", "卷宗甲", "fails 二", "卷宗乙", "卷宗丙"] {
        attach(&house, ("account", record), content);
    }
    let step = |most: usize, again: bool| {
        let done = house.admin.extract_texts(most, again).unwrap();
        ((done.read, done.failed), (done.left.waiting, done.left.failed))
    };
    let mut done = Vec::new();
    for _ in 0..5 {
        done.push(step(1, false).0);
    }
    done.sort_unstable();
    assert_eq!(done, [(0, 1), (0, 1), (1, 0), (1, 0), (1, 0)], "each once before any a second time");
    assert_eq!(count(&house.admin, "卷宗"), 1);
    assert_eq!(step(1, false), ((0, 1), (2, 0)));
    assert_eq!(step(10, false), ((0, 2), (1, 1)), "each once in a step");
    assert_eq!(step(10, false), ((0, 1), (0, 2)));
    assert_eq!(step(10, false), ((0, 0), (0, 2)));
    // Those that wait already do so once, and what was given up waits like the others.
    attach(&house, ("account", record), "卷宗丁");
    plain.is_ill.store(false, Ordering::SeqCst);
    assert_eq!(step(0, true), ((0, 0), (3, 0)));
    assert_eq!(step(0, true), ((0, 0), (3, 0)));
    assert_eq!(step(10, false), ((3, 0), (0, 0)));
    assert_eq!(step(10, true), ((0, 0), (0, 0)));
    let _ = house.verified();
}

/// Is overtaken: while it reads, the host gives the attachment a text itself.
#[derive(Default)]
struct Overtaken(Mutex<Option<(Session, RecordId, RecordId)>>);

impl TextExtractor for Overtaken {
    fn takes(&self, media_type: &str) -> bool {
        media_type == "text/plain"
    }

    fn extract(&self, _media_type: &str, _content: &[u8], text: &mut ExtractedText<'_>) -> Result<()> {
        let (host, record, attachment) = self.0.lock().unwrap().take().unwrap();
        host.set_attachment_text("account", record, attachment, "宿主给出的文本")?;
        text.push("提取得到的文本")
    }
}

#[test]
fn a_text_that_the_host_gives_while_an_extractor_reads_stays() {
    let overtaken = Arc::new(Overtaken::default());
    let house = House::with(|options| options.text_extractor(overtaken.clone()));
    let record = named(&house, "加喜企业服务");
    let attachment = attach(&house, ("account", record), "附件");
    let host = house.crm.session_for("admin").unwrap();
    *overtaken.0.lock().unwrap() = Some((host, record, attachment));
    house.admin.extract_texts(10, false).unwrap();
    assert_eq!((count(&house.admin, "宿主给出"), count(&house.admin, "提取得到")), (1, 0));
    assert_eq!(waiting(&house.admin), json!({"waiting": 0, "failed": 0}));
}

#[test]
fn what_was_attached_before_there_was_an_extractor_is_read_when_a_host_asks_for_it_in_steps() {
    let house = House::with(|options| options);
    let record = named(&house, "加喜企业服务");
    for number in 0..5 {
        attach(&house, ("account", record), &format!("卷宗{}号", "甲乙丙丁戊".chars().nth(number).unwrap()));
    }
    assert_eq!(extract(&house.admin), (0, 0, 0));
    let house = house.reopened_with(|options| options.text_extractor(Arc::new(Plain::default())));
    assert_eq!(extract(&house.admin), (0, 0, 0));
    let done = house.admin.extract_texts(2, true).unwrap();
    assert_eq!((done.read, done.left.waiting), (2, 3));
    let token = CancelToken::default();
    let (inner, patience) = (token.clone(), Patience::with_token(token.clone()));
    let impatient = house.crm.session_for("admin").unwrap().with_patience(patience.telling(move |told| {
        if told.phase == "texts" {
            inner.cancel();
        }
    }));
    assert_eq!(refusal(impatient.extract_texts(100, false)), Code::Cancelled);
    assert_eq!(waiting(&house.admin), json!({"waiting": 2, "failed": 0}), "what was done stays done");
    assert_eq!(extract(&house.admin), (2, 0, 0));
    assert_eq!(count(&house.admin, "卷宗"), 1);
    for letter in "甲乙丙丁戊".chars() {
        assert_eq!(count(&house.admin, &format!("卷宗{letter}号")), 1);
    }
}

#[test]
fn a_host_gives_a_text_itself_within_its_bounds_and_the_rights_of_whoever_changes_the_record() {
    let (house, _) = house();
    let record = named(&house, "加喜企业服务");
    let file = house.admin.attach("account", record, "a.pdf", "application/pdf", &mut &b"%PDF"[..]).unwrap();
    let text = |session: &Session, text: &str| session.set_attachment_text("account", record, file.id, text);
    text(&house.admin, "扫描件里的保密协议").unwrap();
    assert_eq!(count(&house.admin, "保密协议"), 1);
    let given = json!({
        "entity": "account", "record": record.to_string(), "attachment": file.id.to_string(), "text": "框架协议",
    });
    call(&house.admin, "attachment.set_text", &given);
    assert_eq!((count(&house.admin, "保密协议"), count(&house.admin, "框架协议")), (0, 1));
    let ledger = call(&house.admin, "ledger.list", &json!({"limit": 1000}));
    let kinds =
        ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == EntryKind::Text.name());
    assert_eq!(kinds.count(), 2);
    let reader = house.user("reader", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(refusal(text(&reader, "x")), Code::NotPermitted);
    assert_eq!(refusal(reader.extract_texts(1, false)), Code::NotPermitted);
    assert_eq!(refusal(text(&house.user_who_may("outsider", &[Action::Read]), "x")), Code::RecordNotFound);
    // Words of one letter, since an analyzer takes no text as long as what is kept of an attachment.
    text(&house.admin, &format!("{}zebra", "x ".repeat(MAX_TEXT_BYTES / 2 - 5))).unwrap();
    assert_eq!(count(&house.admin, "zebra"), 1);
    let long = "长".repeat(MAX_TEXT_BYTES / 3);
    assert_eq!(refusal(text(&house.admin, &format!("{long}尾"))), Code::LimitExceeded);
    text(&house.admin, &format!("{}末尾", "长".repeat(MAX_TEXT_BYTES / 3 - 2))).unwrap();
    assert_eq!((count(&house.admin, "末尾"), count(&house.admin, "框架协议")), (1, 0));
    assert_eq!(
        refusal(house.admin.set_attachment_text("account", record, record, "x")),
        Code::RecordNotFound
    );
    text(&house.admin, "").unwrap();
    assert_eq!(count(&house.admin, "末尾"), 0);
    let _ = house.verified();
}
