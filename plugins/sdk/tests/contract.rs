//! The promises of the SDK, kept or broken through the interface that an engine would use.

use std::mem::{MaybeUninit, offset_of};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use guanxi_plugin_sdk::abi;
use guanxi_plugin_sdk::testing::{Database, Fields, Message, take_log};
use guanxi_plugin_sdk::{
    Action, Connector, Decimal, Error, FieldDefinition, Money, Reject, Setup, Value, plugin,
};

const ENTITY: &str = "crm.account";
const CAPABILITIES: [&str; 2] = ["schema:crm.account", "hook:crm.account"];

plugin! {
    id: "cn.example.contract",
    version: "2.1.0",
    capabilities: ["schema:crm.account", "hook:crm.account"],
    setup: nothing,
}

fn nothing(_setup: &mut Setup<'_>) -> Result<(), Error> {
    Ok(())
}

fn record(fields: &[(&str, Value)]) -> Fields {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn named(name: &str) -> Fields {
    record(&[("name", Value::Text(name.to_owned()))])
}

/// What the entry function answers to a host whose structure has so many bytes.
fn described(struct_size: usize) -> (abi::guanxi_status, abi::guanxi_plugin_info) {
    let none = abi::guanxi_str::EMPTY;
    let mut information = abi::guanxi_plugin_info {
        struct_size,
        abi_major: 0,
        abi_minor_required: 0,
        id: none,
        version: none,
        capabilities: none,
        init: None,
    };
    // SAFETY: the structure is whole, and a smaller stated size only keeps the plugin from writing.
    let status = unsafe { guanxi_plugin_entry_v1(&raw mut information) };
    (status, information)
}

fn read(view: abi::guanxi_str) -> &'static str {
    // SAFETY: the texts of a plugin's identity live as long as the process.
    std::str::from_utf8(unsafe { std::slice::from_raw_parts(view.data.cast(), view.length) }).unwrap_or("?")
}

#[test]
fn the_exported_symbol_says_who_the_plugin_is() {
    let (status, information) = described(size_of::<abi::guanxi_plugin_info>());
    assert_eq!(status, abi::GUANXI_OK);
    assert_eq!((information.abi_major, information.abi_minor_required), (1, 0));
    assert_eq!(read(information.id), "cn.example.contract");
    assert_eq!(read(information.version), "2.1.0");
    assert_eq!(read(information.capabilities), "schema:crm.account hook:crm.account");
}

#[test]
fn a_structure_that_is_too_short_is_left_alone() {
    let (status, information) = described(16);
    assert_eq!(status, abi::GUANXI_ERR_PLUGIN_ABI_MISMATCH);
    assert_eq!(information.abi_major, 0);
    assert!(information.init.is_none());
    // SAFETY: null is allowed, and says so.
    assert_eq!(unsafe { guanxi_plugin_entry_v1(std::ptr::null_mut()) }, abi::GUANXI_ERR_INPUT_NULL_ARGUMENT);
}

#[test]
fn a_host_with_fewer_functions_than_version_1_0_is_refused() {
    let init = described(size_of::<abi::guanxi_plugin_info>()).1.init.unwrap();
    let mut table = MaybeUninit::<abi::guanxi_host>::uninit();
    // SAFETY: only the size is written, and only the size may be read of a table this short.
    let short = unsafe {
        (&raw mut (*table.as_mut_ptr()).struct_size).write(offset_of!(abi::guanxi_host, locale));
        init(table.as_ptr(), 1)
    };
    assert_eq!(short, abi::GUANXI_ERR_PLUGIN_ABI_MISMATCH);
    // SAFETY: null is allowed, and says so.
    assert_eq!(unsafe { init(std::ptr::null(), 1) }, abi::GUANXI_ERR_INPUT_NULL_ARGUMENT);
}

#[test]
fn a_field_arrives_with_everything_that_was_said_of_it() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        let definition = FieldDefinition::text(7, "tax_office", "税务机关", "Tax office");
        setup.field(ENTITY, definition.required().unique().indexed().searchable())
    }
    let database = Database::open(&CAPABILITIES, setup).unwrap();
    let field = database.fields().first().unwrap();
    assert_eq!((field.entity.as_str(), field.local_id), (ENTITY, 7));
    assert_eq!((field.name.as_str(), field.type_name.as_str()), ("tax_office", "text"));
    assert_eq!((field.label_zh.as_str(), field.label_en.as_str()), ("税务机关", "Tax office"));
    assert_eq!(field.flags, 1 | 2 | 4 | 8);
}

