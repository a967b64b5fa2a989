//! Texts of attachments that a plugin reads: found by search, and held as everything else that a plugin does.

use guanxi::engine::{MAX_TEXT_BYTES, TextsExtracted};
use guanxi::{Changes, Code, Condition, RecordId};
use guanxi_plugin_host::{Budgets, Loader, MAX_FAULTS, OnFault, clear, conduct, health, pack};

use crate::vendor::{library, manifest};
use crate::{House, PASSWORD, house, options};

const MEMO: &str = "cn.example.memo";
const MEMOS: &str = "application/x-memo";
const CAPABILITIES: [&str; 3] = ["extract:application/x-memo", "extract:image/*", "write:crm.account"];

fn load_as(house: &House, capabilities: &[&str], macros: &[(&str, &str)], work: u32) -> guanxi::Result<()> {
    let place = house.place.path();
    let manifest = manifest(MEMO, "1.0.0", capabilities).with_abi_minor(4)?;
    let manifest = manifest.with_budgets(Budgets { hook: 10_000, work })?;
    let package = pack(&library(place, "memo", macros), place, manifest)?;
    Loader::unsigned().install(&house.crm, &[package]).map(drop)
}

fn loaded() -> (House, RecordId) {
    let house = house();
    load_as(&house, &CAPABILITIES, &[], 60_000).unwrap();
    let record = account(&house);
    (house, record)
}

fn account(house: &House) -> RecordId {
    let changes = Changes::new().set("name", "上海加喜企业服务有限公司");
    house.admin.write(|transaction| transaction.create_record("account", changes.clone())).unwrap()
}

fn attach(house: &House, record: RecordId, media_type: &str, content: &str) {
    house.admin.attach("account", record, "附件", media_type, &mut content.as_bytes()).unwrap();
}

/// How many have a text now, have none, and could not be read.
fn extract(house: &House) -> (u64, u64, u64) {
    let TextsExtracted { read, without, failed, .. } = house.admin.extract_texts(100, false).unwrap();
    (read, without, failed)
}

fn found(house: &House, text: &str) -> u64 {
    let page = house.admin.search(text, None, 10, 0).unwrap();
    if page.near { 0 } else { page.total }
}

fn faults(house: &House) -> u32 {
    health(&house.place.path().join("house.guanxi"), MEMO).unwrap().faults
}

#[test]
fn what_a_plugin_reads_out_of_attachments_of_its_media_types_is_found() {
    let (house, record) = loaded();
    attach(&house, record, MEMOS, "t备忘录要点");
    attach(&house, record, "Application/X-Memo; charset=utf-8", "p分两段的文字");
    attach(&house, record, "image/png", "t图片里的文字");
    attach(&house, record, "text/plain", "t无人读取");
    attach(&house, record, MEMOS, "n没有文字");
    attach(&house, record, MEMOS, "");
    assert_eq!(extract(&house), (3, 2, 0));
    for (text, times) in [
        ("备忘录要点", 1),
        ("first", 1),
        ("分两段的文字", 1),
        ("图片里的文字", 1),
        ("无人读取", 0),
        ("没有文字", 0),
    ] {
        assert_eq!(found(&house, text), times, "{text}");
    }
    assert_eq!(faults(&house), 0);
}

#[test]
fn a_text_without_end_is_cut_and_one_that_is_refused_leaves_nothing_behind() {
    let (house, record) = loaded();
    attach(&house, record, MEMOS, &format!("e{} ", "无穷无尽".repeat(10_000)));
    attach(&house, record, MEMOS, "r加密之前的文字");
    attach(&house, record, MEMOS, &format!("p{}", "长".repeat(MAX_TEXT_BYTES / 3)));
    attach(&house, record, MEMOS, &format!("t{}", "大".repeat(700_000)));
    assert_eq!(extract(&house), (2, 1, 1));
    assert_eq!((found(&house, "无穷无尽"), found(&house, "加密之前")), (1, 0));
    assert_eq!(faults(&house), 0, "neither is a fault");
}

#[test]
fn pieces_that_are_no_texts_and_stale_contexts_are_refused_and_counted_and_no_record_is_written_meanwhile() {
    let (house, record) = loaded();
    let before = conduct();
    attach(&house, record, MEMOS, "b坏片段之后");
    attach(&house, record, MEMOS, "k保留句柄");
    attach(&house, record, MEMOS, "w想要写入");
    assert_eq!(extract(&house), (3, 0, 0));
    let after = conduct();
    assert!(after.bad_arguments > before.bad_arguments && after.stale_handles > before.stale_handles);
    assert_eq!((found(&house, "坏片段之后"), found(&house, "想要写入"), found(&house, "stale")), (1, 1, 0));
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 1);
    assert_eq!(faults(&house), 0);
}

#[test]
fn an_extractor_that_fails_too_often_is_called_no_more_until_it_is_cleared() {
    let (house, record) = loaded();
    attach(&house, record, MEMOS, "f");
    for fault in 1..=MAX_FAULTS {
        assert_eq!(extract(&house), (0, 0, 1));
        assert_eq!(faults(&house), fault);
    }
    attach(&house, record, MEMOS, "t等到解除之后");
    assert_eq!(extract(&house), (0, 0, 1), "it is in quarantine");
    let path = house.place.path().join("house.guanxi");
    let place = house.place;
    drop((house.admin, house.crm));
    clear(&path, MEMO).unwrap();
    let crm = options().open(&path).unwrap();
    let package = place.path().join(format!("{MEMO}-1.0.0.gxplugin"));
    Loader::unsigned().install(&crm, &[package]).unwrap();
    let admin = crm.sign_in("admin", PASSWORD).unwrap();
    assert_eq!(admin.extract_texts(100, false).unwrap().read, 1);
    assert_eq!(admin.search("等到解除之后", None, 10, 0).unwrap().total, 1);
}

#[test]
fn a_content_that_takes_longer_than_the_budget_is_a_fault_although_it_is_read() {
    let house = house();
    load_as(&house, &CAPABILITIES, &[], 1).unwrap();
    let record = account(&house);
    attach(&house, record, MEMOS, "s慢慢读取");
    assert_eq!(extract(&house), (1, 0, 0));
    assert_eq!((found(&house, "慢慢读取"), faults(&house)), (1, 1));
}

#[test]
fn an_extractor_needs_leave_for_each_media_type_and_a_type_that_there_can_be() {
    let refused = |capabilities: &[&str], macros: &[(&str, &str)]| {
        load_as(&house(), capabilities, macros, 60_000).unwrap_err().code()
    };
    assert_eq!(refused(&CAPABILITIES[..1], &[]), Code::PluginEntry, "the library asks for more");
    for wrong in ["\"\"", "\"memo\"", "\"Text/Plain\"", "\"*/*\"", "\"text/plain extra\""] {
        assert_eq!(refused(&CAPABILITIES, &[("BAD_TYPE", wrong)]), Code::InvalidDefinition, "{wrong}");
    }
    assert_eq!(refused(&CAPABILITIES, &[("BAD_TYPE", "\"text/csv\"")]), Code::NotPermitted);
    for wrong in ["extract", "extract:memo", "extract:*/*", "extract:Text/plain", "extract:text/"] {
        let name = guanxi::base::Label::new("一", "One");
        let made = guanxi_plugin_host::Manifest::new(MEMO, "1.0.0", name, &[wrong], OnFault::Reject);
        assert_eq!(made.unwrap_err().code(), Code::PluginManifest, "{wrong}");
    }
}
