//! Sharing rules, records that follow others, and pools.

use super::words;

words! {
    "Shares records of an entity that meet a condition with a user, a team, a role or a unit. Records that stand are \
     marked in chunks before it answers; each is open as soon as it is marked. By who may do as much to all records."
        => "把某实体中符合条件的记录共享给用户、团队、角色或部门。已有记录在应答前分批标记，标记后即可访问。仅限对全部记录\
         拥有同等权限的人。";
    "What the rule is called."
        => "规则的叫法。";
    "The entity of the records."
        => "记录所属的实体。";
    "The condition, as an expression over stored fields of the record, such as `industry == \"retail\"`."
        => "条件：仅涉及记录自身存储字段的表达式，如 `industry == \"retail\"`。";
    "read, edit or full, as of `record.share`."
        => "read、edit 或 full，同 `record.share`。";
    "The user with whom, by id or name; one of user, team, role and unit."
        => "共享给哪个用户，编号或名称；用户、团队、角色、部门四选一。";
    "The role with whose holders, by id or name."
        => "共享给拥有哪个角色的人，编号或名称。";
    "The unit with whose people, by id or name."
        => "共享给哪个部门的人，编号或名称。";
    "Whether people of the units below it are meant, too."
        => "是否包含下级部门的人。";
    "Changes a sharing rule; what is not said stays. A new condition makes another rule, whose id it gives; all else \
     holds from the next call on."
        => "修改共享规则，未指定的部分不变。新条件会另建一条规则并返回其编号；其余修改自下一次调用起生效。";
    "The rule."
        => "规则。";
    "What it is called."
        => "叫法。";
    "Another condition."
        => "新的条件。";
    "read, edit or full."
        => "read、edit 或 full。";
    "Whether it is switched off."
        => "是否停用。";
    "The user with whom, by id or name."
        => "共享给哪个用户，编号或名称。";
    "Takes a sharing rule away. It opens nothing from the next call on."
        => "删除共享规则，自下一次调用起不再放开任何记录。";
    "Lists the sharing rules that one may see, with how far records are marked for those that are new."
        => "列出本人可见的共享规则，以及新规则的记录标记进度。";
    "Lets records that refer to others by a field follow the access to these: who may read the one may read the \
     others, and with level edit or full do more to them as to it, by single shares, too."
        => "通过某字段引用其他记录的记录，随被引用记录的权限而定：可查看被引用记录的人也可查看引用它的记录，级别为 edit 或 full 时\
         可执行更多操作；单条共享同样随之传递。";
    "The entity of the records that refer."
        => "引用方记录所属的实体。";
    "The field by which they refer."
        => "引用所用的字段。";
    "Changes how much follows by a reference, and whether anything does. It holds from the next call on."
        => "修改通过引用传递的权限级别，或是否传递，自下一次调用起生效。";
    "The setting."
        => "该设置。";
    "Lets records follow by a reference no longer."
        => "不再通过该引用传递权限。";
    "Lists the references by which records follow the access to others."
        => "列出传递权限的引用。";
    "Goes on with marking records for sharing rules and references that are new, where that was interrupted."
        => "继续因新增共享规则、引用设置而中断的记录标记。";
    "Makes a record one's own that a pool owns which one is a member of. Of two who claim it the first gets it."
        => "领取本人所属公海中的记录，归为己有；多人领取时先到先得。";
    "Gives a record to a pool that one is a member of."
        => "把记录放回本人所属的公海。";
    "The pool, by id or name."
        => "公海的编号或名称。";
    "Lets a user or a team that takes part in a process, such as an approval, read a record until the process ends. The \
     process is a record that one may change; of the record that it is about it takes the right to share."
        => "让参与某流程（如审批）的用户或团队在流程结束前可查看记录。流程须是本人可修改的记录，并须有权共享其所涉记录。";
    "The team, by id or name; this or `user`."
        => "团队的编号或名称；与 `user` 二选一。";
    "The entity of the process."
        => "流程记录所属的实体。";
    "The record of the process."
        => "流程记录。";
    "Ends what people read because they take part in a process. By who may change its record."
        => "结束因参与流程而获得的查看权限，须有权修改该流程的记录。";
}
