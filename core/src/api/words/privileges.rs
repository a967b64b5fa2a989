//! Texts of the methods on who might have done what, on a second person for privileges, and on programs that sign in.

use super::words;

words! {
    "Explains why somebody might have done an action to a record at a moment of the past, or might not, by the \
     users, units, roles, grants, teams, shares and delegations of then, and by the owner that the record had."
        => "说明某人在过去某一时刻为何能够或不能对某条记录执行某项操作，依据当时的用户、部门、角色、授权、团队、共享和代理，\
         以及记录当时的所有者。";
    "Lists who might have done an action to a record at a moment of the past, and by which grants and shares of \
     then. For administrators."
        => "列出过去某一时刻可以对某条记录执行某项操作的人，以及当时依据的授权和共享。仅限管理员。";
    "Tells what a change of users, units, roles, positions, teams, grants, shares and delegations would open or \
     close, by person, entity and action, with counts and some records; for a delegate, by whom they act for. \
     Nothing of it is kept. For administrators."
        => "按人员、实体和操作说明对用户、部门、角色、岗位、团队、授权、共享和代理的变更会放开或收回什么，附数量和部分记录；\
         代理人按其所代理的人分别说明。不保留任何变更。仅限管理员。";
    "The changes in their order: `{do: create, entity, values, as}`, `{do: update, entity, id, values}`, `{do: \
     delete, entity, id}`, of entities of `sys`; `{do: share, entity, id, user, team, level, from, until, \
     reason}`; `{do: delegate, delegator, delegate, from, until, entities, note}`. Where `as` names a record that \
     is created, `@name` stands for it in what follows."
        => "按顺序列出的变更：`{do: create, entity, values, as}`、`{do: update, entity, id, values}`、`{do: delete, \
         entity, id}`，针对 `sys` 的实体；`{do: share, entity, id, user, team, level, from, until, reason}`；`{do: \
         delegate, delegator, delegate, from, until, entities, note}`。`as` 为新建的记录命名后，后面可用 `@name` \
         指代它。";
    "Asks a second person to agree to changes that one could make if none were needed. Nothing of them is done yet."
        => "请求第二人批准自己本可作出的变更；此时尚不执行。";
    "The changes in their order, as `access.simulate` takes them, and `{do: four_eyes, kinds}`, which makes \
     another list of what needs a second person."
        => "按顺序列出的变更，写法同 `access.simulate`；另有 `{do: four_eyes, kinds}`，用于改变须双人复核的范围。";
    "From when on nobody can agree to it any more, RFC 3339, within 90 days; in seven days if not said."
        => "此时刻起不能再批准，RFC 3339 格式，90 天以内；未指定时为七天后。";
    "Lists requests that wait for a second person or were decided: those that one may read, or has made."
        => "列出待批准或已决定的申请：自己有权查看的，或自己提出的。";
    "pending, approved, refused or withdrawn; all of them if not said."
        => "pending、approved、refused 或 withdrawn；未指定时为全部。";
    "Agrees to a request and does what it asks for. For somebody else than who asked or gains, who could have made \
     the changes alone and may approve requests."
        => "批准申请并执行其内容。批准人不得是申请人或获益人，须能独自作出这些变更，并有权批准申请。";
    "The request."
        => "申请。";
    "What is said about it."
        => "对此的说明。";
    "Refuses a request, for who could approve it."
        => "拒绝申请，限有权批准的人。";
    "Takes back a request that one has made."
        => "撤回自己提出的申请。";
    "Issues a token by which a service account signs in. Its text is told this once; the database keeps a hash."
        => "为服务账号签发登录令牌。令牌文本仅此一次给出，数据库只保存其散列值。";
    "The service account, by id or name."
        => "服务账号，填写编号或名称。";
    "What the token is for."
        => "令牌的用途。";
    "Until when it is good, RFC 3339; without end if not said."
        => "有效期至，RFC 3339 格式；未指定时不限期。";
    "Lists the tokens of a service account that were not taken back, without their secrets."
        => "列出服务账号未吊销的令牌，不含密文。";
    "Takes a token back. Sessions that were opened by it end at their next call."
        => "吊销令牌；以其登录的会话在下一次调用时结束。";
    "The token, as `token.list` tells it."
        => "令牌，见 `token.list`。";
    "The only fields that the grant shows, separated by commas; what is not named is hidden, and so is every field \
     that comes to be later."
        => "该授权仅显示的字段，以逗号分隔；未列出的字段及以后新增的字段均不显示。";
    "Lets a plugin act on its own account, where no user has called it, as a service account: with what the roles of that \
     account grant, and no more."
        => "准许插件在无用户调用时以某服务账号的身份自行操作，仅拥有该账号的角色所授予的权限。";
    "The plugin, by its id."
        => "插件的标识。";
    "The service account, by id or name. It has no tokens, and is no other plugin's."
        => "服务账号的编号或名称；不得有令牌，也不得属于其他插件。";
    "Why it may."
        => "准许的原因。";
    "Takes its account from a plugin. What it does on it ends at its next call."
        => "收回插件的账号，其自行操作在下一次调用时终止。";
    "Lists the plugins that may act on their own account."
        => "列出可自行操作的插件。";
    "Lists what the database remembers of the plugins that were ever loaded into it."
        => "列出数据库所记录的曾加载过的插件。";
    "Says whether anything may be written while a plugin is not loaded."
        => "设定某插件未加载时是否可以写入。";
    "Whether nothing is written without it; yes if nothing is said."
        => "缺少该插件时是否禁止写入；未说明时为是。";
    "Lists what plugins do by name and the user may call, each as a method of its name: actions, reports and models."
        => "列出用户可以调用的插件功能，每项都可按其名称作为方法调用：操作、报表与模型。";
    "Lists the jobs of plugins and when each is due. Those with a rule are done by `time.tick`, each as a record of \
     `sys.scheduled_job` with its name as `kind`; the others are for the host, which calls `plugin.run_job`."
        => "列出插件的任务及其到期时间。有规则的任务由 `time.tick` 执行，各对应一条 `kind` 为其名称的 `sys.scheduled_job` 记录；其余任务由宿主通过 `plugin.run_job` 调用。";
    "Lists the connectors of plugins: whether each brings records in, of which entities it tells a system outside what \
     has changed, and how far both have come."
        => "列出插件的连接器：是否导入记录，向外部系统通报哪些实体的变更，以及两者各自的进度。";
    "Has a connector bring in what came from outside since the last time, on the account of its plugin: all of it with \
     the place where it goes on, or nothing. A host calls it as often as it likes, and at once again while there is \
     `more`."
        => "让连接器以其插件的账号导入自上次以来的外部数据：全部数据与后续位置一并写入，否则全不写入。宿主可随时调用；若有 `more` 则立即再次调用。";
    "The connector, by its name."
        => "连接器的名称。";
    "Has a connector tell the system outside what has changed since the last time, as far as the account of its plugin \
     sees it. A change may be told twice, and none is left out."
        => "让连接器将自上次以来的变更告知外部系统，以其插件账号可见的范围为限。同一变更可能重复告知，但不会遗漏。";
    "Most changes; 100 if not said, 1000 at the most."
        => "最多的变更数；未指定时为 100，上限为 1000。";
    "Has a plugin do a job now, on the plugin's own account."
        => "令插件立即以其自有账号执行一项任务。";
    "The job, by its name."
        => "任务的名称。";
    "The only fields that the grant to create or update lets be set, separated by commas; what is not named is left as it \
     is, and so is every field that comes to be later."
        => "该新建或修改授权仅可填写的字段，以逗号分隔；未列出的字段及以后新增的字段均不得更改。";
    "Which form its masks have: nothing, phone, email, ends, name or magnitude; that of its type if not said."
        => "脱敏的形式：nothing、phone、email、ends、name 或 magnitude；未指定时依其类型。";
    "Writes what was entered since the last archive, with values, to a new file of the host, up to the newest \
     checkpoint that is signed, and remembers how far that goes. `examples/audit_verify` verifies it."
        => "将上次归档以来的审计条目（含内容）写入宿主的新文件，直至最新的已签名检查点，并记住归档到何处。\
         `examples/audit_verify` 可对其校验。";
    "Takes the values out of entries of the ledger that are archived and older than the setting \
     `audit.retention_days` keeps them. The chain verifies as before."
        => "去除已归档且超过设置 `audit.retention_days` 保留期的审计条目的内容，链式校验不受影响。";
    "Only says what would be taken out; no if not said."
        => "仅说明会去除什么；未指定时为否。";
}
