//! Texts of methods on the registry, packages, modules and settings.

use super::words;

words! {
    "Describes every setting: type, default, bounds, for whom it has a value, and the value in force for the \
     user. The value of a secret is never told, only whether it is set."
        => "说明每项设置：类型、默认值、范围、适用对象，以及对当前用户生效的值。保密设置从不显示其值，只说明是否已设\
         置。";
    "Reads the values in force for the user, the user's own before those of the database."
        => "读取对当前用户生效的值，用户自己的值优先于数据库的值。";
    "Names of settings; all if not said."
        => "设置的名称；未指定时为全部。";
    "Sets settings, all of them or none. Values of the database need the right to administer; a user sets values \
     of their own where a setting has them."
        => "修改设置，全部成功或全部不变。数据库级的值需要管理权限；允许个人取值的设置，用户可自行设置。";
    "Values by name."
        => "按名称给出的值。";
    "Whether they are the user's own; those of the database if not said."
        => "是否为用户自己的值；未指定时为数据库的值。";
    "Takes values back, so that the default holds again, or for the user's own the value of the database."
        => "撤回设置的值，恢复默认值；用户自己的值撤回后恢复为数据库的值。";
    "Names of settings."
        => "设置的名称。";
    "Whether the user's own are meant; those of the database if not said."
        => "是否指用户自己的值；未指定时为数据库的值。";
    "Gives the values that were set for the database, without secrets, for `configuration.import`."
        => "给出为数据库设置的值（不含保密设置），供 `configuration.import` 使用。";
    "Takes what `configuration.export` gave, all of it or nothing; what it does not name stays. A setting that \
     is unknown or does not take its value refuses the whole, and all of them are named."
        => "载入 `configuration.export` 给出的内容，全部成功或全部不变；未列出的保持不变。若有未知设置或无效取值，则\
         整体拒绝并列出所有问题。";
    "Only says what would be; no if not said."
        => "仅预演，不实际修改；未指定时为否。";
    "Gives a field of the customer's own another name. The old one still finds it in calls, expressions, grants \
     and views, so no other field gets it."
        => "为客户自定义字段改名。旧名称在调用、表达式、授权和视图中仍然有效，因此不会再分配给其他字段。";
    "The field."
        => "字段。";
    "The new name, without namespace."
        => "新名称，不含命名空间。";
    "Only says what would be, as `schema.install_package` does; no if not said."
        => "仅预演，返回内容同 `schema.install_package`；未指定时为否。";
    "Changes the type of a field of the customer's own: text becomes int, decimal, date, bool, enum, phone, \
     email, url or rich_text, int and decimal each other, and these, dates, bools, codes, phones, addresses and \
     URLs text. A new field takes over the name; the one before stays as `<name>_before_<n>`, withdrawn, with \
     its values and its history. The values are then converted, in chunks between which others write; called \
     again with the same type after an interruption, it goes on. What somebody writes into the new field before \
     stays, deleted records take their values along when they come back, and a value that does not convert stays \
     in the field before, which counts as `unconverted`. Of these `unconverted_records` names the first hundred, \
     but for those that the caller may not see, each with the code of an error as `reason`."
        => "更改客户自定义字段的类型：text 可改为 int、decimal、date、bool、enum、phone、email、url 或 rich_text，\
         int 与 decimal 可互改，这些类型以及日期、布尔、代码、电话、地址和网址可改为 text。新字段接管名称；原字段\
         改名为 `<name>_before_<n>` 并停用，保留值和历史。随后分批转换值，批次之间他人可以写入；中断后以相同类型\
         再次调用即可继续。期间写入新字段的值予以保留，已删除的记录在恢复时带上自己的值，无法转换的值留在原字段，\
         计入 `unconverted`。`unconverted_records` 列出其中前一百条（不含调用者无权查看的），每条以错误代码作为 \
         `reason`。";
    "The new type."
        => "新类型。";
    "For enum: [{code, zh, en, active, color, only_with}]. A text that is a code or its label becomes the code."
        => "用于 enum：[{code, zh, en, active, color, only_with}]。与代码或其名称相同的文本转换为该代码。";
    "The value of a new record that comes with none, as an expression, in place of the one that stands; an empty \
     text for none."
        => "新记录未填写时的取值，以表达式给出，替换现有默认值；空文本表示没有。";
    "Only says how many values would convert, and beside that what `schema.install_package` says with it; no if \
     not said."
        => "仅预演，说明有多少值可以转换，以及 `schema.install_package` 预演时给出的内容；未指定时为否。";
    "Says of a field of the customer's own that it is no longer to be used. It works as before, and layouts \
     leave it out."
        => "将客户自定义字段标为不再使用。字段照常有效，但布局不再显示。";
    "The field that is used in its place."
        => "用来替代它的字段。";
    "No: the field is to be used again; yes if not said."
        => "否表示恢复使用；未指定时为是。";
    "Takes a field of the customer's own back. Its values stay, can be read and exported, and nobody sets \
     another one."
        => "撤回客户自定义字段。已有的值保留，可读取和导出，但不能再填写。";
    "Brings a field of the customer's own back that was taken back, with the values that it has."
        => "恢复已撤回的客户自定义字段，连同其值。";
    "Gives an entity of the customer's own another label, and another help text or none. Its API name stays."
        => "更改客户自定义实体的名称标签，以及帮助文本（可为空）。API 名称不变。";
    "The label, in Chinese."
        => "中文标签。";
    "The label, in English."
        => "英文标签。";
    "What its records are, in Chinese; with `help_en`."
        => "中文说明，介绍其记录是什么；与 `help_en` 一起提供。";
    "The same in English."
        => "同上，英文。";
    "Gives an entity of the customer's own another name. The old one still finds it in calls, expressions, \
     grants, views and packages, so no other entity gets it."
        => "为客户自定义实体改名。旧名称在调用、表达式、授权、视图和软件包中仍然有效，因此不会再分配给其他实体。";
    "Takes an entity of the customer's own back. Its records stay, can be read and exported, and nobody makes \
     another one."
        => "撤回客户自定义实体。已有记录保留，可读取和导出，但不能再新建。";
    "Brings an entity of the customer's own back that was taken back, with its records."
        => "恢复已撤回的客户自定义实体，连同其记录。";
    "Adds an index of the customer's own over one to four fields. A list that fixes the first fields by its \
     condition, and bounds or sorts by the next, then costs the same however many records there are."
        => "添加客户自定义索引，包含一至四个字段。若列表的条件固定前几个字段，并按下一个字段限定或排序，则无论记录多\
         少，开销不变。";
    "The name, without namespace."
        => "名称，不含命名空间。";
    "The fields in their order, system fields such as `created_at` among them; `-amount` falls. A text may be \
     `{field, descending, collation}`, to serve lists that sort it by `pinyin`, `stroke` or `surname`. One may \
     have several codes or references; the index then serves lists that name values of it."
        => "按顺序列出的字段，可包括 `created_at` 等系统字段；`-amount` 表示降序。文本字段可写成 `{field, \
         descending, collation}`，用于按 `pinyin`、`stroke` 或 `surname` 排序的列表。其中可有一个字段含多个代码或\
         引用，此时索引用于指明其某个值的列表。";
    "Adds a counter of the customer's own: how many records there are for each combination of values of one to \
     three fields, and what up to four fields of theirs come to. Counts and reports of that shape then read no \
     record."
        => "添加客户自定义计数器：一至三个字段的每种取值组合各有多少记录，以及其中至多四个字段的合计。此类计数和报表\
         因而无需读取记录。";
    "The fields by which it groups: enums, references, int, date and bool."
        => "分组字段：枚举、引用、int、date 和 bool。";
    "The fields that it sums: int, decimal and money."
        => "求和字段：int、decimal 和 money。";
    "Switches the index of a field of the customer's own on, so that lists filter and sort by it through one; \
     with `unique`, also that no two records have the same value."
        => "为客户自定义字段启用索引，使列表可据此筛选和排序；使用 `unique` 时还要求值不可重复。";
    "Whether no two records have the same value; no if not said. Where some have, it stays as it was, and the \
     error lists them."
        => "值是否不可重复；未指定时为否。若已有重复，则保持原样，并在错误中列出。";
    "What a refused writer learns of a record that has the value and that they may not see: `nothing`, \
     `existence` (that it is such a record) or `owner` (whose it is); as it was if not said."
        => "因值重复被拒绝时，对于占用该值而写入者无权查看的记录，告知什么：`nothing` 不告知，`existence` 告知存在这\
         样的记录，`owner` 告知其负责人；未指定时保持不变。";
    "What is still being built over records that stood when it was declared: indexes, counters, rollups, \
     unique rules, the index or unique values of fields, and rows of records that are worked out anew. \
     `kind` is `index`, `counter`, `rollup`, `unique`, `field`, `rows`, `temporal`, or `sweep` for keys \
     of what was taken back; `done` of `total` records are in. `schema.build_indexes` goes on with it."
        => "针对声明时已存在的记录，列出仍在建立的内容：索引、计数器、汇总、唯一规则、字段的索引或唯一值，以及重新计算的明细行。\
         `kind` 为 `index`、`counter`、`rollup`、`unique`、`field`、\
         `rows`、`temporal`，或表示清除已撤回内容之键的 `sweep`；`total` 条记录中已完成 `done` 条。\
         用 `schema.build_indexes` 继续。";
    "Takes an index of the customer's own back: no query reads it any more, and its keys go in chunks."
        => "撤回客户自定义索引：查询不再使用，其键分批清除。";
    "The name, with the namespace or without."
        => "名称，可带或不带命名空间。";
    "Takes a counter of the customer's own back: counts of its shape read records again, and its keys go in \
     chunks."
        => "撤回客户自定义计数器：此类计数重新读取记录，其键分批清除。";
    "Goes on with every index and counter that is not complete, in chunks between which others write."
        => "继续建立所有未完成的索引和计数器，分批进行，批次之间他人可以写入。";
    "Lists the modules in the order of navigation: all of them for administrators, for others those in which \
     they may read something."
        => "按导航顺序列出模块：管理员看到全部，其他人只看到自己有内容可读的模块。";
    "Switches a module off or on. While it is off, its entities answer `schema.module_off` to everybody and are \
     in no list, search or report; everything that is stored stays, and is there when it is on again."
        => "停用或启用模块。停用期间，其实体对所有人返回 `schema.module_off`，不出现在列表、搜索和报表中；已存储的内\
         容保留，启用后恢复。";
    "The module's code."
        => "模块的代码。";
    "Whether it shall be on."
        => "是否启用。";
    "Lists the packages of metadata that were ever installed, in the order in which they came."
        => "按安装顺序列出曾安装过的元数据软件包。";
    "Installs a package of metadata, in place of an older version of it, or says what that would change and how \
     many records would be read for it."
        => "安装元数据软件包，替换其旧版本；或只说明会改变什么、需要读取多少记录。";
    "The package: {package, version, label, requires, modules, module, settings, value_sets, \
     value_set_overrides, entities, extends, roles, views, commands, guides}."
        => "软件包：{package, version, label, requires, modules, module, settings, value_sets, value_set_overrides, \
         entities, extends, roles, views, commands, guides}。";
    "Goes back to the version of a package that was in force before, or says what that would change. Where there \
     was none, the package is removed."
        => "恢复软件包此前生效的版本，或只说明会改变什么。此前没有版本时移除该软件包。";
    "The package's namespace."
        => "软件包的命名空间。";
    "Withdraws all that a package declares, or says what that would change. Its records and values stay, can be \
     read and exported, and nobody makes new ones."
        => "撤回软件包声明的全部内容，或只说明会改变什么。其记录和值保留，可读取和导出，但不能再新建。";
    "Gives what a namespace has in this database as a package that another database can install; `x` is the \
     customer's own."
        => "将某个命名空间在此数据库中的内容作为软件包给出，供其他数据库安装；`x` 为客户自定义内容。";
    "The namespace."
        => "命名空间。";
    "Changes what people read of an entity of a lower layer for this customer, in place of what was changed of \
     it before. A change that says nothing takes that back."
        => "为客户更改下层实体的名称标签等文本，替换此前的更改。不含任何内容的更改表示撤回。";
    "What people read, in Chinese; with `label_en`."
        => "显示的中文；与 `label_en` 一起提供。";
    "Changes a field of a lower layer for this customer, in place of what was changed of it before. What a lower \
     layer asks for is never loosened."
        => "为客户更改下层的字段，替换此前的更改。下层的要求不会因此放宽。";
    "What changes: {field, label, help, required, required_when, default, add_codes, retire_codes, synonyms, \
     privacy, purposes}."
        => "更改的内容：{field, label, help, required, required_when, default, add_codes, retire_codes, synonyms, \
         privacy, purposes}。";
    "Lists every method with its parameters and their types, and whether it is called with a session: \
     `required`, `none`, or `optional`."
        => "列出每个方法及其参数和类型，以及调用时是否需要会话：`required`、`none` 或 `optional`。";
    "The language, `zh-Hans` or `en`; the session's if not said, and English without a session."
        => "语言，`zh-Hans` 或 `en`；未指定时用会话的语言，没有会话时用英文。";
    "Lists every error code with message, cause and remedy in the session's language."
        => "以会话的语言列出每个错误代码及其消息、原因和处理办法。";
    "Describes the entities that the user may read, with their fields, or one of them."
        => "说明用户可读取的实体及其字段，或其中之一。";
    "One entity; all if not said."
        => "某个实体；未指定时为全部。";
    "Adds a rule of the customer's own to an entity, or changes the one of this name. Records that stand are \
     held against it when they are next saved."
        => "为实体添加客户自定义规则，或修改同名规则。已有记录在下次保存时按规则检查。";
    "What holds of every record: an expression over the entity's fields, as `amount(amount) > 0`."
        => "每条记录须满足的条件：基于实体字段的表达式，如 `amount(amount) > 0`。";
    "What people read where it does not hold, in Chinese."
        => "条件不成立时显示的中文。";
    "What people read where it does not hold, in English."
        => "条件不成立时显示的英文。";
    "What becomes of such a record: `error` refuses it, `warning` takes it; `error` if not said."
        => "对不符合的记录的处理：`error` 拒绝，`warning` 接受但警告；未指定时为 `error`。";
    "Whether the rule is looked at; yes if not said."
        => "规则是否生效；未指定时为是。";
    "Adds a state machine of the customer's own to an entity, or changes the one of this name."
        => "为实体添加客户自定义状态机，或修改同名状态机。";
    "The machine: {name, field, initial, transitions: [{name, label, from, to, guard, sets}], locked}."
        => "状态机：{name, field, initial, transitions: [{name, label, from, to, guard, sets}], locked}。";
    "Takes a rule of the customer's own back: records are held against it no more."
        => "撤回客户自定义规则：不再按其检查记录。";
    "Takes a state machine of the customer's own back: records keep the codes that they have."
        => "撤回客户自定义状态机：记录保留已有的代码。";
    "Adds a unique rule of the customer's own to an entity: no two records have the same values in all of its \
     fields. Where records that stand already do, nothing is added."
        => "为实体添加客户自定义唯一规则：任何两条记录在其所有字段上的值不得全部相同。若已有记录重复，则不添加。";
    "The rule: {name, fields: [{field, normalizer}], condition, reveal}. A normalizer is `folded`, without \
     regard to case, width and white space, or `exact`; `folded` if not said. A record in which a field is \
     missing, or for which the condition does not hold, takes no part. `reveal` is what a refused writer learns \
     of a record that has the values and that they may not see: `nothing`, `existence` (that it is such a \
     record) or `owner` (whose it is); `nothing` if not said. Called again, it may say otherwise."
        => "规则：{name, fields: [{field, normalizer}], condition, reveal}。normalizer 为 `folded`（不区分大小写、全\
         半角和空白）或 `exact`；未指定时为 `folded`。缺少某个字段或不符合条件的记录不参与。`reveal` 是因重复被拒\
         绝时，对于占用这些值而写入者无权查看的记录，告知什么：`nothing` 不告知，`existence` 告知存在这样的记录，\
         `owner` 告知其负责人；未指定时为 `nothing`。再次调用可以更改。";
    "Takes a unique rule of the customer's own back."
        => "撤回客户自定义唯一规则。";
    "The name."
        => "名称。";
    "Declares the record types of an entity for this customer, in place of those declared before: which fields \
     records have by the code of one field, what is required there, and what comes into fields without value. An \
     empty list of types takes them back."
        => "为客户声明实体的记录类型，替换此前的声明：按某字段的代码，记录有哪些字段、哪些必填、未填写时取什么值。类\
         型列表为空表示撤回。";
    "The types: {field, types: [{code, label, active, fields, required, defaults, codes, partitions}]}. A field \
     that some type names belongs to the records of those types alone; `partitions` names those whose records \
     may become of the type, where not all may."
        => "类型：{field, types: [{code, label, active, fields, required, defaults, codes, partitions}]}。被某些类型\
         列出的字段只属于这些类型的记录；`partitions` 列出其记录可成为该类型的分区，用于并非所有分区都可以的情况。";
    "Lists the functions of expressions."
        => "列出表达式可用的函数。";
    "Adds a field of the customer's own to an entity."
        => "为实体添加客户自定义字段。";
    "The type, as `schema.types` lists them."
        => "类型，见 `schema.types`。";
    "For enum and multi_enum: [{code, zh, en, active, color, only_with}]."
        => "用于 enum 和 multi_enum：[{code, zh, en, active, color, only_with}]。";
    "For enum and multi_enum, in place of codes: the value set whose codes it takes."
        => "用于 enum 和 multi_enum，代替代码：取其代码的值集。";
    "What it tells of people: none, personal or sensitive; none if not said."
        => "涉及个人信息的程度：none、personal 或 sensitive；未指定时为 none。";
    "What it may be used for, by stable codes."
        => "可用于哪些用途，以固定代码表示。";
    "For reference and multi_reference: the entity referred to."
        => "用于 reference 和 multi_reference：所引用的实体。";
    "For references, and for rows with references, what becomes of the record when one that it refers to is \
     deleted: `restrict` refuses that, `set_null` takes it out of the field, `cascade` deletes the record too; \
     `restrict` if not said."
        => "用于引用和含引用的明细行，被引用的记录删除时的处理：`restrict` 拒绝删除，`set_null` 从字段中移除，\
         `cascade` 一并删除本记录；未指定时为 `restrict`。";
    "For a reference to the entity itself: whether its records are a tree by it. For rollup: whether the records \
     of all those count too that are below in the tree of the entity."
        => "用于引用自身实体的字段：记录是否据此构成层级树。用于汇总：是否也计入其实体层级树中所有下级的记录。";
    "For any_reference: the entities referred to."
        => "用于 any_reference：所引用的各实体。";
    "For rows: [{name, zh, en, type, required, codes, target, expression}]."
        => "用于明细行：[{name, zh, en, type, required, codes, target, expression}]。";
    "For serial: [{part: \"text\", text} or {part: \"date\", format} or {part: \"counter\", digits}]."
        => "用于编号：[{part: \"text\", text} 或 {part: \"date\", format} 或 {part: \"counter\", digits}]。";
    "For identifier: the scheme, as cn_resident_identity, lei, iban, gtin."
        => "用于标识号码：编码规则，如 cn_resident_identity、lei、iban、gtin。";
    "For formula: an expression over the other fields."
        => "用于公式：基于其他字段的表达式。";
    "For lookup: the reference to the record whose field is looked up."
        => "用于查找：通向所查记录的引用字段。";
    "For lookup: the field of the entity referred to. For rollup: the field that sum, min, max and avg look at."
        => "用于查找：所引用实体的字段。用于汇总：sum、min、max 和 avg 所计算的字段。";
    "For rollup: the entity whose records are rolled up."
        => "用于汇总：被汇总记录的实体。";
    "For rollup: the field by which these refer to the record."
        => "用于汇总：被汇总记录引用本记录的字段。";
    "For rollup: count, sum, min, max, avg or exists."
        => "用于汇总：count、sum、min、max、avg 或 exists。";
    "For rollup: a condition over the fields of the records that count, as an expression."
        => "用于汇总：计入哪些记录，为基于其字段的条件表达式。";
    "For rollup: whose records count: `all`, whoever reads it, or those `visible` to the reader; `all` if not \
     said."
        => "用于汇总：计入哪些人可见的记录：`all` 不论谁读取，或 `visible` 仅限读者可见者；未指定时为 `all`。";
    "Whether lists sort and filter by it through an index."
        => "列表是否可通过索引据此排序和筛选。";
    "Whether no two records have the same value."
        => "值是否不可重复。";
    "For a unique field: what a refused writer learns of a record that has the value and that they may not see: \
     `nothing`, `existence` (that it is such a record) or `owner` (whose it is); `nothing` if not said."
        => "用于不可重复的字段：因重复被拒绝时，对于占用该值而写入者无权查看的记录，告知什么：`nothing` 不告知，\
         `existence` 告知存在这样的记录，`owner` 告知其负责人；未指定时为 `nothing`。";
    "How it is searched: title, body, phone, email, code."
        => "搜索方式：title、body、phone、email、code。";
    "The value of a new record that comes with none, as an expression."
        => "新记录未填写时的取值，以表达式给出。";
    "A condition under which a record must have a value, as an expression."
        => "记录必须填写该字段的条件，以表达式给出。";
    "For text and rich_text: whether records have it in other languages too."
        => "用于 text 和 rich_text：记录是否还可有其他语言的译文。";
    "The field whose code decides which codes may be chosen."
        => "决定可选代码的字段。";
    "What it is for, for people who fill it in, in Chinese; with `help_en`."
        => "中文说明，供填写者了解用途；与 `help_en` 一起提供。";
    "Adds an entity of the customer's own, with one field: the text by which people know its records."
        => "添加客户自定义实体，带一个字段，即识别记录所用的文本。";
    "The name of the field by which people know a record; `name` if not said."
        => "识别记录所用字段的名称；未指定时为 `name`。";
    "What people read of that field, in Chinese; as `名称` if not said."
        => "该字段显示的中文；未指定时为 `名称`。";
    "What people read of that field, in English; as `Name` if not said."
        => "该字段显示的英文；未指定时为 `Name`。";
    "Whether each record is a person with the right to be forgotten; no if not said."
        => "每条记录是否为有权要求被遗忘的个人；未指定时为否。";
    "Lists the types of fields, with the parameters that each takes in `schema.define_field`."
        => "列出字段的类型，以及各类型在 `schema.define_field` 中使用的参数。";
    "Lists the value sets of the fields that the user sees; all of them for whoever may administer everything."
        => "列出用户可见字段的值集；可管理一切者看到全部。";
    "Adds a value set of the customer's own, or changes the one of this name: a list of codes that enum and \
     multi_enum fields of any entity share, as `schema.define_field` takes it in `value_set`. Codes that it no \
     longer lists are retired: records that have one keep it."
        => "添加客户自定义值集，或修改同名值集：可供任意实体的 enum 和 multi_enum 字段共用的代码列表，在 \
         `schema.define_field` 中以 `value_set` 指定。不再列出的代码予以停用，已有的记录保留。";
    "The set: {name, label: {zh, en}, help, codes: [{code, label, active, color, only_with}]}, its codes in \
     their order."
        => "值集：{name, label: {zh, en}, help, codes: [{code, label, active, color, only_with}]}，代码按顺序列出。";
    "Changes a value set of a lower layer for this customer, in place of what was changed of it before: codes \
     are added and retired, and none is lost. A change that says nothing takes that back."
        => "为客户更改下层的值集，替换此前的更改：可增加和停用代码，但不会丢失。不含任何内容的更改表示撤回。";
    "What changes: {value_set, label, add_codes, retire_codes}."
        => "更改的内容：{value_set, label, add_codes, retire_codes}。";
    "Gives an entity a temporal index: every version of its records is kept whole, so that lists of the \
     past read no history. It takes as much space as all versions together."
        => "为实体建立时态索引：完整保存其记录的每个版本，历史列表因此无须读取变更历史。所占空间相当于全部版本之和。";
    "Takes the temporal index of the customer's own back: lists of the past read histories again, and \
     its keys go in chunks."
        => "撤回客户自建的时态索引：历史列表重新读取变更历史，其键分批清除。";
}
