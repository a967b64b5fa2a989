//! Methods on the modules of a database.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::described::language;
use crate::base::Language;
use crate::engine::ModuleState;

methods! {
    /// Lists the modules in the order of navigation: all of them for administrators, for others those in which
    /// they may read something.
    "module.list" (session, given: ListModules {
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{modules: [{module, label, icon, order, on, requires, entities}]}" {
        let language = language(session, given.locale.as_deref())?;
        let modules = session.modules()?;
        let modules = modules.iter().map(|module| module_to_json(module, &language));
        Ok(json!({"modules": modules.collect::<Vec<_>>()}))
    }

    /// Switches a module off or on. While it is off, its entities answer `schema.module_off` to everybody and
    /// are in no list, search or report; everything that is stored stays, and is there when it is on again.
    "module.switch" (session, given: SwitchModule {
        /// The module's code.
        module: String,
        /// Whether it shall be on.
        on: bool,
    }) -> "{module, on}" {
        session.switch_module(&given.module, given.on)?;
        Ok(json!({"module": given.module, "on": given.on}))
    }
}

pub(super) fn module_to_json(module: &ModuleState, language: &Language) -> Json {
    json!({
        "module": module.code,
        "label": module.label.spoken(language),
        "icon": module.icon,
        "order": module.order,
        "on": module.on,
        "requires": module.requires,
        "entities": module.entities,
    })
}
