//! Texts of methods on leads, on what is done with parties, and on pools.

use super::words;

words! {
    "The group."
        => "分组。";
    "Lists the contacts of a group, by their names, as far as the user sees the group, who is in it, and the contacts."
        => "按姓名列出分组内的联系人，以用户可见的分组、成员和联系人为限。";
    "Tells why a lead has its score: the rules of the active model that give it points, as far as the user sees the fields \
     and activities at which they look, and the points of all others as a sum."
        => "说明线索评分的由来：启用中的评分模型里计分的规则，以用户可见的字段和跟进记录为限，其余规则的分数合计给出。";
    "Makes a customer of a lead: account, contact and, unless it is said otherwise, a deal, all at once. What stands \
     already is found by name, phone and e-mail, and is not made again."
        => "将线索转化为客户：一次性生成客户、联系人，并在未另行指定时生成商机。已存在者按名称、电话和邮箱匹配，不重复新建。";
    "The lead."
        => "线索。";
    "The account that it is to belong to; one that matches, or a new one, if not said."
        => "所属客户；未指定时取匹配的客户，或新建。";
    "The contact that it is; one that matches, or a new one, if not said."
        => "对应联系人；未指定时取匹配的联系人，或新建。";
    "Whether no deal is made; no if not said."
        => "是否不生成商机；未指定时为否。";
    "What the deal is called; as the account if not said."
        => "商机名称；未指定时与客户同名。";
    "Whether nothing that stands is looked for; no if not said."
        => "是否不查找已有记录；未指定时为否。";
    "Takes the conversion of a lead back: what it made is deleted, what it found stays, and the lead is qualified again."
        => "撤销线索转化：删除转化时新建的记录，保留匹配到的记录，线索恢复为已确认。";
    "Tells which accounts and contacts a conversion would find for a lead, as far as the user sees them."
        => "列出转化该线索时将匹配到的客户和联系人，以用户可见者为限。";
    "Records something that was done with a party, and at once what follows from it: the next contact of a lead, and the \
     stage of a deal. One that has an effect moves the clocks by which pools wait."
        => "记录一次跟进，并同时更新由此产生的内容：线索的下次联系时间、商机的阶段。有效跟进会重新开始公海回收计时。";
    "Values of the activity by field name; `owner` names a user."
        => "按字段名给出的跟进记录各值；`owner` 为用户名。";
    "Lists what was done with a party, newest first; of an account also what was done with its contacts and for its \
     deals."
        => "列出对某对象的跟进，最新的在前；对客户还包括其联系人和商机的跟进。";
    "The entity of the party."
        => "对象所属的实体。";
    "The party."
        => "对象。";
    "Whether what was done with the accounts below it is among them, of an account; no if not said."
        => "对客户是否包括其下级客户的跟进；未指定时为否。";
    "Shows an account at one look: contacts, subsidiaries, deals with their totals, what was done, what is to be done and \
     what is to come, as far as the user sees it. Parts of which the user sees nothing are left out."
        => "一次列出客户全貌：联系人、下级单位、商机及合计、跟进、待办和将来的日程，以用户可见者为限。用户无权查看的部分不列出。";
    "The account."
        => "客户。";
    "Whether the accounts below it are looked at too; no if not said."
        => "是否包括下级客户；未指定时为否。";
    "Most rows of each part; 5 if not said, 50 at the most."
        => "每部分最多行数；未指定时为 5，上限 50。";
    "A condition on the activities."
        => "对跟进记录的条件。";
    "Lists the times of events that reach into a span of time, those that come again among them, the earliest first."
        => "列出某时段内的日程，包括重复日程的各次，最早的在前。";
    "The beginning of the span, RFC 3339."
        => "时段的开始，RFC 3339 格式。";
    "The end of the span, RFC 3339."
        => "时段的结束，RFC 3339 格式。";
    "A condition on the events."
        => "对日程的条件。";
    "Gives the events that reach into a span of time and the tasks that are due in it, of one person, as a file of \
     RFC 5545 (iCalendar): those that the user sees. Each time of an event that comes again stands for itself."
        => "将某人在某时段内的日程和到期任务导出为 RFC 5545（iCalendar）文件，以用户可见者为限。重复日程的各次分别列出。";
    "Whose; one's own if not said."
        => "所属人员；未指定时为本人。";
    "Tells what a pool would take back within some days, the first to go first, as things stand."
        => "按现状说明公海在若干天内将收回哪些记录，最先收回的在前。";
    "`account` or `lead`."
        => "`account`（客户）或 `lead`（线索）。";
    "Days from now; 30 if not said."
        => "自现在起的天数；未指定时为 30。";
    "Tells which records somebody has would go back within some days if a policy were other than it is. Nothing is \
     changed. At most 10000 records are looked at; with more there is a cursor."
        => "假定某公海规则有所不同，说明已有负责人的记录中哪些将在若干天内被收回。不作任何修改。至多查看 10000 条；更多时给出游标。";
    "The policy."
        => "公海规则。";
    "Values of the policy that are otherwise, by field name."
        => "规则中不同的各值，按字段名给出。";
    "Gives accounts to somebody else, each in one piece with what goes along as far as it is of the same owner. One for \
     which that cannot be done stays as it is. At most 10000 in one call; it is gone on with by the cursor, and taken \
     back by `record.undo_bulk`."
        => "将客户转移给他人，每个客户连同属于同一负责人的随转内容一并转移。无法转移的客户保持不变。每次至多 10000 个；可凭游标继续，并可用 `record.undo_bulk` 撤销。";
    "The accounts; these, or `filter`."
        => "客户；指定客户或 `filter`。";
    "A condition that the accounts meet."
        => "客户所满足的条件。";
    "Who gets them."
        => "接收人。";
    "What goes along: `contacts`, `open_opportunities`, `closed_opportunities`, `open_tasks`, `future_events`."
        => "随转内容：`contacts`、`open_opportunities`、`closed_opportunities`、`open_tasks`、`future_events`。";
    "What the owner before may still do: `read`, `edit` or `full`; nothing if not said."
        => "原负责人仍可执行的操作：`read`、`edit` 或 `full`；未指定时为无。";
    "Until when, RFC 3339; without end if not said."
        => "截止时刻，RFC 3339 格式；未指定时无截止。";
    "Most accounts of this call."
        => "本次最多处理的客户数。";
    "Tells how many accounts a transfer would move, and what would go along. Nothing is changed."
        => "说明一次转移将移动多少客户，以及随转的内容。不作任何修改。";
    "Lists what waits for the user who is signed in, by kinds: overdue tasks, today's tasks and events, reminders, leads \
     to contact, what goes back to a pool, deals that are late or stagnate. Kinds of which nothing waits are left out."
        => "按类列出当前用户的待办：逾期任务、今日任务和日程、提醒、待联系线索、即将收回的记录、逾期或停滞的商机。没有待办的类别不列出。";
    "Most rows of each kind; 20 if not said, 100 at the most."
        => "每类最多行数；未指定时为 20，上限 100。";
}