#[test]
fn what_was_not_granted_is_refused_and_fails_the_opening() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.field(ENTITY, FieldDefinition::text(1, "note", "备注", "Note"))
    }
    let error = Database::open(&["hook:crm.account"], setup).err().unwrap();
    assert_eq!(error.status(), abi::GUANXI_ERR_ACCESS_NOT_PERMITTED);
    assert_eq!(take_log(), ["setup failed on `crm.account`: status -502"]);
}

#[test]
fn every_kind_of_value_crosses_and_comes_back_unchanged() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 0, |_context, record| {
            let value = record.value("from")?;
            Ok(record.set("to", &value)?)
        })
    }
    let database = Database::open(&CAPABILITIES, setup).unwrap();
    let largest = Decimal { mantissa: (1 << 96) - 1, scale: 18 };
    let negative = Decimal { mantissa: -1_280_000, scale: 2 };
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Decimal(largest),
        Value::Decimal(negative),
        Value::Money(Money { amount: negative, currency: *b"CNY" }),
        Value::Text("关系\0关系".to_owned()),
        Value::Text(String::new()),
        Value::Date(-1),
        Value::DateTime(1_795_305_600_000_000),
        Value::Id(*b"0123456789abcdef"),
        Value::Bytes(vec![0xFF, 0, 0xFE]),
        Value::Json("{\"a\":[1]}".to_owned()),
    ] {
        let before = record(&[("from", value.clone()), ("to", Value::Int(0))]);
        let outcome = database.save(ENTITY, before);
        assert_eq!(outcome.status, abi::GUANXI_OK);
        assert_eq!(outcome.record["to"], value);
    }
}

#[test]
fn a_decimal_beyond_96_bits_or_18_digits_is_refused() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 0, |_context, record| {
            let wide = Decimal { mantissa: 1 << 96, scale: 0 };
            let fine = Decimal { mantissa: 1, scale: 19 };
            for decimal in [wide, fine] {
                let error = record.set("name", &Value::Decimal(decimal)).err();
                assert_eq!(error, Some(Error::new(abi::GUANXI_ERR_SCHEMA_OUT_OF_RANGE, "name")));
            }
            Ok(())
        })
    }
    let outcome = Database::open(&CAPABILITIES, setup).unwrap().save(ENTITY, named("加喜"));
    assert_eq!((outcome.status, outcome.record), (abi::GUANXI_OK, named("加喜")));
}

#[test]
fn text_is_none_when_empty_and_an_error_when_it_is_not_text() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 0, |context, record| {
            assert_eq!(record.text("empty")?, None);
            assert_eq!(context.locale()?, "zh-Hans");
            record.text("number")?;
            Ok(())
        })
    }
    let database = Database::open(&CAPABILITIES, setup).unwrap();
    let outcome = database.save(ENTITY, record(&[("empty", Value::Null), ("number", Value::Int(1))]));
    assert_eq!(outcome.status, abi::GUANXI_ERR_SCHEMA_WRONG_TYPE);
}

#[test]
fn hooks_run_by_order_then_by_registration() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        for (order, letter) in [(5, "b"), (1, "a"), (5, "c")] {
            setup.before_save(ENTITY, order, move |_context, record| {
                let text = record.text("name")?.unwrap_or_default();
                Ok(record.set_text("name", &(text + letter))?)
            })?;
        }
        setup.before_save("crm.account", 9, |context, _record| Ok(context.warn("name", "三", "three")?))
    }
    let outcome = Database::open(&CAPABILITIES, setup).unwrap().save(ENTITY, named(""));
    assert_eq!(outcome.record, named("abc"));
    let warning = Message { field: "name".to_owned(), zh: "三".to_owned(), en: "three".to_owned() };
    assert_eq!(outcome.warnings, [warning]);
}

#[test]
fn a_refusal_carries_field_and_both_messages_and_stops_the_save() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 1, |_context, _record| {
            Err(Reject::new("name", "名称已停用", "the name is retired"))
        })?;
        setup.before_save(ENTITY, 2, |_context, record| Ok(record.set_text("name", "later")?))
    }
    let outcome = Database::open(&CAPABILITIES, setup).unwrap().save(ENTITY, named("加喜"));
    assert_eq!(outcome.status, abi::GUANXI_ERR_PLUGIN_REJECTED);
    let said = Message {
        field: "name".to_owned(),
        zh: "名称已停用".to_owned(),
        en: "the name is retired".to_owned(),
    };
    assert_eq!(outcome.rejection, Some(said));
    assert_eq!(outcome.record, named("加喜"));
}

