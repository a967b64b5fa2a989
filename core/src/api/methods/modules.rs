//! Methods on the modules of a database.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::Locale;
use crate::engine::ModuleState;

methods! {
    /// Lists the modules in the order of navigation: all of them for administrators, for others those in which
    /// they may read something.
    "module.list" (session, _given: ListModules {}) -> "{modules: [{module, label, icon, order, on, requires, entities}]}" {
        let modules = session.modules()?;
        let modules = modules.iter().map(|module| module_to_json(module, session.locale()));
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

pub(super) fn module_to_json(module: &ModuleState, locale: Locale) -> Json {
    json!({
        "module": module.code,
        "label": module.label.text(locale),
        "icon": module.icon,
        "order": module.order,
        "on": module.on,
        "requires": module.requires,
        "entities": module.entities,
    })
}
