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

codes! {
    /// What a user is.
    UserKind {
        /// A person, who signs in by a password or is vouched for by the host.
        Person = "person", "人员", "Person";
        /// A program, which signs in by a token, and is nobody's superior.
        Service = "service", "服务账号", "Service account";
    }
}

/// People and programs that act.
pub mod user {
    use super::{Partition, Unit, UserKind, UserStatus, entity};
    use crate::schema::{Choice, Email, Privacy, Reference, SearchClass, Text};

    entity! {
        /// A person who signs in and owns records.
        User = ("sys", 1, "user", "用户", "User",
            "可登录并拥有记录的人员。", title "name", data_subject true);
        /// The name to sign in with, which no two users share.
        NAME: Text = 1, "name", "用户名", "Name",
            "登录时使用的名称，不可重复。",
            [required = true, unique = true, indexed = true, search = Some(SearchClass::Title),
             privacy = Privacy::Personal, synonyms = vec!["sales agent".into(), "sales_agent".into(), "salesperson".into(), "销售员".into()]];
        /// Where messages to the user go.
        EMAIL: Email = 2, "email", "电子邮箱", "E-mail",
            "接收发给该用户的消息的地址。", [indexed = true, privacy = Privacy::Personal];
        /// Whether the user may sign in.
        STATUS: Choice<UserStatus> = 3, "status", "状态", "Status",
            "决定该用户能否登录。", [];
        /// The unit that the user works in. Grants of the levels of units are meant of it.
        UNIT: Reference<Unit> = 4, "unit", "部门", "Unit",
            "所在的部门；部门级别的授权以此为准。",
            [indexed = true, synonyms = vec!["regional office".into(), "region".into()]];
        /// The user to whom this one reports. Grants on subordinates follow it upwards.
        REPORTS_TO: Reference<User> = 5, "reports_to", "汇报对象", "Reports to",
            "该用户的上级；下属级别的授权沿此关系生效。",
            [indexed = true, synonyms = vec!["manager".into(), "经理".into()]];
        /// The partition that the user works in and sees nothing beyond of; none is the organisation's own.
        PARTITION: Reference<Partition> = 6, "partition", "数据分区", "Partition",
            "所在的数据分区，看不到分区以外的任何内容；为空表示组织本身。", [indexed = true];
        /// Whether it is a person or a program; a person if nothing is said. It stays what it is.
        KIND: Choice<UserKind> = 7, "kind", "类型", "Kind",
            "人员或服务账号，未填写时为人员；建立后不可更改。", [indexed = true];
    }
}

/// Parts of the organisation.
pub mod unit {
    use super::entity;
    use crate::schema::{Reference, Text};

    entity! {
        /// A part of the organisation, such as a department, a region or a branch.
        Unit = ("sys", 2, "unit", "部门", "Unit",
            "组织的一部分，如科室、大区或分支机构。", title "name", data_subject false);
        /// What the unit is called. No two units have the same name.
        NAME: Text = 1, "name", "名称", "Name",
            "部门的叫法，不可重复。", [required = true, unique = true, indexed = true];
        /// The unit above; none for the topmost.
        PARENT: Reference<Unit> = 2, "parent", "上级部门", "Parent",
            "直接上级；最高一级为空。", [indexed = true];
    }
}

/// Parts of the database that nothing crosses.
pub mod partition {
    use super::entity;
    use crate::schema::Text;

    entity! {
        /// A part of the database that nothing crosses: an exhibition project, a tenant. Its number among the
        /// records of this entity stands for it in the records that belong to it.
        Partition = ("sys", 6, "partition", "数据分区", "Partition",
            "数据库中相互隔离的一部分，如展会项目或租户；所属记录以其序号标识。", title "name", data_subject false);
        /// What the partition is called. No two partitions have the same name.
        NAME: Text = 1, "name", "名称", "Name",
            "分区的叫法，不可重复。", [required = true, unique = true, indexed = true];
    }
}

/// Bundles of grants.
pub mod role {
    use super::entity;
    use crate::schema::Text;

    entity! {
        /// A named bundle of grants, which users are assigned.
        Role = ("sys", 3, "role", "角色", "Role",
            "一组授权的集合，可分配给用户。", title "name", data_subject false);
        /// What the role is called, by which it is assigned. No two roles have the same name; it may stand in
        /// several languages.
        NAME: Text = 1, "name", "名称", "Name",
            "角色的叫法，分配时使用，不可重复；可有多种语言的译文。",
            [required = true, unique = true, indexed = true, translatable = true];
    }
}

/// What roles allow.
pub mod grant {
    use super::{Action, Effect, Level, Role, entity};
    use crate::schema::{Choice, Reference, Text};

