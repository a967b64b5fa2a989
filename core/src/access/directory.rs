//! The entities of the organisation: users, units, roles, grants. Stored like any other record.

use crate::access::{Action, Effect, Level};
use crate::schema::declare::{codes, entity};

codes! {
    /// Whether a user may sign in.
    UserStatus {
        /// May sign in.
        Active = "active", "在职", "Active";
        /// May not sign in for now.
        Suspended = "suspended", "停用", "Suspended";
        /// Has left for good.
        Left = "left", "离职", "Left";
    }
}

/// People and programs that act.
pub mod user {
    use super::{Partition, Unit, UserStatus, entity};
    use crate::schema::{Choice, Email, Privacy, Reference, SearchClass, Text};

    entity! {
        /// A person who signs in and owns records.
        User = ("sys", 1, "user", "用户", "User", title "name", data_subject true);
        /// The name to sign in with.
        NAME: Text = 1, "name", "用户名", "Name",
            [required = true, unique = true, indexed = true, search = Some(SearchClass::Title),
             privacy = Privacy::Personal, synonyms = vec!["sales agent".into(), "sales_agent".into(), "salesperson".into(), "销售员".into()]];
        /// E-mail address.
        EMAIL: Email = 2, "email", "电子邮箱", "E-mail", [indexed = true, privacy = Privacy::Personal];
        /// Whether the user may sign in.
        STATUS: Choice<UserStatus> = 3, "status", "状态", "Status", [];
        /// The unit that the user works in.
        UNIT: Reference<Unit> = 4, "unit", "部门", "Unit",
            [indexed = true, synonyms = vec!["regional office".into(), "region".into()]];
        /// The user to whom this one reports.
        REPORTS_TO: Reference<User> = 5, "reports_to", "汇报对象", "Reports to",
            [indexed = true, synonyms = vec!["manager".into(), "经理".into()]];
        /// The partition that the user works in and sees nothing beyond of; none is the organisation's own.
        PARTITION: Reference<Partition> = 6, "partition", "数据分区", "Partition", [indexed = true];
    }
}

/// Parts of the organisation.
pub mod unit {
    use super::entity;
    use crate::schema::{Reference, Text};

    entity! {
        /// A part of the organisation: department, region, branch.
        Unit = ("sys", 2, "unit", "部门", "Unit", title "name", data_subject false);
        /// Name.
        NAME: Text = 1, "name", "名称", "Name", [required = true, unique = true, indexed = true];
        /// The unit above.
        PARENT: Reference<Unit> = 2, "parent", "上级部门", "Parent", [indexed = true];
    }
}

/// Parts of the database that nothing crosses.
pub mod partition {
    use super::entity;
    use crate::schema::Text;

    entity! {
        /// A part of the database that nothing crosses: an exhibition project, a tenant. Its number among the
        /// records of this entity stands for it in the records that belong to it.
        Partition = ("sys", 6, "partition", "数据分区", "Partition", title "name", data_subject false);
        /// Name.
        NAME: Text = 1, "name", "名称", "Name", [required = true, unique = true, indexed = true];
    }
}

/// Bundles of grants.
pub mod role {
    use super::entity;
    use crate::schema::Text;

    entity! {
        /// A named bundle of grants.
        Role = ("sys", 3, "role", "角色", "Role", title "name", data_subject false);
        /// Name.
        NAME: Text = 1, "name", "名称", "Name", [required = true, unique = true, indexed = true];
    }
}

/// What roles allow.
pub mod grant {
    use super::{Action, Effect, Level, Role, entity};
    use crate::schema::{Choice, Reference, Text};

    entity! {
        /// One action on one entity at one level, given by a role.
        Grant = ("sys", 4, "grant", "授权", "Grant", title "entity", data_subject false);
        /// The entity by API name, or `*` for every entity of the trade.
        ENTITY: Text = 1, "entity", "实体", "Entity", [required = true];
        /// The role that gives it.
        ROLE: Reference<Role> = 2, "role", "角色", "Role", [required = true, indexed = true];
        /// What may be done.
        ACTION: Choice<Action> = 3, "action", "操作", "Action", [required = true];
        /// To whose records.
        LEVEL: Choice<Level> = 4, "level", "范围", "Level", [required = true];
        /// API names of fields that this grant does not show, separated by commas.
        HIDDEN_FIELDS: Text = 5, "hidden_fields", "隐藏字段", "Hidden fields", [];
        /// Whether it allows or forbids; it allows where nothing is said. One that forbids and names fields forbids
        /// these alone, of all records.
        EFFECT: Choice<Effect> = 6, "effect", "效果", "Effect", [];
        /// API names of fields of which this grant to read shows a mask, separated by commas.
        MASKED_FIELDS: Text = 7, "masked_fields", "脱敏字段", "Masked fields", [];
        /// API names of fields of which it shows a mask in lists, and the value in a record that is opened.
        LIST_MASKED_FIELDS: Text = 8, "list_masked_fields", "列表脱敏字段", "Fields masked in lists", [];
        /// API names of fields that this grant to create or change leaves as they are.
        READ_ONLY_FIELDS: Text = 9, "read_only_fields", "只读字段", "Read-only fields", [];
    }
}

/// Who has which role.
pub mod role_assignment {
    use super::{Role, User, entity};
    use crate::schema::{Reference, Text};

    entity! {
        /// A user has a role.
        RoleAssignment = ("sys", 5, "role_assignment", "角色分配", "Role assignment",
            title "note", data_subject false);
        /// The user.
        USER: Reference<User> = 1, "user", "用户", "User", [required = true, indexed = true];
        /// The role.
        ROLE: Reference<Role> = 2, "role", "角色", "Role", [required = true, indexed = true];
        /// Why.
        NOTE: Text = 3, "note", "说明", "Note", [];
    }
}

pub use grant::Grant;
pub use partition::Partition;
pub use role::Role;
pub use role_assignment::RoleAssignment;
pub use unit::Unit;
pub use user::User;
