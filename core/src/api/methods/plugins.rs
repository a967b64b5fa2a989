//! Methods on what plugins do on their own account.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::engine::{Action, Pushed};
use crate::time::rule_of_schedule;

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

    /// Lists what the database remembers of the plugins that were ever loaded into it.
    "plugin.list" (session, _given: ListPlugins {})
        -> "{plugins: [{plugin, version, sha256, key, schema_version, required, loaded}]}" {
        session.check_may("sys.role", Action::Administer)?;
        let loaded = session.crm().loaded_plugins();
        let states = session.crm().plugin_states()?;
        let told = states.iter().map(|state| json!({
            "plugin": state.plugin,
            "version": state.version,
            "sha256": state.sha256,
            "key": state.key,
            "schema_version": state.schema_version,
            "required": state.required,
            "loaded": loaded.contains(&state.plugin),
        }));
        Ok(json!({"plugins": told.collect::<Vec<Json>>()}))
    }

    /// Says whether anything may be written while a plugin is not loaded.
    "plugin.require" (session, given: RequirePlugin {
        /// The plugin, by its id.
        plugin: String,
        /// Whether nothing is written without it; yes if nothing is said.
        required: Option<bool>,
    }) -> "{}" {
        session.require_plugin(&given.plugin, given.required.unwrap_or(true))?;
        Ok(json!({}))
    }

    /// Lists what plugins do by name and the user may call, each as a method of its name: actions, reports and models.
    "plugin.actions" (session, _given: ListActions {}) -> "{actions: [{name, kind, label, help}]}" {
        let locale = session.locale();
        let told = session.actions()?.into_iter().map(|action| json!({
            "name": action.name,
            "kind": action.kind.name(),
            "label": action.label.text(locale),
            "help": action.help.text(locale),
        })).collect::<Vec<Json>>();
        Ok(json!({"actions": told}))
    }

    /// Lists the jobs of plugins and when each is due. Those with a rule are done by `time.tick`, each as a record of
    /// `sys.scheduled_job` with its name as `kind`; the others are for the host, which calls `plugin.run_job`.
    "plugin.jobs" (session, _given: ListJobs {}) -> "{jobs: [{name, label, schedule, rule}]}" {
        session.check_may("sys.role", Action::Administer)?;
        let locale = session.locale();
        let told = session.crm().jobs().into_iter().map(|job| json!({
            "name": job.name,
            "label": job.label.text(locale),
            "rule": rule_of_schedule(&job.schedule),
            "schedule": job.schedule,
        })).collect::<Vec<Json>>();
        Ok(json!({"jobs": told}))
    }

    /// Has a plugin do a job now, on the plugin's own account.
    "plugin.run_job" (session, given: RunJob {
        /// The job, by its name.
        job: String,
    }) -> "what the job answers" {
        session.run_job(&given.job)
    }

    /// Lists the connectors of plugins: whether each brings records in, of which entities it tells a system outside what
    /// has changed, and how far both have come.
    "connector.list" (session, _given: ListConnectors {})
        -> "{connectors: [{name, label, help, pulls, pushes, cursor, position}]}" {
        let locale = session.locale();
        let told = session.connectors()?.into_iter().map(|(known, state)| json!({
            "name": known.name,
            "label": known.label.text(locale),
            "help": known.help.text(locale),
            "pulls": known.pulls,
            "pushes": known.pushes,
            "cursor": state.cursor,
            "position": state.position,
        })).collect::<Vec<Json>>();
        Ok(json!({"connectors": told}))
    }

    /// Has a connector bring in what came from outside since the last time, on the account of its plugin: all of it with
    /// the place where it goes on, or nothing. A host calls it as often as it likes, and at once again while there is
    /// `more`.
    "connector.pull" (session, given: PullConnector {
        /// The connector, by its name.
        connector: String,
    }) -> "{done, more}" {
        Ok(pushed_to_json(session.pull(&given.connector)?))
    }

    /// Has a connector tell the system outside what has changed since the last time, as far as the account of its plugin
    /// sees it. A change may be told twice, and none is left out.
    "connector.push" (session, given: PushConnector {
        /// The connector, by its name.
        connector: String,
        /// Most changes; 100 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{done, more}" {
        let limit = usize::try_from(given.limit.unwrap_or(0)).unwrap_or(usize::MAX);
        Ok(pushed_to_json(session.push(&given.connector, limit)?))
    }
}

fn pushed_to_json(pushed: Pushed) -> Json {
    json!({"done": pushed.done, "more": pushed.more})
}