    entity! {
        /// One action on one entity at one level, which a role allows or forbids.
        Grant = ("sys", 4, "grant", "授权", "Grant",
            "某角色对某实体的一项操作在某一级别上的许可或禁止。", title "entity", data_subject false);
        /// The entity by API name, or `*` for every entity of the trade.
        ENTITY: Text = 1, "entity", "实体", "Entity",
            "实体的 API 名称；* 表示所有业务实体。", [required = true];
        /// The role that gives it.
        ROLE: Reference<Role> = 2, "role", "角色", "Role",
            "给出该授权的角色。", [required = true, indexed = true];
        /// What may be done, or is forbidden.
        ACTION: Choice<Action> = 3, "action", "操作", "Action",
            "被许可或禁止的操作。", [required = true];
        /// To whose records it applies.
        LEVEL: Choice<Level> = 4, "level", "范围", "Level",
            "适用于谁的记录。", [required = true];
        /// API names of fields that this grant does not show, separated by commas.
        HIDDEN_FIELDS: Text = 5, "hidden_fields", "隐藏字段", "Hidden fields",
            "该授权不显示的字段，填写 API 名称，以逗号分隔。", [];
        /// Whether it allows or forbids; it allows where nothing is said. One that forbids and names fields forbids
        /// these alone, of all records.
        EFFECT: Choice<Effect> = 6, "effect", "效果", "Effect",
            "许可或禁止，未填写时为许可；禁止且列出字段时，仅禁止这些字段，适用于所有记录。", [];
        /// API names of fields of which this grant to read shows a mask, separated by commas.
        MASKED_FIELDS: Text = 7, "masked_fields", "脱敏字段", "Masked fields",
            "读取时只显示掩码的字段，填写 API 名称，以逗号分隔。", [];
        /// API names of fields of which it shows a mask in lists, and the value in a record that is opened.
        LIST_MASKED_FIELDS: Text = 8, "list_masked_fields", "列表脱敏字段", "Fields masked in lists",
            "列表中只显示掩码、打开记录后显示原值的字段，填写 API 名称。", [];
        /// API names of fields that this grant to create or change leaves as they are.
        READ_ONLY_FIELDS: Text = 9, "read_only_fields", "只读字段", "Read-only fields",
            "新建或修改时不得更改的字段，填写 API 名称。", [];
        /// API names of the only fields that this grant shows, separated by commas. Whatever is not named is hidden,
        /// and so is every field that comes to be later.
        VISIBLE_FIELDS: Text = 10, "visible_fields", "可见字段", "Visible fields",
            "该授权仅显示的字段，填写 API 名称，以逗号分隔；未列出的字段及以后新增的字段均不显示。", [];
        /// API names of the only fields that this grant to create or change lets be set, separated by commas. Whatever is
        /// not named is left as it is, and so is every field that comes to be later.
        WRITABLE_FIELDS: Text = 11, "writable_fields", "可写字段", "Writable fields",
            "新建或修改时仅可填写的字段，填写 API 名称，以逗号分隔；未列出的字段及以后新增的字段均不得更改。", [];
    }
}

/// Who has which role.
pub mod role_assignment {
    use super::{Role, User, entity};
    use crate::schema::{DateTime, Reference, Text};

    entity! {
        /// Says that a user has a role.
        RoleAssignment = ("sys", 5, "role_assignment", "角色分配", "Role assignment",
            "表示某用户拥有某角色。", title "note", data_subject false);
        /// The user who has the role.
        USER: Reference<User> = 1, "user", "用户", "User",
            "获得该角色的用户。", [required = true, indexed = true];
        /// The role that the user has.
        ROLE: Reference<Role> = 2, "role", "角色", "Role",
            "分配给该用户的角色。", [required = true, indexed = true];
        /// Why the user was given the role.
        NOTE: Text = 3, "note", "说明", "Note",
            "分配该角色的缘由。", [];
        /// The guide, by its name, before whose end the role counts for nothing; the role counts at once if there is none.
        GUIDE: Text = 4, "guide", "前置引导", "Guide",
            "须先完成的引导的名称，完成之前该角色不生效；为空则立即生效。", [];
        /// When the user has done the guide. The engine keeps it.
        GUIDE_DONE_AT: DateTime = 5, "guide_done_at", "引导完成时间", "Guide done at",
            "该用户完成前置引导的时刻，由引擎维护。", [read_only = true];
    }
}

pub use grant::Grant;
pub use partition::Partition;
pub use role::Role;
pub use role_assignment::RoleAssignment;
pub use unit::Unit;
pub use user::User;
