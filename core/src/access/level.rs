//! What a role may grant: an action on an entity at a level.

use crate::schema::declare::codes;

codes! {
    /// What is done to records of an entity.
    Action {
        /// Make new records.
        Create = "create", "新建", "Create";
        /// See records, in lists, counts, reports and searches.
        Read = "read", "查看", "Read";
        /// Change values.
        Update = "update", "修改", "Update";
        /// Delete records.
        Delete = "delete", "删除", "Delete";
        /// Give records to another owner.
        Assign = "assign", "分派", "Assign";
        /// Take records out in bulk.
        Export = "export", "导出", "Export";
        /// Bring records in in bulk.
        Import = "import", "导入", "Import";
        /// Let others see or change single records.
        Share = "share", "共享", "Share";
        /// Decide on what others ask for.
        Approve = "approve", "审批", "Approve";
        /// Lock records, so that nobody changes them.
        Lock = "lock", "锁定", "Lock";
        /// Change what the entity is, and for `*` the whole organisation.
        Administer = "administer", "管理", "Administer";
    }
}

codes! {
    /// What a grant does to the action that it names.
    Effect {
        /// Lets it be done.
        Allow = "allow", "允许", "Allow";
        /// Forbids it, whatever else allows it.
        Deny = "deny", "禁止", "Deny";
    }
}

codes! {
    /// Whose records a grant reaches; each level contains the one before it.
    Level {
        /// Nobody's.
        None = "none", "无", "None";
        /// One's own.
        Own = "own", "本人", "Own";
        /// One's own and those of everybody below in the reporting line.
        OwnAndSubordinates = "own_and_subordinates", "本人及下属", "Own and subordinates";
        /// All of one's unit, and what the level before reaches.
        Unit = "unit", "本部门", "Unit";
        /// All of one's unit and the units below it, and what the level before reaches.
        UnitAndChildren = "unit_and_children", "本部门及下级部门", "Unit and children";
        /// Everybody's.
        All = "all", "全部", "All";
    }
}
