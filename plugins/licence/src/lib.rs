//! The plugin for company licences: accounts bear a unified social credit code (`统一社会信用代码`), which
//! is brought into its standard form and checked before the account is saved.

pub mod credit_code;

use guanxi_plugin_sdk::{Context, Error, FieldDefinition, Record, Reject, Setup, Value, plugin};

/// The entity that the plugin extends.
const ACCOUNT: &str = "crm.account";
/// The field that the plugin adds to it.
const FIELD: &str = "unified_social_credit_code";
/// The field's identity within the plugin, for ever.
const FIELD_ID: u32 = 1;
/// Where the hook stands among others: in the middle, for it depends on none.
const ORDER: i32 = 100;

plugin! {
    id: "cn.guanxi.licence",
    version: env!("CARGO_PKG_VERSION"),
    capabilities: ["schema:crm.account", "hook:crm.account"],
    setup: setup,
}

/// Registers the field and its check; the plugin's setup function.
///
/// # Errors
/// Those of the host, such as a capability that is not granted.
pub fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
    let field = FieldDefinition::text(FIELD_ID, FIELD, "统一社会信用代码", "Unified social credit code");
    let field = field.help(
        "营业执照上的 18 位统一社会信用代码（GB 32100-2015），保存时校验校验位。",
        "The 18 characters on the business licence (GB 32100-2015), whose check character is verified on saving.",
    );
    setup.field(ACCOUNT, field.indexed().searchable())?;
    setup.before_save(ACCOUNT, ORDER, check)
}

/// Normalises the code of the account at hand, refuses a wrong one and remarks on a strange one.
fn check(context: &Context<'_>, record: &mut Record<'_>) -> Result<(), Reject> {
    let Some(entered) = record.text(FIELD)? else { return Ok(()) };
    let code = credit_code::normalize(&entered);
    if code.is_empty() {
        // Nothing but spaces and dashes is how forms say that there is none.
        return Ok(record.set(FIELD, &Value::Null)?);
    }
    let remarks = credit_code::check(&code).map_err(|violation| {
        let message = violation.message();
        Reject::new(FIELD, &message.zh, &message.en)
    })?;
    for remark in remarks {
        let message = remark.message();
        context.warn(FIELD, &message.zh, &message.en)?;
    }
    if code != entered {
        record.set_text(FIELD, &code)?;
    }
    Ok(())
}
