//! Which service account a plugin has of its own.

use crate::schema::declare::entity;

/// Plugins, and the accounts by which they act where no user has called them.
pub mod plugin_account {
    use super::entity;
    use crate::access::User;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// A plugin acts on its own account by a service account, with the roles of that account and nothing else.
        PluginAccount = ("sys", 50, "plugin_account", "插件账号", "Plugin account",
            "插件以某服务账号的身份自行操作，仅拥有该账号的权限。", title "plugin", data_subject false);
        /// The plugin, by its id.
        PLUGIN: Text = 1, "plugin", "插件", "Plugin", "插件的标识，每个插件一个账号。",
            [required = true, unique = true, indexed = true];
        /// The service account, which is no other plugin's, and which no token opens.
        USER: Reference<User> = 2, "user", "服务账号", "Service account", "插件所用的服务账号；不得另有令牌，也不得属于其他插件。",
            [required = true, unique = true, indexed = true, on_delete = OnDelete::Cascade];
        /// Why it may.
        NOTE: Text = 3, "note", "说明", "Note", "准许该插件自行操作的原因。", [];
    }
}

pub use plugin_account::PluginAccount;
