//! What a host remembers for a user between two sittings.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;

methods! {
    /// Keeps settings of the user alone, in place of those with the same names, for a host that remembers them between
    /// two sittings. They change nothing that anybody else sees. At most 200, and 48 KiB of them.
    "preference.set" (session, given: SetPreferences {
        /// Values of any kind by names such as `till.receipt_width`, of at least two parts of small Latin letters, digits
        /// and `_`; `null` takes one away.
        preferences: Map<String, Json>,
    }) -> "{preferences}" {
        session.set_preferences(&given.preferences.into_iter().collect())?;
        Ok(json!({"preferences": session.preferences("")?.len()}))
    }

    /// Gives the settings that the user has kept, by name.
    "preference.list" (session, given: ListPreferences {
        /// Only those whose names begin like this; all if not said.
        beginning: Option<String>,
    }) -> "{preferences}" {
        Ok(json!({"preferences": session.preferences(given.beginning.as_deref().unwrap_or_default())?}))
    }
}
