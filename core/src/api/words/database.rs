//! Texts of methods on the database as a whole: files, keys, ledger, people and their rights.

use super::words;

words! {
    "Explains why somebody may do an action to a record, or may not: the grants that say so, with their \
     roles and why they reach it, and the shares, sharing rules and records beyond that give it, or the rule that \
     refuses. About others for administrators; of records that one sees."
        => "说明某人为何可以或不可以对某条记录执行某项操作：列出相关授权、所属角色及其覆盖该记录的原因，以及给予该操作的共享、\
         共享规则和上级记录，或说明是哪条规则拒绝。查询他人仅限管理员；只能查询自己看得到的记录。";
    "The entity."
        => "实体。";
    "The record."
        => "记录。";
    "The user, by id or name; oneself if not said."
        => "用户的编号或名称；未指定时为本人。";
    "create, read, update, delete, assign, export, import, share, approve, administer; read if not said."
        => "create、read、update、delete、assign、export、import、share、approve、administer；未指定时为 read。";
    "Lists who may do an action to a record, and by which grants, shares, sharing rules and records beyond. For \
     administrators."
        => "列出可以对某条记录执行某项操作的人，以及依据的授权、共享、共享规则和上级记录。仅限管理员。";
    "As of `access.explain`."
        => "同 `access.explain`。";
    "Most rows of the page; 100 if not said."
        => "每页最多行数；未指定时为 100。";
    "Where the page before ended."
        => "上一页结束的位置。";
    "Most rows; 100 if not said."
        => "最多行数；未指定时为 100。";
    "Lists the rules over the ledger: the usual ones, and what the organisation has set in place of them or \
     beside."
        => "列出针对账本的规则：默认规则，以及组织替换或增加的规则。";
    "Defines a rule over the ledger, or changes the one of this name; what is not said stays as it is. It never \
     stands in anybody's way. The rules are a setting of the organisation, `audit.anomaly_rules`."
        => "定义针对账本的规则，或修改同名规则；未说明的保持不变。规则不会阻拦任何人的操作。规则保存在组织设置 \
         `audit.anomaly_rules` 中。";
    "The name, which for the usual rules is that of their kind."
        => "名称；默认规则的名称即其类型。";
    "`mass_reads`, `reads_of_others`, `reads_outside_team`, `exports_outside_hours` or `failed_sign_ins`; needed \
     for a new name."
        => "`mass_reads`、`reads_of_others`、`reads_outside_team`、`exports_outside_hours` 或 `failed_sign_ins`；新名称\
         必须指定。";
    "Whether it is on."
        => "是否启用。";
    "From how many on."
        => "达到多少次时触发。";
    "Within how many minutes, up to 1440."
        => "在多少分钟之内，最多 1440。";
    "The hour with which business begins."
        => "营业时间开始的钟点。";
    "The hour with which it ends. Saturday and Sunday are outside of business hours."
        => "营业时间结束的钟点。周六和周日不属于营业时间。";
    "Lets the rules read what was entered in the ledger since they last did, and enters what they find as events \
     of the kind `anomaly`. A host calls it from time to time, and again while there is more. Reads are known as \
     far as a policy enters them."
        => "让规则读取上次之后写入账本的内容，并将发现的情况记为 `anomaly` 类事件。宿主应不时调用，尚有未读内容时再\
         次调用。读取操作仅在有策略登记时可知。";
    "Lists what rules over the ledger have found, newest first. A page may be empty, and more to come."
        => "列出账本规则发现的异常，最新的在前。某页可能为空，但后面仍有内容。";
    "The rule; all if not said."
        => "规则；未指定时为全部。";
    "Most of them; 100 if not said, 1000 at the most."
        => "最多条数；未指定时为 100，最多 1000。";
    "Reads entries of the ledger, oldest first, as `ledger.query` shows them; where all values are those of a \
     forgotten person, or of an entry that was pruned, `changes` is null."
        => "从最早开始读取账本条目，显示方式同 `ledger.query`；若所有值属于已被遗忘的人，或条目已被清理，则 \
         `changes` 为空。";
    "Entries after this position; from the first if not said."
        => "此位置之后的条目；未指定时从第一条开始。";
    "Most entries; 100 if not said, 1000 at the most."
        => "最多条目数；未指定时为 100，最多 1000。";
    "Looks for entries of the ledger: who did what to which record, when, why and on whose behalf. A page may be \
     empty, and more to come; the search ends where there is no `after`. Values are those that the caller may \
     see of the record today: any other reads {\"withheld\": true}, and one of a forgotten person {\"erased\": \
     true}, one that was pruned {\"pruned\": true}."
        => "查询账本条目：谁对哪条记录做了什么、何时、为何、代表谁。某页可能为空，但后面仍有内容；没有 `after` 时查\
         询结束。只显示调用者目前有权查看的值：其他值显示为 {\"withheld\": true}，已被遗忘的人的值显示为 \
         {\"erased\": true}，已清理的值显示为 {\"pruned\": true}。";
    "Who did it, by id or name."
        => "操作人的编号或名称。";
    "On whose behalf, by id or name."
        => "被代表人的编号或名称。";
    "The record that the entry is about, or names among others."
        => "条目所针对或涉及的记录。";
    "A field of the entity."
        => "该实体的字段。";
    "Kinds of entries, for example `update`, `sign_in_refused`, `read`; all if not said."
        => "条目类型，例如 `update`、`sign_in_refused`、`read`；未指定时为全部。";
    "The cause: the verb, import or plugin."
        => "起因：操作、导入或插件。";
    "From this moment on, in RFC 3339."
        => "从此时刻起，采用 RFC 3339 格式。";
    "Before this moment."
        => "在此时刻之前。";
    "From this position on."
        => "从此位置起。";
    "Up to this position."
        => "到此位置为止。";
    "`falling` for the newest first, which is usual, or `rising`."
        => "`falling` 表示最新的在前（默认），`rising` 表示相反。";
    "Says whether the ledger tells who reads the records of an entity, or some fields of them. With `strict` the \
     entry is on the disk before the rows are returned; within a transaction it comes with the commit. With \
     `batched` entries are collected and written with the next call behind five seconds, behind a thousand, or \
     at the close: a crash loses those since. With `off` nothing is entered. The policy is a setting of the \
     organisation, `audit.read_policies`."
        => "设置账本是否登记谁读取了某实体的记录或其中某些字段。`strict` 时条目先落盘再返回数据，在事务中则随提交写\
         入。`batched` 时条目先收集，在五秒后的下一次调用、满一千条或关闭时写入；崩溃会丢失此后的条目。`off` 时不\
         登记。策略保存在组织设置 `audit.read_policies` 中。";
    "`strict`, `batched` or `off`."
        => "`strict`、`batched` 或 `off`。";
    "The fields whose readers are entered; reading a record at all is, if not said."
        => "需要登记读取者的字段；未指定时登记对记录的任何读取。";
    "Lists the policies on reads."
        => "列出读取登记策略。";
    "Enters in the ledger that the user took records out of the database into a file. The engine does not see \
     what a host writes, so a host that exports calls this first."
        => "在账本中登记用户已将记录导出到文件。引擎看不到宿主写出的内容，因此宿主应在导出前调用。";
    "The records, at most 10000."
        => "记录，最多 10000 条。";
    "How many records; as many as are named, if not said."
        => "记录条数；未指定时为所列记录的数量。";
    "The format of the file."
        => "文件的格式。";
    "By which condition they were chosen, without its values."
        => "选取记录所用的条件，不含具体值。";
    "Enters in the ledger that the user printed records. A host that prints calls this first."
        => "在账本中登记用户打印了记录。宿主应在打印前调用。";
    "The name of the form."
        => "打印表单的名称。";
    "Writes the ledger, or a range of it, as lines of JSON to a new file of the host: everything that an \
     outsider needs to work the chain and the checkpoints out again. `examples/audit_verify` verifies it. The \
     export itself is an entry."
        => "将账本或其中一段以 JSON 行的形式写入宿主的新文件，包含外部人员重新验算哈希链和检查点所需的一切。可用 \
         `examples/audit_verify` 验证。导出本身也是一条记录。";
    "The file, which does not stand yet: an absolute path."
        => "尚不存在的文件，须为绝对路径。";
    "The first entry; that of the ledger if not said."
        => "第一条；未指定时为账本的第一条。";
    "The last entry; the newest if not said."
        => "最后一条；未指定时为最新的一条。";
    "Whether values come along, where the caller may see all of an entry; commitments alone if not said."
        => "是否附带值（仅限调用者可查看全部内容的条目）；未指定时只含承诺值。";
    "Writes what was collected for the ledger: reads of batched policies, and counts of refusals whose minute is \
     over. A host calls it when it is idle."
        => "写出为账本收集的内容：批量策略的读取登记，以及已满一分钟的拒绝次数。宿主应在空闲时调用。";
    "Writes a backup of the database into a folder of the host."
        => "将数据库的备份写入宿主的文件夹。";
    "The folder, which is there."
        => "已存在的文件夹。";
    "What is backed up: full, incremental, keys."
        => "备份内容：full、incremental、keys。";
    "Lists the backups of a folder of the host."
        => "列出宿主文件夹中的备份。";
    "The folder."
        => "文件夹。";
    "Has backups written into a folder again and again, by `time.tick`. The job is a record of `sys.scheduled_job`, \
     which is switched off and deleted as such."
        => "由 `time.tick` 定期将备份写入文件夹。任务为 `sys.scheduled_job` 的记录，停用和删除均在该记录上进行。";
    "When: a rule of RFC 5545, or the five fields of crontab, by the clocks of the organisation."
        => "时间：RFC 5545 规则或 crontab 的五个字段，以组织时区为准。";
    "After how many days a full backup is written in place of an increment; 7 if not said, 0 for full ones alone."
        => "每隔多少天以完整备份代替增量备份；未指定时为 7，0 表示始终为完整备份。";
    "Whether the keys of persons are backed up beside it; yes if not said."
        => "是否同时备份个人密钥；未指定时为是。";
    "Tells how it stands with the schedules of backups: when the last good one was written, what failed or was missed, \
     and whether one is late."
        => "报告定期备份的状况：最近一次成功备份的时间、失败与错过的次数，以及是否逾期。";
    "Deletes the backups of a folder that are no longer kept, and never breaks the chain of one that is."
        => "删除文件夹中不再保留的备份，绝不破坏仍需保留的备份链。";
    "How many of the newest full backups are kept, whatever their age; 3 if not said."
        => "无论新旧，保留最近多少个完整备份；未指定时为 3。";
    "How many days full backups and increments are kept; 90 if not said."
        => "完整备份和增量备份保留多少天；未指定时为 90。";
    "How many days backups of keys are kept; 30 if not said."
        => "密钥备份保留多少天；未指定时为 30。";
    "Says what would be deleted, and deletes nothing."
        => "只说明将删除什么，不实际删除。";
    "Verifies the ledger. Without a range it also verifies records, indexes, unique keys, counters and \
     attachments of the whole database. Without a signature by a key that is kept elsewhere, and without \
     anchors, it holds against everybody but those who have the key of the database."
        => "校验账本。不指定范围时还校验整个数据库的记录、索引、唯一键、计数器和附件。若没有由另存密钥作出的签名，也\
         没有锚点，则校验对持有数据库密钥者无效。";
    "The first entry of a range; that of the ledger if not said."
        => "范围内的第一条；未指定时为账本的第一条。";
    "The last entry of a range; that of the ledger if not said."
        => "范围内的最后一条；未指定时为账本的最后一条。";
    "Public keys of Ed25519 as 64 hexadecimal digits: every checkpoint must be signed by one of them. Without \
     any, it must be signed by the signer that the database is open with, if there is one."
        => "Ed25519 公钥，64 位十六进制：每个检查点必须由其中之一签名。未指定时，如打开数据库时带有签名者，则须由其\
         签名。";
    "What `ledger.heads` told before and was kept elsewhere: checkpoints, or {position, hash}."
        => "此前由 `ledger.heads` 给出并另行保存的内容：检查点，或 {position, hash}。";
    "How many threads follow the chain at most; that of the call alone if not said, and never more than eight."
        => "最多用多少个线程核对哈希链；未给出时只用调用所在的线程，且从不超过八个。";
    "Makes a checkpoint of the ledger: the chain's hash and the root of a Merkle tree (RFC 9162) over all \
     entries, signed if the database is open with a signer. If nothing was entered since the newest, that is \
     given."
        => "为账本建立检查点：哈希链的值，以及覆盖所有条目的 Merkle 树（RFC 9162）的根；打开数据库时带有签名者则一并\
         签名。若自最新检查点以来没有新条目，则返回该检查点。";
    "Gives what is to be kept outside of the database: the newest entry and the checkpoints. Whoever keeps it \
     notices later if the ledger was cut off, exchanged or written anew."
        => "给出应保存在数据库之外的内容：最新条目和检查点。保存者日后可发现账本是否被截断、替换或重写。";
    "Checkpoints behind this number; from the first if not said."
        => "此编号之后的检查点；未指定时从第一个开始。";
    "Most checkpoints; 100 if not said, 1000 at the most."
        => "最多检查点数；未指定时为 100，最多 1000。";
    "Proves that an entry is in the ledger: what the chain covers of it, and the hashes that lead from it to the \
     root of the tree. Values are not in it."
        => "证明某条目在账本中：哈希链所覆盖的内容，以及从该条目到树根的各个哈希。不含值。";
    "The position of the entry."
        => "条目的位置。";
    "The number of the checkpoint by whose tree it is proven; the tree of all entries if not said."
        => "用于证明的检查点编号；未指定时用覆盖所有条目的树。";
    "Checks a proof of `ledger.prove`, without a database. With a checkpoint in it, the proof must be by the \
     tree of that; with a key, the checkpoint must be signed by it."
        => "不需数据库即可检验 `ledger.prove` 给出的证明。若证明含检查点，则须按该检查点的树成立；若指定公钥，则检查\
         点须由其签名。";
    "The proof."
        => "证明。";
    "A public key of Ed25519 as 64 hexadecimal digits."
        => "Ed25519 公钥，64 位十六进制。";
    "The root that the caller knows from elsewhere, as 64 hexadecimal digits."
        => "调用者从别处得知的根，64 位十六进制。";
    "Creates a database with the built-in model and its first user, who administers it."
        => "创建带有内置模型的数据库，及负责管理的首个用户。";
    "The directory that is made, by custom `name.guanxi`."
        => "将要创建的目录，习惯上命名为 `name.guanxi`。";
    "The key that will open it, in the form of `key.add`."
        => "用于打开数据库的密钥，格式同 `key.add`。";
    "Name of the first user."
        => "首个用户的名称。";
    "Password of the first user, at least 8 characters."
        => "首个用户的密码，至少 8 个字符。";
    "ISO 4217 code of amounts that name no currency; CNY if not said."
        => "未注明货币的金额所用的 ISO 4217 代码；未指定时为 CNY。";
    "IANA name of the zone in which days begin and end; Asia/Shanghai if not said."
        => "划分日期所用时区的 IANA 名称；未指定时为 Asia/Shanghai。";
    "Upgrades a database that an older engine wrote to the newest format. `upgraded_from` is the old format, and \
     null where there was nothing to do."
        => "将旧版引擎写入的数据库升级到最新格式。`upgraded_from` 为旧格式，无需升级时为空。";
    "The directory of the database, which nobody has open."
        => "数据库目录，须无人打开。";
    "A key that opens it, in the form of `key.add`."
        => "可打开数据库的密钥，格式同 `key.add`。";
    "Whether its files are copied first, to `PATH.format-` and the old number; true if not said."
        => "是否先将文件复制到 `PATH.format-` 加旧格式号的位置；未指定时为是。";
    "Reads what is left of a damaged database, and changes nothing of its files: JSON Lines for each entity and \
     for the ledger, attachments, and a report."
        => "读取受损数据库中残存的内容，不改动其文件：各实体和账本的 JSON 行、附件，以及报告。";
    "The directory of the damaged database, which nobody has open."
        => "受损数据库的目录，须无人打开。";
    "A key that opened it, in the form of `key.add`."
        => "曾可打开数据库的密钥，格式同 `key.add`。";
    "The folder that is made."
        => "将要创建的文件夹。";
    "Restores a database from backups, and verifies it whole before it is put in its place. Whatever goes wrong, \
     the place is left as it was. Without the backup of keys, the records of persons come back empty."
        => "从备份恢复数据库，完整校验后才放到目标位置。无论出现什么问题，目标位置都保持原样。没有密钥备份时，个人的\
         记录恢复后为空。";
    "The directory of the database that is made."
        => "将要创建的数据库目录。";
    "The full backup and every increment after it, in any order; or a folder with the backups of one database, \
     for its newest whole chain and its newest backup of keys."
        => "完整备份及其后的每个增量备份，顺序不限；或存有同一数据库备份的文件夹，取其中最新的完整链和最新的密钥备份。";
    "A key that opened the database when the newest of them was made, in the form of `key.add`."
        => "制作其中最新备份时可打开数据库的密钥，格式同 `key.add`。";
    "The backup of the keys of persons."
        => "个人密钥的备份。";
    "What opens the backup of keys, if that is another key."
        => "打开密钥备份所用的密钥，如与上述不同。";
    "The last entry of the ledger that is restored."
        => "恢复到账本的哪一条为止。";
    "Takes the place of a database that stands there, which is renamed and kept."
        => "替换已在该位置的数据库，原数据库改名保留。";
    "Name of one more user, who administers the database, for when the backup of keys is lost and every user \
     with it."
        => "另加一个管理数据库的用户的名称，用于密钥备份及所有用户均已丢失的情况。";
    "Password of that user, at least 8 characters."
        => "该用户的密码，至少 8 个字符。";
    "Tells what a backup says of itself, which stands in clear and is not proved."
        => "显示备份自述的信息；该信息为明文，未经证实。";
    "The file."
        => "文件。";
    "Reads a backup from end to end: every byte of it is then as it was written."
        => "从头到尾读取备份，确认每个字节均与写入时一致。";
    "A key that opened the database when it was made, in the form of `key.add`."
        => "制作备份时可打开数据库的密钥，格式同 `key.add`。";
    "Lists the keys that open the database: numbers, kinds, costs and labels, and no secret."
        => "列出可打开数据库的密钥：编号、类型、开销和标签，不含秘密。";
    "Adds a key, which opens the database from then on."
        => "添加密钥，此后可用它打开数据库。";
    "The key: `{\"passphrase\"}`, `{\"raw\"}` with 64 hexadecimal digits, or `{\"recovery\"}`."
        => "密钥：`{\"passphrase\"}`、64 位十六进制的 `{\"raw\"}`，或 `{\"recovery\"}`。";
    "What people call it, at most 15 bytes."
        => "名称标签，最多 15 字节。";
    "Draws a recovery key and adds it; the answer is the only place where it is ever shown."
        => "生成恢复密钥并添加；仅在本次返回中显示一次。";
    "Puts another key in the place of one."
        => "以新密钥替换旧密钥。";
    "The key that goes, in the form of `key.add`."
        => "被替换的密钥，格式同 `key.add`。";
    "The key that comes."
        => "新密钥。";
    "Takes away the key in a slot. The last key stays; older copies of the files still open with it."
        => "移除某个槽位的密钥。最后一个密钥不能移除；文件的旧副本仍可用它打开。";
    "The number of the slot, as `key.list` gives it."
        => "槽位编号，由 `key.list` 给出。";
    "Wraps the slot of a passphrase anew, at another cost of guessing it (Argon2id)."
        => "以另一猜测成本（Argon2id）重新封装口令的槽位。";
    "The passphrase, in the form of `key.add`."
        => "口令，格式同 `key.add`。";
    "Memory in KiB; 65536 if not said."
        => "内存，按 KiB；未指定时为 65536。";
    "Passes over the memory; 3 if not said."
        => "内存遍数；未指定时为 3。";
    "Lanes; 1 if not said."
        => "并行度；未指定时为 1。";
    "Verifies the database: `quick` reads every row and follows the ledger's chain; `full` also compares records \
     with ledger, indexes, unique keys, counters and commitments, and reads every attachment."
        => "校验数据库：`quick` 读取每一行并核对账本的哈希链；`full` 还将记录与账本、索引、唯一键、计数器和承诺值比\
         对，并读取每个附件。";
    "`quick` or `full`; `full` if not said."
        => "`quick` 或 `full`；未指定时为 `full`。";
    "Tells sizes of tables and files, and what was done since the open."
        => "显示各表和文件的大小，以及打开以来的操作统计。";
    "Looks over the database: size, growth, records, empty fields, keys, age of the last backup."
        => "查看数据库概况：大小、增长、记录、空字段、密钥、最近备份的时间。";
    "Tells the newest queries that took long or read much, newest first: entity, shape without values, plan, and \
     what it took. What slow is, the settings `queries.slow_threshold_ms` and `queries.slow_threshold_rows` say."
        => "列出最近耗时长或读取量大的查询，最新的在前：实体、不含值的形式、执行计划及开销。何谓慢查询由设置 \
         `queries.slow_threshold_ms` 和 `queries.slow_threshold_rows` 决定。";
    "Most queries; 50 if not said. At most 200 are kept."
        => "最多查询数；未指定时为 50。最多保留 200 条。";
    "Gives what support needs to know of the database, and nothing of the customers in it."
        => "给出技术支持需要了解的数据库情况，不含任何客户信息。";
    "Writes the file with all records anew, without gaps, and gives the room back. Reads and writes go on."
        => "重写存放所有记录的文件以消除空隙并释放空间。读写不受影响。";
    "Encrypts everything anew under a new data key, which the given keys open and no others."
        => "以新的数据密钥重新加密全部内容，此后只有所给的密钥可以打开。";
    "The keys that shall open the database, each in the form of `key.add`; eight at the most."
        => "此后可打开数据库的密钥，格式均同 `key.add`；最多八个。";
    "Brings the journal into the tables, so that a reopen after a crash has nothing to do."
        => "将日志并入各表，使崩溃后重新打开时无需恢复。";
    "Makes durable what was committed so far, where the database is open with relaxed durability."
        => "在以宽松持久性打开时，使此前提交的内容持久化。";
    "Says who is signed in."
        => "说明当前登录的用户。";
    "Lists the open sessions of a user, the oldest first: one's own, and those of others for administrators."
        => "列出用户打开的会话，最早的在前：本人的会话；管理员可查看他人的会话。";
    "Ends open sessions of a user at their next call: one's own, and those of others for administrators."
        => "使用户打开的会话在下一次调用时结束：本人的会话；管理员可结束他人的会话。";
    "The session, as `session.list` tells it; all of the user's if not said."
        => "会话，由 `session.list` 给出；未指定时为该用户的全部会话。";
    "Creates a user, with a password and roles if they are given."
        => "新建用户，可同时设置密码和角色。";
    "Values by field name; `name` is the name to sign in with."
        => "按字段名给出的值；`name` 为登录名。";
    "The password."
        => "密码。";
    "Names of roles."
        => "角色的名称。";
    "Sets a user's password."
        => "设置用户的密码。";
    "The user, by id or name."
        => "用户的编号或名称。";
    "Gives a user a role."
        => "为用户分配角色。";
    "The name of the role."
        => "角色的名称。";
    "Lets a role do something."
        => "允许角色执行某项操作。";
    "The entity, or `*`."
        => "实体，或 `*`。";
    "create, read, update, delete, assign, export, import, share, approve, administer."
        => "操作：create、read、update、delete、assign、export、import、share、approve、administer。";
    "none, own, own_and_subordinates, unit, unit_and_children, all."
        => "级别：none、own、own_and_subordinates、unit、unit_and_children、all。";
    "Fields that the grant does not show, separated by commas; of one that forbids, the fields that alone it \
     forbids."
        => "该授权不显示的字段，以逗号分隔；对禁止类授权则为仅予禁止的字段。";
    "Fields of which the grant shows masks, separated by commas."
        => "该授权只显示掩码的字段，以逗号分隔。";
    "Fields of which it shows masks in lists, and the values in a record that is opened."
        => "在列表中只显示掩码、打开记录时显示原值的字段。";
    "Fields that the grant to create or update leaves as they are."
        => "新建或修改的授权不得更改的字段。";
    "allow, or deny: what is forbidden stays so, whatever else allows it."
        => "allow，或 deny：被禁止的始终禁止，无论其他授权是否允许。";
    "Reads the settings of the organisation."
        => "读取组织的设置。";
    "Changes settings of the organisation; what is not named stays."
        => "修改组织的设置；未列出的保持不变。";
    "Settings by name."
        => "按名称给出的设置。";
    "Makes a code by which a user sets a new password, once and for a limited time: for oneself, or for \
     a user whose password one may set. The host hands it over."
        => "生成找回码，用户凭此在限定时间内设置一次新密码：可为本人，或为有权设置其密码的用户生成。由宿主转交。";
    "Closes every way in of somebody who leaves, and hands over what is theirs. It can be called again \
     and goes on with what is left."
        => "关闭离职人员的一切登录途径，并移交其名下内容。可重复调用，继续处理剩余部分。";
    "Who gets the records of the trade, by id or name; they stay if nobody is said."
        => "业务记录的接收人，按编号或用户名；未指定时记录不动。";
    "Who gets the records of some entities instead: users by API name of the entity."
        => "部分实体的记录另行指定的接收人：以实体 API 名称对应用户。";
    "To whom those report who reported to the leaver; the leaver's own superior if not said."
        => "离职人员的下属今后的汇报对象；未指定时为离职人员自己的上级。";
    "Whether it is only looked at."
        => "是否仅查看而不执行。";
    "Lets a user work in another unit, and brings the records along that are the user's. It can be \
     called again and goes on with what is left."
        => "将用户调至其他部门，并带走其名下记录。可重复调用，继续处理剩余部分。";
    "The unit, by its id; none if not said."
        => "部门编号；未指定时不属于任何部门。";
    "Lets somebody act for one for a period: read and change the records that one reaches, and nothing \
     else. For another one by who administers that user."
        => "委托他人在一段时间内代为行事：可查看和修改委托人所及的记录，除此之外不可。为他人委托须由管理该用户者进行。";
    "For whom, by id or name; for oneself if not said."
        => "为谁，按编号或用户名；未指定时为本人。";
    "Who acts, by id or name."
        => "由谁代行，按编号或用户名。";
    "From when on, RFC 3339; from now on if not said."
        => "起始时刻，RFC 3339；未指定时为现在。";
    "From when on no longer, RFC 3339."
        => "终止时刻，RFC 3339。";
    "Only about records of these entities; all of them if not said."
        => "仅限这些实体的记录；未指定时为全部。";
    "Takes a delegation back."
        => "撤回委托。";
    "The delegation."
        => "委托。";
    "Lists the delegations by oneself and to oneself."
        => "列出本人作出和接受的委托。";
    "Calls another method for somebody whose delegation to one holds. The ledger names both."
        => "以有效委托人的名义调用另一方法。审计账本同时记录双方。";
    "For whom, by id or name."
        => "为谁，按编号或用户名。";
    "The method."
        => "方法。";
    "What it takes."
        => "该方法的参数。";
    "Shares a record with a user or a team, or changes the share that they have. It takes the right to \
     share the record; nobody gives more than they have."
        => "与用户或团队共享记录，或更改已有共享。须有共享该记录的权限；不能给出自己没有的权限。";
    "The user with whom, by id or name; this, or `team`."
        => "共享给哪个用户，按编号或用户名；与 `team` 二选一。";
    "The team with whose members, by id or name."
        => "共享给哪个团队的成员，按编号或名称。";
    "read, edit (values and attachments, too) or full (share on, assign, lock and delete, too); each as \
     far as they are granted the action on some records of the entity."
        => "取值 read（查看）、edit（另可修改值和附件）或 full（另可转为共享、分派、锁定和删除）；各以对方对该实体的部分记录已有相应授权为限。";
    "From when on no longer, RFC 3339; without end if not said."
        => "终止时刻，RFC 3339；未指定时不限期。";
    "Shares many records with a user or a team in one transaction, as `record.share` does each: all of them, or \
     none where one is refused."
        => "在一次事务中将多条记录共享给用户或团队，每条均按 `record.share` 处理：全部完成，或因其中一条被拒绝而全部不做。";
    "Takes back what is shared of a record with a user or a team. What they shared on stays."
        => "撤回某条记录对用户或团队的共享。对方已转给他人的共享不受影响。";
    "The user, by id or name; this, or `team`."
        => "用户，按编号或用户名；与 `team` 二选一。";
    "The team, by id or name."
        => "团队，按编号或名称。";
    "Lists with whom a record is shared: all of it for who may share it, and for others what is with \
     them."
        => "列出记录共享给了谁：有共享权限者看到全部，其他人看到与自己有关的共享。";
    "Verifies an archive of the ledger, or an export of it: that it is whole, that every entry is the one that this \
     database has there, and that its values are those of the entry, also where the database no longer has them. \
     `examples/audit_verify` verifies one without the database, by the public key of its checkpoints."
        => "校验账本的归档或导出：内容完整，每个条目与本数据库中相应位置的条目一致，其值与条目所承诺的一致，即使\
     数据库中已不再保留这些值。`examples/audit_verify` 可凭检查点的公钥在没有数据库的情况下校验。";
    "The file: an absolute path."
        => "文件的绝对路径。";
}
