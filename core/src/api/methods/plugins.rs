//! Methods on what plugins do on their own account.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;

use super::organisation::user_or_self;

methods! {
    /// Lets a plugin act on its own account, where no user has called it, as a service account: with what the roles of
    /// that account grant, and no more.
    "plugin.admit" (session, given: AdmitPlugin {
        /// The plugin, by its id.
        plugin: String,
        /// The service account, by id or name. It has no tokens, and is no other plugin's.
        user: String,
        /// Why it may.
        note: Option<String>,
    }) -> "{id}" {
        let account = user_or_self(session, Some(&given.user))?;
        let id = session.admit_plugin(&given.plugin, account, given.note.as_deref())?;
        Ok(json!({"id": id.to_string()}))
    }

    /// Takes its account from a plugin. What it does on it ends at its next call.
    "plugin.dismiss" (session, given: DismissPlugin {
        /// The plugin, by its id.
        plugin: String,
    }) -> "{}" {
        session.dismiss_plugin(&given.plugin)?;
        Ok(json!({}))
    }

    /// Lists the plugins that may act on their own account.
    "plugin.admitted" (session, _given: AdmittedPlugins {}) -> "{plugins: [{id, plugin, user, loaded, note}]}" {
        let admitted = session.admitted_plugins()?;
        let told = admitted.iter().map(|known| json!({
            "id": known.id.to_string(),
            "plugin": known.plugin,
            "user": known.account.to_string(),
            "loaded": known.loaded,
            "note": known.note,
        }));
        Ok(json!({"plugins": told.collect::<Vec<Json>>()}))
    }
}
