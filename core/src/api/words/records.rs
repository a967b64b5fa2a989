//! Texts of methods on records, lists, views and files of records.

use super::words;

words! {
    "Lists the attachments of a record."
        => "列出记录的附件。";
    "Attaches a content of at most 8 MiB to a record."
        => "为记录添加附件，内容最大 8 MiB。";
    "What people call the file."
        => "文件的名称。";
    "Its media type; `application/octet-stream` if not said."
        => "媒体类型；未指定时为 `application/octet-stream`。";
    "The content as base64 with padding."
        => "内容，采用带填充的 base64。";
    "Reads an attachment, or a piece of it."
        => "读取附件或其中一段。";
    "The attachment."
        => "附件。";
    "Where the piece begins, in bytes; 0 if not said."
        => "该段的起始位置，按字节；未指定时为 0。";
    "Most bytes of the piece; 8 MiB if not said, and at the most."
        => "该段最多字节数；未指定时为 8 MiB，亦为上限。";
    "Takes an attachment from a record."
        => "移除记录的附件。";
    "Changes many records alike, in chunks: those that meet a condition, or those named by id. A record that \
     cannot be changed stays as it is, with its error. A call does at most 10,000 records; the cursor goes on."
        => "分批对多条记录作相同修改，可按条件或编号选取。无法修改的记录保持原样并附错误。每次调用最多处理 10,000 条；\
         用游标继续。";
    "The condition; either this or `ids`."
        => "条件；与 `ids` 二选一。";
    "The records; either these or `filter`."
        => "记录；与 `filter` 二选一。";
    "Values by field name; null empties a field."
        => "按字段名给出的值；null 表示清空字段。";
    "Most records of this call; 10,000 if not said."
        => "本次调用最多处理的记录数；未指定时为 10,000。";
    "Where the call before stopped."
        => "上一次调用停下的位置。";
    "Deletes many records softly, in chunks, as `record.bulk_update` changes them."
        => "分批软删除多条记录，方式同 `record.bulk_update`。";
    "Creates many records, in chunks and in the order of the rows. A row of which no record can be made is left \
     out, with its error. A call does at most 10,000 rows; the cursor goes on, with the same rows."
        => "按行的顺序分批新建多条记录。无法建成记录的行会跳过并附错误。每次调用最多处理 10,000 行；用游标和相同的行\
         继续。";
    "The records: of each its values by field name, as `record.create` takes them."
        => "记录：每条按字段名给出值，同 `record.create`。";
    "Most rows of this call; 10,000 if not said."
        => "本次调用最多处理的行数；未指定时为 10,000。";
    "Takes a batch back: after a mass edit each record that nobody has changed since gets its old values again, \
     after a mass deletion it is there again, with what went along with it and the references to it, and what \
     was created is deleted."
        => "撤销一个批次：批量修改后未再被改动的记录恢复原值；批量删除的记录连同一并删除的内容和指向它的引用一起恢复；\
         批量新建的记录被删除。";
    "The batch, as the call that began it gave it."
        => "批次，即开始该批次的调用所返回的值。";
    "Imports CSV text. Every row is taken, taken with a warning, or rejected with line, field and reason."
        => "导入 CSV 文本。每一行的结果为接受、接受但有警告，或拒绝并注明行号、字段和原因。";
    "The CSV text."
        => "CSV 文本。";
    "Column to field, where headings do not say it; the field `-` leaves a column out."
        => "标题无法识别时，列与字段的对应关系；字段 `-` 表示忽略该列。";
    "The column that is the row's key in the other system."
        => "作为该行在其他系统中主键的列。";
    "The name of the other system."
        => "其他系统的名称。";
    "Other spellings of references: what the file says, and what it means."
        => "引用的其他写法：文件中的写法及其含义。";
    "References that are created when no record has their title."
        => "引用的记录没有同名者时予以新建的引用字段。";
    "A text that stands for no value, such as `NULL`."
        => "表示没有值的文本，例如 `NULL`。";
    "Checks everything, and leaves nothing behind."
        => "只作全面检查，不留下任何内容。";
    "Imports records of any entities from a tree in JSON, as sObject Tree of Salesforce writes it: {records: \
     [{attributes: {type, referenceId}, field: value, reference: \"@referenceId\"}]}; or all trees that a plan \
     names, [{sobject, files: [name]}], as one import, of which each row says its file."
        => "从 JSON 树导入任意实体的记录，格式同 Salesforce 的 sObject Tree：{records: [{attributes: {type, \
         referenceId}, field: value, reference: \"@referenceId\"}]}；或将一个计划 [{sobject, files: [name]}] 所列的\
         所有树作为一次导入，每行注明所属文件。";
    "The JSON text of the tree or of the plan."
        => "树或计划的 JSON 文本。";
    "For a plan: the JSON text of each of its files by its name there."
        => "用于计划：按其中的文件名给出每个文件的 JSON 文本。";
    "Key to field, where keys do not say it; the field `-` leaves a key out."
        => "键名无法识别时，键与字段的对应关系；字段 `-` 表示忽略该键。";
    "Type in the file to entity, where several entities, or none, have the type's name."
        => "文件中的类型与实体的对应关系，用于多个实体同名或没有同名实体的情形。";
    "The name of the other system, whose keys the references are."
        => "其他系统的名称，引用即该系统的键。";
    "Says which column of CSV text would go to which field."
        => "说明 CSV 文本的各列将对应哪个字段。";
    "The CSV text; its first line is enough."
        => "CSV 文本；首行即可。";
    "Column to field, where headings do not say it."
        => "标题无法识别时，列与字段的对应关系。";
    "Reads the fact of a key that holds on a day; with a moment or an entry of the ledger, by what was known \
     then, as `record.get_as_of` tells a record."
        => "读取某个键在某日成立的事实；指定时刻或账本条目时，以当时所知为准，如同 `record.get_as_of` 读取记录。";
    "Values of the fields of the key by name."
        => "按名称给出键字段的值。";
    "The day; today if not said."
        => "日期；未指定时为今天。";
    "The moment; the present if neither this nor `position` is said."
        => "时刻；此项与 `position` 均未指定时为当前。";
    "The entry of the ledger."
        => "账本条目。";
    "Ends the fact that holds on a day, and lets another one follow from that day on, up to the day on which the \
     first would have ended: with its key, and its values but for those that are said."
        => "结束在某日成立的事实，并由另一事实自该日起接续，直至原事实本应结束之日：键不变，除另行指定的值外均沿用。";
    "The fact; this or `key`."
        => "事实；与 `key` 二选一。";
    "Values of the fields of its key by name; these or `id`."
        => "按名称给出其键字段的值；与 `id` 二选一。";
    "The day from which on the other one holds; today if not said."
        => "新事实开始成立的日期；未指定时为今天。";
    "A repeated request with this key gets the first answer."
        => "幂等键：以相同键重复的请求得到第一次的结果。";
    "Writes a value as people of a language write it, by the patterns of the Unicode CLDR."
        => "按某种语言的习惯书写一个值，依据 Unicode CLDR 的格式。";
    "`number`, `percent`, `amount`, `date`, `time`, `datetime`, `duration`, `address` or `person_name`."
        => "`number`、`percent`、`amount`、`date`、`time`、`datetime`、`duration`、`address` 或 `person_name`。";
    "The value, as fields of the type have it: decimals, days and moments as text, `{amount, currency}`, the \
     parts of an address or a name."
        => "值，写法同相应类型的字段：小数、日期和时刻为文本，金额为 `{amount, currency}`，地址或姓名按各部分给出。";
    "For days and times `short`, `medium`, `long` or `full`; for amounts `standard`, `accounting` (negative ones \
     in parentheses) or `capital` (Chinese capital numerals, for CNY). `medium` and `standard` if not said."
        => "日期和时间可用 `short`、`medium`、`long` 或 `full`；金额可用 `standard`、`accounting`（负数加括号）或 \
         `capital`（中文大写，限 CNY）。未指定时为 `medium` 和 `standard`。";
    "For number and percent: digits after the point; at most three if not said."
        => "用于数字和百分比：小数位数；未指定时最多三位。";
    "The language, `zh-Hans` or `en`; the session's if not said."
        => "语言，`zh-Hans` 或 `en`；未指定时用会话的语言。";
    "For datetime: the zone, an IANA name; the database's if not said."
        => "用于 datetime：时区的 IANA 名称；未指定时用数据库的时区。";
    "Reads a number, share, amount or day as people write it: `1,234.5`, `１２３４．５`, `1.5万`, `¥12`, `2026年5\
     月4日`. What could mean two things, as the day 5/4/2026, is refused unless the order is said."
        => "读取人们书写的数字、百分比、金额或日期：`1,234.5`、`１２３４．５`、`1.5万`、`¥12`、`2026年5月4日`。有歧\
         义的写法（如日期 5/4/2026）会被拒绝，除非指明顺序。";
    "`number`, `percent`, `amount` or `date`."
        => "`number`、`percent`、`amount` 或 `date`。";
    "What was written."
        => "所写的内容。";
    "For days in numbers alone: `day_first` or `month_first`."
        => "用于纯数字日期：`day_first` 或 `month_first`。";
    "For amounts that name no currency: its ISO 4217 code; the base currency if not said."
        => "未注明货币的金额所用的 ISO 4217 代码；未指定时为本位币。";
    "Tells the versions of a record, newest first. A value of a forgotten person reads {\"erased\": true}."
        => "列出记录的各个版本，最新的在前。已被遗忘的人的值显示为 {\"erased\": true}。";
    "Versions before this one, by its position; the newest ones if not said."
        => "此位置之前的版本；未指定时为最新的版本。";
    "Most versions; 100 if not said, 1000 at the most."
        => "最多版本数；未指定时为 100，最多 1000。";
    "Takes the values of versions out of the ledger that are older than the setting `history_days` keeps for \
     their entity. Their headers and commitments stay, so that the ledger verifies as before; whoever asks for \
     them is told `history.expired`. It goes in chunks, and a call that was interrupted is gone on with by the \
     next one."
        => "从账本中清除超出其实体 `history_days` 设置期限的旧版本的值。条目头和承诺值保留，账本仍可照常校验；读取这\
         些值时返回 `history.expired`。分批进行，中断后由下一次调用继续。";
    "Only says how many versions would lose their values; no if not said."
        => "仅预演，说明有多少版本会失去其值；未指定时为否。";
    "Reads a record as it was at a moment or after an entry of the ledger, within today's permissions."
        => "在目前的权限之内，读取记录在某一时刻或某条账本条目之后的样子。";
    "The moment; this or `position`."
        => "时刻；与 `position` 二选一。";
    "The entry of the ledger; this or `at`."
        => "账本条目；与 `at` 二选一。";
    "Reads one field of a record as it was."
        => "读取记录的某个字段当时的值。";
    "Tells what differs between two states of a record. Where it was not there, it has no values."
        => "说明记录两个状态之间的差异。记录不存在时没有值。";
    "The earlier moment; this or `from_position`."
        => "较早的时刻；与 `from_position` 二选一。";
    "The earlier entry of the ledger; this or `from`."
        => "较早的账本条目；与 `from` 二选一。";
    "The later moment; this or `to_position`."
        => "较晚的时刻；与 `to_position` 二选一。";
    "The later entry of the ledger; this or `to`."
        => "较晚的账本条目；与 `to` 二选一。";
    "Lists records as they were, a chunk at a time: those that were there then and met the condition. A \
     chunk may be empty, and more to come; the list ends where there is no cursor. Conditions along \
     references are held against what these led to then. With `sort` each call looks at all records of \
     the entity, and gives a page in that order."
        => "分批列出当时存在且符合条件的记录及其当时的样子。某批可能为空，但后面仍有内容；没有游标时结束。沿引用的条件以引用当时所指的记录为准。\
         给出 `sort` 时，每次调用查看该实体的全部记录，并按该顺序返回一页。";
    "The moment; this or `position`, and neither with a cursor."
        => "时刻；与 `position` 二选一，使用游标时均不指定。";
    "The condition."
        => "条件。";
    "The day on which the records held, by what was known then; whenever if not said."
        => "记录成立的日期，以当时所知为准；未指定时不限。";
    "Most records that the chunk looks at; 100 if not said, 1000 at the most."
        => "该批最多查看的记录数；未指定时为 100，最多 1000。";
    "Where the chunk or the page before ended."
        => "上一批或上一页结束的位置。";
    "Lists deleted records, a chunk at a time. A chunk may be empty, and more to come; the list ends where there \
     is no `after`."
        => "分批列出已删除的记录。某批可能为空，但后面仍有内容；没有 `after` 时结束。";
    "The last record that the chunk before looked at."
        => "上一批最后查看的记录。";
    "Tells which records were created, changed, deleted or forgotten behind a position of the ledger, of those \
     that the user may see now: no values, and of the changed fields those that the user may see. There may be \
     none, and more to come. Ask again with the position of the answer; without one, the answer is the newest \
     position."
        => "说明账本某一位置之后新建、修改、删除或被遗忘的记录，仅限用户目前可见者：不含值，所列字段仅限用户可见者。某次可\
         能为空，但后面仍有内容。用回答中的位置继续查询；未指定位置时，回答最新的位置。";
    "The position behind which to begin: 0 for the beginning; none for the newest one."
        => "从此位置之后开始：0 为最开头；未指定时为最新位置。";
    "The entities; all if not said."
        => "实体；未指定时为全部。";
    "Most changes; 256 if not said, 1000 at the most."
        => "最多变更数；未指定时为 256，最多 1000。";
    "Brings a deleted record back, as it was."
        => "恢复已删除的记录，与删除前一致。";
    "Gives a layout of an entity with the fields that the user sees: the user's own by `layout.save`, else one \
     that `schema.define_layout` or a package declared, the customer's before those of packages, for the record \
     type before those for all types, for the device before those for all, and for a role or the partition of \
     the user before those for everybody; else the title first, then what is required, then what is indexed. \
     `by` names the fields that say where a record stands in a kanban, calendar or timeline. `visible_when` is \
     an expression over fields that the user sees, and `visible` whether it holds of the record, if one is given."
        => "给出实体的布局及用户可见的字段：优先取用户用 `layout.save` 自存的布局，其次取 `schema.define_layout` 或\
         软件包声明的布局，其中客户的先于软件包的，指定记录类型的先于通用的，指定设备的先于通用的，指定角色或用户\
         所在分区的先于面向所有人的；都没有时，标题在前，必填字段其次，有索引的字段再次。`by` 指明决定记录在看板、\
         日历或时间轴中位置的字段。`visible_when` 是基于用户可见字段的表达式；若指定了记录，`visible` 说明其是否\
         成立。";
    "`list`, `detail`, `form`, `kanban`, `calendar` or `timeline`."
        => "`list`、`detail`、`form`、`kanban`、`calendar` 或 `timeline`。";
    "The code of a record type, for the fields of that type and those that belong to all; every field if not \
     said."
        => "记录类型的代码，只取该类型的字段和各类型共有的字段；未指定时为所有字段。";
    "`phone` or `desktop`, for the layout of that class of devices; the one for all if not said."
        => "`phone` 或 `desktop`，取用于该类设备的布局；未指定时取通用布局。";
    "A record: the layout of its type, with `visible` for what has a condition."
        => "记录：取其类型的布局，并对有条件的内容给出 `visible`。";
    "A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said."
        => "BCP 47 语言标记：有该语言译文的标签和帮助文本按译文显示；未指定时用会话的语言。";
    "Declares a layout of an entity for this customer, in place of the one for the same kind, record type, \
     device, role and partition. It needs the right to administer the entity. Nobody sees a field by it that is \
     hidden from them."
        => "为客户声明实体的布局，替换相同类型、记录类型、设备、角色和分区的布局。需要该实体的管理权限。布局不会让任\
         何人看到对其隐藏的字段。";
    "The layout: {kind, record_type, device, role, partition, by, sections: [{label: {zh, en}, fields, \
     visible_when}], hidden, append, visible_when}. `kind` is one that `schema.layout` knows, `record_type` a \
     code, `device` `phone` or `desktop`, and `role` and `partition` names of those for whose people alone it is; \
     `fields` and `hidden` name fields, and `owner`, `unit`, `created_at`, `modified_at` and `tags`; the \
     `fields` of a list are its columns; `by` is the field of a kanban's columns, the first and the last day of \
     a calendar, or the moments of a timeline; `visible_when` is an expression under whose condition alone a \
     section is shown, or, by name, a field. Fields that it does not name stand behind the others, unless \
     `append` is false."
        => "布局：{kind, record_type, device, role, partition, by, sections: [{label: {zh, en}, fields, \
         visible_when}], hidden, append, visible_when}。`kind` 为 `schema.layout` 所列之一，`record_type` 为代码，\
         `device` 为 `phone` 或 `desktop`，`role` 和 `partition` 为名称，布局仅供其人员使用；`fields` 和 \
         `hidden` 列出字段，以及 `owner`、`unit`、`created_at`、`modified_at` 和 `tags`；列表的 `fields` 即其列；\
         `by` 为看板的分列字段、日历的首日和末日，或时间轴的时刻；`visible_when` 为表达式，成立时才显示该区块，或\
         按字段名指定的字段。未列出的字段排在其后，除非 `append` 为否。";
    "Takes a layout of the customer's own back; then what a package declares or the registry gives holds again."
        => "撤回客户自定义布局；恢复为软件包声明的布局或默认布局。";
    "The kind."
        => "类型。";
    "The code of its record type, if it is for one."
        => "适用的记录类型代码，如有。";
    "The name of its role, if it is for one."
        => "适用的角色名称，如有。";
    "Its class of devices, if it is for one."
        => "适用的设备类别，如有。";
    "The name of its partition, if it is for one."
        => "适用的分区名称，如有。";
    "Lists the layouts of an entity that the customer or packages declared, for who may administer the entity."
        => "列出客户或软件包为实体声明的布局，供有该实体管理权限者使用。";
    "Makes a layout that holds for the user alone and goes before all others, in place of the user's own for the \
     same kind, record type and device. It names what the user sees, and shows nothing else."
        => "保存仅供用户本人使用的布局，优先于其他所有布局，并替换本人相同类型、记录类型和设备的布局。只列出用户可见\
         的内容，不会显示其他内容。";
    "The layout, as `schema.define_layout` takes it, without role and partition."
        => "布局，格式同 `schema.define_layout`，但不含角色和分区。";
    "Takes the user's own layout back; then what others declared, or the registry gives, holds again."
        => "撤回用户本人的布局；恢复为他人声明的布局或默认布局。";
    "Keeps settings of the user alone, in place of those with the same names, for a host that remembers them \
     between two sittings. They change nothing that anybody else sees. At most 200, and 48 KiB of them."
        => "保存用户自己的设置，替换同名的设置，供宿主程序在两次使用之间记住。不改变其他任何人看到的内容。最多 200 项，共 \
         48 KiB。";
    "Values of any kind by names such as `till.receipt_width`, of at least two parts of small Latin letters, \
     digits and `_`; `null` takes one away."
        => "按名称给出的任意值，名称如 `till.receipt_width`，至少由两段小写拉丁字母、数字和 `_` 组成；`null` 表示移除。";
    "Gives the settings that the user has kept, by name."
        => "按名称给出用户保存的设置。";
    "Only those whose names begin like this; all if not said."
        => "只取名称以此开头的设置；未指定时为全部。";
    "Lists the layouts of an entity that the user has made for themselves."
        => "列出用户为实体自存的布局。";
    "Lists the entities that the user may read, for a host's navigation, and the layouts that have something to \
     show of each; and the modules that are on, in their order, each with those of its entities."
        => "列出用户可读取的实体供宿主导航，以及每个实体有内容可显示的布局；并按顺序列出已启用的模块及其中属于该模块\
         的实体。";
    "Finds what the user may do or open by the beginning of a word of its name, in Chinese, English or pinyin: \
     commands, entities, saved views, and records looked at lately or kept at hand. Best first; with no text \
     what is at hand comes first."
        => "按名称中某个词的开头（中文、英文或拼音）查找用户可执行或打开的内容：命令、实体、保存的视图，以及最近查看\
         或收藏的记录。最匹配的在前；未输入时先列出手边的内容。";
    "What was typed."
        => "输入的内容。";
    "Most items; 20 if not said, 100 at the most."
        => "最多项数；未指定时为 20，最多 100。";
    "Lists records, a page at a time: with the fields that are wanted, the titles of the records that \
     they refer to, and how many there are. A condition may go along references, as \
     `account.owner.name`, at most three of them, and back along them: `{\"has\": {\"entity\": \
     \"contact\", \"by\": \"account\", \"where\": {…}}}` and `{\"has_none\": …}` speak of the records, \
     or links of a relation, that refer to the one asked for; with `valid_at`, of those alone that hold \
     on that day. A symmetric relation is found from both of its sides. Groups, sums and other figures \
     over the records of a condition are what `report.run` works out."
        => "分页列出记录：可指定字段、所引用记录的标题，以及总数。条件可沿引用展开，如 `account.owner.name`，\
         最多三级；也可反向：`{\"has\": {\"entity\": \"contact\", \"by\": \"account\", \"where\": {…}}}` 和 `{\"has_none\": …}` 针对引用该记录的记录或关系链接；\
         给出 `valid_at` 时仅指当日有效的联系。对称关系从两端都能找到。对符合条件的记录分组、求和等由 `report.run` 完成。";
    "The day on which the records hold, where they hold on some days; whenever if not said."
        => "记录成立的日期（如其按日期成立）；未指定时不限。";
    "Fields in order; `-amount` falls."
        => "按顺序列出的排序字段；`-amount` 表示降序。";
    "How texts sort: `code_point`, `pinyin`, `stroke` or `surname`; `code_point` if not said."
        => "文本的排序方式：`code_point`、`pinyin`、`stroke` 或 `surname`；未指定时为 `code_point`。";
    "A BCP 47 tag: texts that have a translation in this language are told, compared and sorted by it. No index \
     knows translations."
        => "BCP 47 语言标记：有该语言译文的文本按译文显示、比较和排序。索引不含译文。";
    "The fields that the rows have; all if not said."
        => "各行包含的字段；未指定时为全部。";
    "Whether the titles of the records that the rows refer to come along, by id."
        => "是否按编号附上各行所引用记录的标题。";
    "How far records are counted: `none`, `bounded` (to 10,000) or `exact`; `none` if not said."
        => "计数的范围：`none`、`bounded`（至 10,000）或 `exact`；未指定时为 `none`。";
    "Counts records, and says where the count comes from: `counters` that writes keep, the keys of an `index`, \
     or a `scan` of the records."
        => "统计记录数，并说明数字的来源：写入时维护的 `counters`、`index` 的键，或对记录的 `scan`。";
    "How far records are counted: `bounded` (to 10,000) or `exact`; `bounded` if not said. What counters answer \
     is exact in either case."
        => "计数的范围：`bounded`（至 10,000）或 `exact`；未指定时为 `bounded`。由计数器得出的总是精确值。";
    "A BCP 47 tag: texts that have a translation in this language are compared by it."
        => "BCP 47 语言标记：有该语言译文的文本按译文比较。";
    "Says how a list would be read: by which index, which of its components the condition fixes or bounds, how \
     many ranges are merged, how many conditions are held against each record, whether rows come in order, about \
     how many keys are read in all, and where a count comes from. Alternatives that are answered by an index \
     each are listed with their indexes; the index is called `any` then. `keys` is known from `counters`, from \
     the `index` that was counted, from a `sample` of it, or there are `more` than so many; of links, whose ends \
     the reader may not see, it is not told."
        => "说明列表将如何读取：使用哪个索引、条件固定或限定其哪些组成字段、合并多少个区间、每条记录要判断多少个条件、\
         各行是否有序、总共约读取多少个键，以及总数的来源。各用一个索引的多个候选条件会列出各自的索引，此时索引记\
         为 `any`。`keys` 得自 `counters`、统计过的 `index` 或其 `sample`，或超过某个数量而记为 `more`；对读者可\
         能看不到两端的链接则不予说明。";
    "The day on which the records hold."
        => "记录成立的日期。";
    "The language of the texts, as `query.run` takes it."
        => "文本的语言，同 `query.run`。";
    "Lists the spans of time around now that the operator `within` takes, in the session's language."
        => "以会话的语言列出运算符 `within` 可用的、相对于当前的时间段。";
    "Creates a record."
        => "新建记录。";
    "Values by field name; `owner` names a user."
        => "按字段名给出的值；`owner` 为用户。";
    "Lists the steps that leave the states of a record, with whether each is open to it now."
        => "列出记录可离开当前状态的各个步骤，以及目前是否可用。";
    "Reads a record."
        => "读取记录。";
    "A BCP 47 tag: texts that have a translation in this language are told in it."
        => "BCP 47 语言标记：有该语言译文的文本按译文显示。";
    "Sets the text of a translatable field in other languages. Lists sort and filter by the text itself unless \
     they name a language, and search finds all of them."
        => "设置可翻译字段的其他语言译文。列表按原文排序和筛选，除非指定语言；搜索可找到所有译文。";
    "Texts by BCP 47 tag; null takes one away, and what is not named stays."
        => "按 BCP 47 语言标记给出的文本；null 表示移除，未列出的保持不变。";
    "The version that the record must have."
        => "记录应有的版本。";
    "Changes a record."
        => "修改记录。";
    "Creates the record of an external id, or changes the one that bears it."
        => "按外部编号新建记录，已有则修改。";
    "The other system."
        => "其他系统。";
    "Its key."
        => "其键。";
    "Values by field name."
        => "按字段名给出的值。";
    "Locks a record: nobody changes it any more, its owner, tags and attachments included, nor deletes it, until \
     it is unlocked. It takes the rights to lock the record and to change it."
        => "锁定记录：解锁之前任何人不得修改（包括负责人、标签和附件）或删除。需要锁定和修改该记录的权限。";
    "Why, for whoever reads the record."
        => "原因，供查看记录的人了解。";
    "Unlocks a record that the user has locked; one of somebody else only who may administer the entity."
        => "解锁用户本人锁定的记录；他人锁定的记录须有该实体的管理权限。";
    "Why, for the ledger."
        => "原因，记入账本。";
    "Deletes a record softly."
        => "软删除记录。";
    "Lists records, a page at a time."
        => "分页列出记录。";
    "Reads what stands above and below a record in a tree of its entity, as far as the user sees."
        => "读取记录在其实体的层级树中的上级和下级，以用户可见者为限。";
    "The field that names the record above; the only one that makes a tree if not said."
        => "指明上级记录的字段；未指定时为唯一构成层级树的字段。";
    "Most records below it; 100 if not said."
        => "最多下级记录数；未指定时为 100。";
    "Counts records."
        => "统计记录数。";
    "Declares a relation of the customer's own: links between records, in a role at each end, with fields of its \
     own. A relation of this name that stands changes its labels, what becomes of links on a deletion, and a \
     cardinality that becomes looser."
        => "声明客户自定义关系：记录之间的链接，两端各有角色，并可有自己的字段。已有同名关系时，可更改标签、删除时对\
         链接的处理，以及放宽基数。";
    "What people read, in Chinese."
        => "显示的中文。";
    "What people read, in English."
        => "显示的英文。";
    "The side that a link goes out from: {entities, label: {zh, en}, name, on_delete}. The name of the field is \
     `from` if not said, on_delete is `restrict` or `cascade`."
        => "链接的起始端：{entities, label: {zh, en}, name, on_delete}。字段名未指定时为 `from`，on_delete 为 \
         `restrict` 或 `cascade`。";
    "The side that it leads to, likewise; its field is called `to` if not said."
        => "链接的目标端，格式相同；字段名未指定时为 `to`。";
    "`many_to_many`, `many_to_one` or `one_to_one` on any one day; `many_to_many` if not said."
        => "任一日期内的 `many_to_many`、`many_to_one` 或 `one_to_one`；未指定时为 `many_to_many`。";
    "Whether a link says the same of both ends; no if not said."
        => "链接对两端的含义是否相同；未指定时为否。";
    "Whether a record may be linked to itself; no if not said."
        => "记录可否与自身链接；未指定时为否。";
    "Whether links hold from `valid_from` up to `valid_to`, which is not among the days; no if not said."
        => "链接是否从 `valid_from` 起至 `valid_to`（不含当日）有效；未指定时为否。";
    "Its own fields, as packages have them, without numbers."
        => "自有字段，格式同软件包，不含编号。";
    "Links two records."
        => "链接两条记录。";
    "The relation."
        => "关系。";
    "The record that the link goes out from."
        => "链接的起始记录。";
    "The record that it leads to."
        => "链接的目标记录。";
    "The first day on which it holds; it has no beginning if not said."
        => "有效的首日；未指定时没有起点。";
    "The day from which on it no longer holds; it has no end if not said."
        => "自该日起不再有效；未指定时没有终点。";
    "Values of the relation's own fields by name."
        => "按名称给出关系自有字段的值。";
    "Ends a link from a day on, or deletes it where it would not have held on any day, or where the relation has \
     no validity."
        => "使链接自某日起终止；若链接任何一天都不曾有效，或关系没有有效期，则删除。";
    "The link; this, or `from` and `to`."
        => "链接；与 `from` 和 `to` 二选一。";
    "The day from which on it no longer holds; today if not said."
        => "自该日起不再有效；未指定时为今天。";
    "Lists the links of a record whose both ends the user sees, a page at a time. A page may be empty, and more \
     to come; the list ends where there is no cursor."
        => "分页列出记录的链接，限用户可见两端者。某页可能为空，但后面仍有内容；没有游标时结束。";
    "The entity of the record."
        => "该记录的实体。";
    "The side at which the record stands, by the name of its field; either one if not said."
        => "记录所在的一端，以其字段名指明；未指定时为任一端。";
    "The day on which the links hold; all that ever did or will if not said."
        => "链接有效的日期；未指定时包括过去和将来的全部链接。";
    "Most links; 100 if not said, 1000 at the most."
        => "最多链接数；未指定时为 100，最多 1000。";
    "Counts the links of a record whose both ends the user sees. No link of another record is read."
        => "统计记录的链接数，限用户可见两端者。不读取其他记录的链接。";
    "How far they are counted: `none`, `bounded` (the first 10,000 links of the record are looked at) or `exact`; \
     `bounded` if not said."
        => "计数的范围：`none`、`bounded`（查看该记录的前 10,000 个链接）或 `exact`；未指定时为 `bounded`。";
    "Works out a report over the records that meet a condition, which is as `query.run` takes it. A measure is \
     `\"count\"`, `{\"sum\": field}`, `{\"mean\": field}`, `{\"min\": field}`, `{\"max\": field}`, `{\"distinct\": field}` \
     (how many different values there are), `{\"share\": condition, \"of\": condition}` or `{\"mean_days\": [from, \
     to]}`; a group is `\"field\"`, `\"reference.field\"` or `\"field:month\"` with day, week, month, quarter or year."
        => "对符合条件的记录计算报表，条件同 `query.run`。指标可为 `\"count\"`、`{\"sum\": field}`、`{\"mean\": field}`、\
         `{\"min\": field}`、`{\"max\": field}`、`{\"distinct\": field}`（不同值的个数）、`{\"share\": condition, \"of\": \
         condition}` 或 `{\"mean_days\": [from, to]}`；分组可为 `\"field\"`、`\"reference.field\"` 或 `\"field:month\"`，\
         时间单位为 day、week、month、quarter 或 year。";
    "The groups."
        => "分组。";
    "The measures; the count if not said."
        => "指标；未指定时为计数。";
    "Searches every entity that the user may read, or one, best first. Every word must match. `\"two words\"` are \
     a phrase, `-word` must not match, `a OR b` is either, `(…)` a group, `name:word` looks in one field alone, and \
     `wor*` for a beginning; of one entity `amount:>1000` and `amount:10..20` compare. What makes no sense is told \
     in `faults`, by its place and length in characters, and the text is read without it, as `read_as` says. Hits \
     are `near` where none has the words as they are written; `corrected` has the misspelt ones put right. While the \
     index is being made anew, `incomplete` has the records it has, of how many, and the entries of the ledger that \
     it has not looked at; otherwise it is null."
        => "搜索用户可读取的所有实体或其中之一，最匹配的在前。每个词都须匹配。`\"two words\"` 为短语，`-word` 表示不得出现，\
         `a OR b` 为任一，`(…)` 为分组，`name:word` 只在某个字段中查找，`wor*` 查找词头；限定一个实体时，`amount:>1000` 与 \
         `amount:10..20` 作比较。无法理解之处列于 `faults`，给出以字符计的位置与长度，其余部分照常解读，见 `read_as`。没有结果\
         照原文匹配时，结果为近似（`near`）；`corrected` 为更正后的文字。索引重建期间，`incomplete` 给出已收录的记录数、总数\
         及尚未查看的账本条目数；否则为 null。";
    "Finds records that have telling words in common with one, the most alike first. `incomplete` is as in \
     `search.find`."
        => "查找与某条记录有共同特征词的记录，最相似的在前。`incomplete` 同 `search.find`。";
    "The one entity of which records are wanted; all if not said."
        => "只查找某个实体的记录；未指定时为全部。";
    "Tells how far the search index has come: `progress` is null where it is complete. `texts` are the attachments \
     whose texts are still to be read, and those whose extractor failed too often."
        => "告知搜索索引的进度：已完整时 `progress` 为 null。`texts` 为尚待读取文本的附件数，以及提取器失败次数过多的附件数。";
    "Has the host's extractors read the texts of attachments that wait for it, so that search finds the records by \
     them. Tells how many have a text now, how many have none or are too large, and how many could not be read. \
     Those are tried three times, and once more with `again`."
        => "由宿主的提取器读取待处理附件中的文本，使搜索能据此找到记录。告知已取得文本的数量、没有文本或过大的数量，以及未能读取的\
         数量。后者共尝试三次，指定 `again` 时再次尝试。";
    "Most attachments; 100 if not said."
        => "最多附件数；未指定时为 100。";
    "Whether all attachments without a text wait once more: those that could not be read, and those that were \
     attached before there was an extractor."
        => "是否让所有没有文本的附件重新待处理：包括未能读取的，以及在有提取器之前添加的。";
    "Keeps a text of an attachment that the host has read itself, in place of the one before, so that search finds \
     the record by it."
        => "保存由宿主自行读取的附件文本，取代原有文本，使搜索能据此找到记录。";
    "The text, at most 1 MiB of UTF-8; an empty one takes the text away."
        => "文本，UTF-8 编码最大 1 MiB；空文本表示去除原有文本。";
    "Brings the search index up to date, however far it is behind, and makes it durable. It stops when it is \
     cancelled, and what was done until then stays done."
        => "使搜索索引追上最新状态并持久保存，无论落后多少。取消时停止，已完成的部分保留。";
    "A condition that the hits of one entity meet besides; at most 10,000 records may match the words then."
        => "某个实体的结果还须满足的条件；此时匹配各词的记录最多为 10,000 条。";
    "Fields of the one entity in order, `-amount` falls; the best hits first if not said."
        => "该实体的排序字段，`-amount` 为降序；未指定时最匹配的在前。";
    "Fields of the one entity whose values are counted among the hits."
        => "该实体中需统计结果取值的字段。";
    "Groups of words that stand for each other, as `[[\"有限公司\", \"Ltd\"]]`, beside those of the setting \
     `search.synonyms`."
        => "可互相替代的词，分组给出，如 `[[\"有限公司\", \"Ltd\"]]`，与设置 `search.synonyms` 中的合并使用。";
    "What hits of an entity count, by its API name, as `{\"account\": 2}`; 1 if not said."
        => "各实体结果的权重，按 API 名称给出，如 `{\"account\": 2}`；未指定时为 1。";
    "What is added to the score of a record that was changed now, as a part of it; half is left after 30 days."
        => "刚更改的记录所加的分数，以其得分的比例计；30 天后减半。";
    "What is added to the score of the user's own records, as a part of it."
        => "用户自己的记录所加的分数，以其得分的比例计。";
    "Whether records that have only some of the words are found where none has all."
        => "没有记录包含全部词时，是否查找只含其中一部分的记录。";
    "Keeps a search under a name, in place of the user's own one of this name. With `alerts` the user is told of \
     records that match and are created from now on."
        => "按名称保存搜索，替换用户自己的同名搜索。设置 `alerts` 后，此后新建且匹配的记录会提醒用户。";
    "What the user calls it."
        => "用户对它的叫法。";
    "Whether the user wants to know of new matches."
        => "用户是否希望得知新的匹配记录。";
    "Lists the searches that the user keeps, by name."
        => "按名称列出用户保存的搜索。";
    "Forgets a search that the user keeps."
        => "删除用户保存的一个搜索。";
    "The search."
        => "该搜索。";
    "Tells of records that were created since the user last looked and match a search that the user keeps with \
     alerts, as the user sees them now. They are told again until `search.acknowledge` is given `until`; with `more` \
     there are later entries of the ledger to look at after that."
        => "告知自用户上次查看以来新建、且与其设有提醒的搜索相匹配的记录，以用户当前可见为准。在以 `until` 调用 \
         `search.acknowledge` 之前会重复告知；`more` 表示之后仍有账本条目待查看。";
    "Notes that the user has looked at alerts up to an entry of the ledger."
        => "记下用户已查看到账本某一条目为止的提醒。";
    "The `until` of `search.alerts`."
        => "`search.alerts` 给出的 `until`。";
    "Completes what was typed: titles of records that the user may see, best first."
        => "补全已输入的文字：给出用户可见记录的标题，最匹配的在前。";
    "Most titles; 10 if not said."
        => "最多标题数；未指定时为 10。";
    "What to look for."
        => "搜索内容。";
    "Most hits; 20 if not said."
        => "最多结果数；未指定时为 20。";
    "Hits to pass over."
        => "跳过的结果数。";
    "Wins an opportunity."
        => "将商机标为赢单。";
    "The opportunity."
        => "商机。";
    "Loses an opportunity."
        => "将商机标为输单。";
    "Why."
        => "原因。";
    "Voids an opportunity."
        => "将商机作废。";
    "The pipeline: `stages` with count and amount; `totals` with count, win rate and mean days of all that closed\
     ; `won` with count, amount, mean amount and mean days."
        => "销售漏斗：`stages` 含数量和金额；`totals` 含所有已关闭商机的数量、赢单率和平均天数；`won` 含数量、金额、\
         平均金额和平均天数。";
    "Saves a view: a list that is found by its name. One's own, or, with the right to administer `sys.view`, one \
     of a role, a team, a unit or everyone. A view of the same name, entity and audience is replaced."
        => "保存视图，即可按名称找到的列表。可为本人的；有 `sys.view` 的管理权限时，也可为角色、团队、部门或所有人的。\
         相同名称、实体和受众的视图会被替换。";
    "Fields and facts of records, in their order."
        => "按顺序列出的字段和记录信息。";
    "The condition, as `record.list` takes it."
        => "条件，同 `record.list`。";
    "The field by which rows stand together."
        => "各行按其归组的字段。";
    "`own`, `role`, `team`, `unit` or `everyone`; `own` if not said."
        => "`own`、`role`、`team`、`unit` 或 `everyone`；未指定时为 `own`。";
    "For the audience `role`: the name of the role."
        => "受众为 `role` 时：角色的名称。";
    "For the audience `team`: the name of the team, whose members find the view."
        => "受众为 `team` 时：团队的名称，其成员可找到该视图。";
    "For the audience `unit`: the name of the unit, whose people and those of the units below it find the view."
        => "受众为 `unit` 时：部门的名称，该部门及其下级部门的人员可找到该视图。";
    "Lists the views that the user finds: of several of a name the user's own, else that of a role, else that of \
     a team, else that of the nearest unit, else everyone's."
        => "列出用户可找到的视图：同名视图中依次取用户本人的、角色的、团队的、最近部门的、所有人的。";
    "The entity; all if not said."
        => "实体；未指定时为全部。";
    "Deletes a view: one's own, or any with the right to administer `sys.view`."
        => "删除视图：本人的，或有 `sys.view` 的管理权限时的任一视图。";
    "The view."
        => "视图。";
    "Says that the user has looked at a record, as a host does when it shows one. The newest 50 are kept."
        => "登记用户查看了某条记录，由宿主在显示时调用。保留最近 50 条。";
    "Lists the records that the user has looked at lately, newest first, as far as the user sees them now."
        => "列出用户最近查看的记录，最新的在前，以用户目前可见者为限。";
    "Keeps a record at hand for the user, 200 at the most."
        => "为用户收藏记录，最多 200 条。";
    "No longer keeps a record at hand."
        => "取消收藏记录。";
    "Lists the records that the user keeps at hand, newest first, as far as the user sees them now."
        => "列出用户收藏的记录，最新的在前，以用户目前可见者为限。";
    "Lists the records of a view, a page at a time, within the permissions of the user. Columns that the user \
     may not see are left out."
        => "在用户的权限之内分页列出视图的记录。用户不可见的列不予显示。";
    "The name of the view."
        => "视图的名称。";
    "Takes records for good that were deleted longer ago than the setting `deletion.purge_days` keeps \
     them for their entity, with their attachments; the ledger keeps what it says of them. Locked \
     records stay, and so do those under a legal hold. Whoever might have seen one is told `record.purged` when asking for its past or to \
     have it back. It goes in chunks, and a call that was interrupted is gone on with by the next one."
        => "彻底清除删除时间超过设置 `deletion.purge_days` 所定保留期的记录及其附件；审计账本保留其相关内容。\
         已锁定的记录和处于法律保全之中的记录保留。原本有权查看者在查询其历史或要求恢复时得到 `record.purged`。分批进行，\
         中断后由下一次调用继续。";
    "Only says how many records would go; no if not said."
        => "仅说明将清除多少条记录；未指定时为否。";
    "Fields in order, by their values then; `-amount` falls. In the order of creation if not said."
        => "按当时的值排序的字段；`-amount` 表示降序。未指定时按创建顺序。";
    "How texts sort, as `query.run` takes it."
        => "文本的排序方式，与 `query.run` 相同。";
    "Most rows of a sorted page; 100 if not said, 1000 at the most."
        => "排序后每页最多行数；未指定时为 100，上限 1000。";
    "Most records that the chunk looks at; 100 if not said, 1000 at the most. Not with `sort`."
        => "每批最多查看的记录数；未指定时为 100，上限 1000。不与 `sort` 同用。";
}