#[test]
fn a_misspelt_field_stops_the_save_instead_of_reading_as_empty() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 1, |_context, record| {
            record.text("nmae")?;
            Ok(())
        })
    }
    let outcome = Database::open(&CAPABILITIES, setup).unwrap().save(ENTITY, named("加喜"));
    assert_eq!(outcome.status, abi::GUANXI_ERR_SCHEMA_UNKNOWN_FIELD);
    assert_eq!(take_log(), ["a hook failed on `nmae`: status -302"]);
}

#[test]
fn a_panic_in_a_hook_fails_that_save_with_one_log_line_and_not_the_next() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 1, |_context, record| match record.text("name")?.as_deref() {
            Some("formatted") => panic!("no\nway, {}", 7),
            Some("plain") => panic!("no way"),
            Some("typed") => std::panic::panic_any(7_u8),
            _ => Ok(()),
        })
    }
    let database = Database::open(&CAPABILITIES, setup).unwrap();
    let words = [("formatted", "no way, 7"), ("plain", "no way"), ("typed", "a value that is not text")];
    for (name, message) in words {
        let outcome = database.save(ENTITY, named(name));
        assert_eq!(outcome.status, abi::GUANXI_ERR_PLUGIN_FAULT);
        assert_eq!(outcome.rejection.unwrap().en, format!("a fault inside the plugin: {message}"));
        let log = take_log();
        assert_eq!(log.len(), 1);
        assert!(log[0].starts_with("panic at ") && log[0].contains("contract.rs:"), "{log:?}");
        assert!(log[0].ends_with(&format!(": {message}")), "{log:?}");
        assert_eq!(database.save(ENTITY, named("calm")).status, abi::GUANXI_OK);
    }
}

#[test]
fn a_panic_in_setup_fails_the_opening() {
    fn setup(_setup: &mut Setup<'_>) -> Result<(), Error> {
        panic!("unprepared")
    }
    let error = Database::open(&CAPABILITIES, setup).err().unwrap();
    assert_eq!(error.status(), abi::GUANXI_ERR_PLUGIN_FAULT);
    assert!(take_log()[0].ends_with(": unprepared"));
}

#[test]
fn a_panic_outside_of_a_plugins_calls_is_not_taken_for_the_plugins() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.before_save(ENTITY, 1, |_context, _record| panic!("mine"))
    }
    let database = Database::open(&CAPABILITIES, setup).unwrap();
    let _ = database.save(ENTITY, named("加喜"));
    assert_eq!(take_log().len(), 1);
    assert!(std::panic::catch_unwind(|| panic!("not mine")).is_err());
    assert_eq!(take_log(), Vec::<String>::new());
}

/// Counts how often it is dropped.
struct Counted(&'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counted {
    /// Registers a hook that holds one.
    fn hold(self, setup: &mut Setup<'_>, entity: &str) -> Result<(), Error> {
        setup.before_save(entity, 1, move |_context, _record| {
            let Self(_counter) = &self;
            Ok(())
        })
    }
}

#[test]
fn closing_a_database_destroys_each_hook_once() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        Counted(&DROPS).hold(setup, ENTITY)?;
        Counted(&DROPS).hold(setup, ENTITY)
    }
    let database = Database::open(&CAPABILITIES, setup).unwrap();
    let _ = database.save(ENTITY, named("加喜"));
    assert_eq!(DROPS.load(Ordering::SeqCst), 0);
    drop(database);
    assert_eq!(DROPS.load(Ordering::SeqCst), 2);
}

#[test]
fn a_registration_that_fails_destroys_its_hook_before_it_returns() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    static SEEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        Counted(&DROPS).hold(setup, ENTITY)?;
        let refused = Counted(&DROPS).hold(setup, "crm.secret");
        SEEN.lock().unwrap().push(DROPS.load(Ordering::SeqCst));
        refused
    }
    let error = Database::open(&CAPABILITIES, setup).err().unwrap();
    assert_eq!(error.status(), abi::GUANXI_ERR_ACCESS_NOT_PERMITTED);
    assert_eq!(*SEEN.lock().unwrap(), [1]);
    assert_eq!(DROPS.load(Ordering::SeqCst), 2);
}

#[test]
fn a_panic_while_a_hook_is_destroyed_is_contained() {
    struct Grumpy;
    impl Drop for Grumpy {
        fn drop(&mut self) {
            panic!("never");
        }
    }
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        let grumpy = Grumpy;
        setup.before_save(ENTITY, 1, move |_context, _record| {
            let _held = &grumpy;
            Ok(())
        })
    }
    drop(Database::open(&CAPABILITIES, setup).unwrap());
    assert!(take_log()[0].ends_with(": never"));
}

#[test]
fn two_databases_do_not_share_a_hooks_state() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        let saves = AtomicUsize::new(0);
        setup.before_save(ENTITY, 1, move |_context, record| {
            let count = saves.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(record.set_text("name", &count.to_string())?)
        })
    }
    let first = Database::open(&CAPABILITIES, setup).unwrap();
    let second = Database::open(&CAPABILITIES, setup).unwrap();
    assert_eq!(first.save(ENTITY, named("")).record, named("1"));
    assert_eq!(first.save(ENTITY, named("")).record, named("2"));
    assert_eq!(second.save(ENTITY, named("")).record, named("1"));
}

#[test]
fn an_action_and_a_job_are_each_registered_with_their_own_capability() {
    let setup = |setup: &mut Setup<'_>| {
        setup.job(Action::new("nightly", "夜间", "Nightly"), "0 3 * * *", |_context, _input| {
            Ok(String::new())
        })
    };
    let refused = Database::open(&["action"], setup).err().map(|error| error.status());
    assert_eq!(refused, Some(abi::GUANXI_ERR_ACCESS_NOT_PERMITTED));
    let done = Database::open(&["job"], setup).unwrap().perform("nightly", "{}");
    assert_eq!(done.map(|done| done.status), Some(abi::GUANXI_OK));
}

#[test]
fn a_report_and_a_connector_in_both_directions_are_registered_and_the_connector_works() {
    let setup = |setup: &mut Setup<'_>| {
        setup.report(Action::new("cities", "城市", "Cities"), r#"{"entity": "crm.account"}"#)?;
        let connector = Connector::new()
            .pull(|_context, given| {
                assert!(given == "{}" || given.contains("cursor"));
                Ok(r#"{"records": [], "cursor": "1"}"#.to_owned())
            })
            .push(&[ENTITY], |_context, change| match change.contains("refused") {
                true => Err(Reject::new("", "拒收", "is refused")),
                false => Ok(()),
            });
        setup.connector(Action::new("far", "远方", "Far away"), connector)
    };
    let refused = Database::open(&["report"], setup).err().map(|error| error.status());
    assert_eq!(refused, Some(abi::GUANXI_ERR_ACCESS_NOT_PERMITTED));
    let database = Database::open(&["report", "connector"], setup).unwrap();
    assert_eq!(database.reports()[0].0, "cities");
    let pulled = database.perform("far.pull", "{}").unwrap();
    assert_eq!((pulled.status, pulled.answer.contains("cursor")), (abi::GUANXI_OK, true));
    assert_eq!(database.perform("far.push", "{}").unwrap().status, abi::GUANXI_OK);
    let refused = database.perform("far.push", "refused").unwrap();
    assert_eq!(refused.status, abi::GUANXI_ERR_PLUGIN_REJECTED);
}

#[test]
fn a_connector_without_a_direction_is_refused_and_what_it_held_is_freed() {
    fn none(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.connector(Action::new("far", "远方", "Far away"), Connector::new())
    }
    let refused = Database::open(&["connector"], none).err().map(|error| error.status());
    assert_eq!(refused, Some(abi::GUANXI_ERR_SCHEMA_INVALID_DEFINITION));
}

#[test]
fn an_extractor_hands_over_the_text_of_contents_of_its_media_types() {
    fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
        setup.extractor(&["text/plain", "text/csv"], 1_000, |context, content| {
            let Ok(text) = std::str::from_utf8(content.bytes) else {
                return Err(Reject::new("", "编码有误", "is no text"));
            };
            context.extracted(content.media_type)?;
            Ok(text.split_inclusive('\n').try_for_each(|line| context.extracted(line))?)
        })
    }
    let refused = Database::open(&["extract:text/plain"], setup).err().map(|error| error.status());
    assert_eq!(refused, Some(abi::GUANXI_ERR_ACCESS_NOT_PERMITTED));
    let database = Database::open(&["extract:text/plain", "extract:text/csv"], setup).unwrap();
    let read = database.extract("text/csv", "一\n二".as_bytes()).unwrap();
    assert_eq!((read.status, read.extracted.as_str()), (abi::GUANXI_OK, "text/csv一\n二"));
    assert_eq!(database.extract("text/csv", &[]).unwrap().extracted, "text/csv");
    let refused = database.extract("text/plain", &[0xFF]).unwrap();
    assert_eq!((refused.status, refused.extracted.as_str()), (abi::GUANXI_ERR_PLUGIN_REJECTED, ""));
    assert_eq!(database.extract("text/html", &[]), None);
}
