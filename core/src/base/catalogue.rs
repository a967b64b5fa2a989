//! The one table of everything that can go wrong: code, key, message, cause and remedy in both languages.
//!
//! Numbers and keys are for ever; a code that retires keeps its line. The C constants, the help text
//! of the CLI and the table of errors in the documents derive from here.

use crate::base::Locale;

macro_rules! catalogue {
    ($($name:ident = $number:literal, $key:literal,
        [$en:literal, $en_cause:literal, $en_remedy:literal],
        [$zh:literal, $zh_cause:literal, $zh_remedy:literal];)+) => {
        /// What went wrong, by a number and a key that never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = concat!("`", $key, "`: ", $en)]
                $name,
            )+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable number, above zero; C sees it negated as status.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self { $(Self::$name => $number,)+ }
            }

            /// The stable key, `room.what`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)+ }
            }

            /// What happened, in a sentence without full stop.
            #[must_use]
            pub const fn message(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$name, Locale::English) => $en, (Self::$name, Locale::SimplifiedChinese) => $zh,)+
                }
            }

            /// Why it usually happens.
            #[must_use]
            pub const fn cause(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$name, Locale::English) => $en_cause,
                      (Self::$name, Locale::SimplifiedChinese) => $zh_cause,)+
                }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$name, Locale::English) => $en_remedy,
                      (Self::$name, Locale::SimplifiedChinese) => $zh_remedy,)+
                }
            }
        }
    };
}

catalogue! {
    InvalidArgument = 101, "input.invalid_argument",
        ["an argument is not acceptable", "the value is outside of what the parameter takes", "see the description of the method"],
        ["参数不可接受", "参数值超出允许范围", "请查看该方法的说明"];
    NullArgument = 102, "input.null_argument",
        ["a required pointer is null", "the caller passed NULL", "pass a valid pointer"],
        ["必需的指针为空", "调用方传入了 NULL", "请传入有效指针"];
    InvalidHandle = 103, "input.invalid_handle",
        ["a handle is not valid here", "it was freed, is of another type, or is not a handle", "keep handles until their free function is called, and use them once"],
        ["句柄无效", "句柄已释放、类型不符或不是句柄", "请在释放前使用句柄，且只释放一次"];
    InvalidUtf8 = 104, "input.invalid_utf8",
        ["text is not valid UTF-8", "the bytes are of another encoding", "convert the text to UTF-8"],
        ["文本不是有效的 UTF-8", "字节使用了其他编码", "请先转换为 UTF-8"];
    InvalidJson = 105, "input.invalid_json",
        ["the JSON text is malformed", "a syntax error at the place named", "mend the document"],
        ["JSON 文本格式错误", "所示位置存在语法错误", "请修正文档"];
    UnknownMethod = 106, "input.unknown_method",
        ["there is no such method", "the name is misspelt or of a newer version", "list the methods with `api.describe`"],
        ["没有该方法", "名称拼写错误或属于更新的版本", "用 api.describe 列出方法"];
    MissingParameter = 107, "input.missing_parameter",
        ["a required parameter is missing", "the call does not name it", "add the parameter"],
        ["缺少必需参数", "调用未提供该参数", "请补充该参数"];
    UnknownParameter = 108, "input.unknown_parameter",
        ["the method has no such parameter", "the name is misspelt", "see `api.describe`"],
        ["方法没有该参数", "名称拼写错误", "请查看 api.describe"];
    LimitExceeded = 109, "input.limit_exceeded",
        ["a size is above its limit", "the input is larger than the engine accepts", "split the input"],
        ["超出大小限制", "输入超过引擎允许的大小", "请拆分输入"];
    InvalidId = 110, "input.invalid_id",
        ["this is not a record id", "ids are UUIDs in hyphenated form", "pass an id that the engine gave"],
        ["不是有效的记录编号", "编号应为带连字符的 UUID", "请传入引擎给出的编号"];
    InvalidFilter = 111, "input.invalid_filter",
        ["the filter cannot be understood", "an operator does not fit its field, or nesting is too deep", "see the description of filters"],
        ["无法理解筛选条件", "运算符与字段不符，或嵌套过深", "请查看筛选条件的说明"];
    InvalidCursor = 112, "input.invalid_cursor",
        ["the page cursor does not belong to this query", "filter or sort order changed between pages", "begin again without a cursor"],
        ["分页游标不属于该查询", "翻页之间条件或排序发生变化", "请不带游标重新查询"];
    InvalidCsv = 113, "input.invalid_csv",
        ["the CSV line cannot be read", "quotes are not closed or the number of columns differs", "mend the line"],
        ["无法读取该 CSV 行", "引号未闭合或列数不一致", "请修正该行"];
    SessionRequired = 114, "input.session_required",
        ["the method needs a session", "it was called without one", "open the database, sign in, and call it with the session"],
        ["该方法需要会话", "调用时没有会话", "请打开数据库并登录，再用会话调用"];
    SessionNotTaken = 115, "input.session_not_taken",
        ["the method is called without a session", "it works on files that no database has open", "call it without a session"],
        ["该方法须在无会话时调用", "它处理未被打开的文件", "请不带会话调用"];
    InvalidConfiguration = 116, "input.invalid_configuration",
        ["settings are unknown or do not take their values", "a name is misspelt, or a value breaks the rule that is told beside it", "see `configuration.describe`, and mend all that are named"],
        ["设置项不存在或取值无效", "名称拼写错误，或取值不符合所示规则", "请查看 configuration.describe 并更正所列各项"];
    AmbiguousDate = 117, "input.ambiguous_date",
        ["the day could be two days", "day and month could stand in either order", "say the order, or write the day as 2026-05-04"],
        ["日期有歧义", "日和月的先后顺序不明确", "请指明顺序，或写成 2026-05-04 的形式"];
    NotADatabase = 201, "storage.not_a_database",
        ["this is not a Guanxi database", "the file was written by another program", "check the path"],
        ["不是关系数据库文件", "该文件由其他程序写入", "请检查路径"];
    WrongKey = 202, "storage.wrong_key",
        ["the key does not open this database", "passphrase or key is not one of those set for it", "use the right key"],
        ["密钥无法打开该数据库", "口令或密钥不正确", "请使用正确的密钥"];
    Damaged = 203, "storage.damaged",
        ["stored bytes are damaged or were altered", "a disk fault, a truncated copy or tampering", "restore a backup"],
        ["存储内容损坏或被篡改", "磁盘故障、复制不完整或被篡改", "请从备份恢复"];
    NewerFormat = 204, "storage.newer_format",
        ["the database was written by a newer version", "its format is not known here", "update the engine"],
        ["数据库由更新的版本写入", "当前版本不认识其格式", "请升级引擎"];
    Locked = 205, "storage.locked",
        ["another process has this database open", "one process writes at a time", "close the other program"],
        ["数据库已被其他进程打开", "同一时间只允许一个进程写入", "请关闭另一个程序"];
    AlreadyExists = 206, "storage.already_exists",
        ["there is a database or file already", "the path is taken", "open it, or choose another path"],
        ["数据库或文件已存在", "路径已被占用", "请打开它，或另选路径"];
    DatabaseNotFound = 207, "storage.not_found",
        ["there is no database at this path", "the path is wrong or the database was moved", "check the path, or create it"],
        ["该路径没有数据库", "路径错误或数据库已移动", "请检查路径，或新建数据库"];
    Io = 208, "storage.io",
        ["the operating system refused to read or write", "disk full, no right, or a fault of the device", "see the cause, then open the database again"],
        ["操作系统读写失败", "磁盘已满、无权限或设备故障", "查明原因后重新打开数据库"];
    Stopped = 209, "storage.stopped",
        ["the database stopped after an earlier fault", "a write failed in a way that leaves memory and disk in doubt", "close the database and open it again"],
        ["数据库因先前的故障已停止", "一次写入失败，内存与磁盘可能不一致", "请关闭后重新打开数据库"];
    Busy = 210, "storage.busy",
        ["the database is in use", "another transaction or handle is still open", "finish it, then try again"],
        ["数据库正在使用中", "另一个事务或句柄尚未结束", "请结束后再试"];
    Conflict = 211, "storage.conflict",
        ["another change came first", "the data changed since it was read", "read again and repeat"],
        ["已有其他修改", "数据在读取后已被修改", "请重新读取后再试"];
    BackupChain = 212, "storage.backup_chain",
        ["these backups do not make a whole chain", "one is missing, is of another database, or begins where no other ended", "give the full backup and every increment after it"],
        ["这些备份不能组成完整的链", "缺少其中一个、属于其他数据库，或起点与前一个不相接", "请提供完整备份及其后的每个增量备份"];
    UpgradeNeeded = 214, "storage.upgrade_needed",
        ["the database has an older format", "an older version of the engine wrote it, and the host asked not to upgrade by itself", "open it with a policy that upgrades"],
        ["数据库为旧格式", "由旧版引擎写入，且宿主要求不自动升级", "请用允许升级的策略打开"];
    UnknownEntity = 301, "schema.unknown_entity",
        ["there is no such entity", "the name is misspelt or its plugin is not loaded", "list the entities with `schema.describe`"],
        ["没有该实体", "名称拼写错误或插件未加载", "用 schema.describe 列出实体"];
    UnknownField = 302, "schema.unknown_field",
        ["the entity has no such field", "the name is misspelt or its plugin is not loaded", "list the fields with `schema.describe`"],
        ["实体没有该字段", "名称拼写错误或插件未加载", "用 schema.describe 列出字段"];
    WrongType = 303, "schema.wrong_type",
        ["the value has the wrong type", "the field takes another kind of value", "pass a value of the field's type"],
        ["值的类型错误", "该字段需要其他类型的值", "请传入与字段类型一致的值"];
    Required = 304, "schema.required",
        ["a required field is empty", "the record cannot stand without it", "give the field a value"],
        ["必填字段为空", "缺少该字段记录不能成立", "请填写该字段"];
    NotUnique = 305, "schema.not_unique",
        ["another record has this value", "the field is unique", "use another value, or the record that stands"],
        ["该值已被其他记录使用", "该字段要求唯一", "请换一个值，或使用已有记录"];
    NotInValueSet = 306, "schema.not_in_value_set",
        ["the value is not one of the field's codes", "value sets are closed lists", "use one of the codes"],
        ["该值不在取值范围内", "取值集为固定列表", "请使用其中的代码"];
    OutOfRange = 307, "schema.out_of_range",
        ["the number is out of range", "it is too large, too small or too precise", "pass a smaller or rounded number"],
        ["数值超出范围", "数值过大、过小或精度过高", "请传入较小或已舍入的数值"];
    UnknownCurrency = 308, "schema.unknown_currency",
        ["ISO 4217 has no such currency", "the code is misspelt", "use a code of three letters such as CNY"],
        ["ISO 4217 没有该货币", "代码拼写错误", "请使用三位字母代码，如 CNY"];
    CurrencyMismatch = 309, "schema.currency_mismatch",
        ["amounts of different currencies do not add", "a sum meets two currencies", "convert first, or group by currency"],
        ["不同货币的金额不能相加", "合计中出现两种货币", "请先换算，或按货币分组"];
    InvalidEmail = 310, "schema.invalid_email",
        ["this is not an e-mail address", "it lacks a name, an @ or a domain", "correct the address"],
        ["不是有效的电子邮箱", "缺少用户名、@ 或域名", "请更正邮箱地址"];
    DuplicateDefinition = 311, "schema.duplicate_definition",
        ["the name is taken", "an entity or field of this name stands already", "choose another name"],
        ["名称已被占用", "同名的实体或字段已存在", "请另选名称"];
    InvalidDefinition = 312, "schema.invalid_definition",
        ["the definition is not acceptable", "a name, type or property breaks a rule", "see the rule"],
        ["定义不可接受", "名称、类型或属性违反规则", "请查看规则"];
    ReadOnlyField = 313, "schema.read_only_field",
        ["the field is kept by the engine", "its value follows from others", "leave it out"],
        ["该字段由引擎维护", "其值由其他字段决定", "请不要填写"];
    InvalidExpression = 314, "schema.invalid_expression",
        ["the expression is not right", "a name, a type or the syntax is wrong at the place named", "see the place, and `schema.functions` for what there is"],
        ["表达式不正确", "所示位置的名称、类型或语法有误", "请查看所示位置，可用函数见 schema.functions"];
    RuleBroken = 315, "schema.rule_broken",
        ["a rule of the entity refuses the record", "its values do not meet the condition of the rule", "see what the rule says, and correct the values"],
        ["记录不符合实体的规则", "字段值不满足规则的条件", "请查看规则说明并更正"];
    InvalidUrl = 321, "schema.invalid_url",
        ["this is not an absolute URL", "scheme or host is missing", "write it with https:// and the host"],
        ["不是完整的网址", "缺少协议或主机", "请写明 https:// 和主机"];
    InvalidIdentifier = 322, "schema.invalid_identifier",
        ["the identifier is not right for its scheme", "length, characters or check digit differ", "check it for typing errors"],
        ["证件或标识号码不符合其编码规则", "长度、字符或校验位不符", "请检查是否输入有误"];
    CodeNotAllowed = 323, "schema.code_not_allowed",
        ["the code does not go with the other values", "it is no longer offered, or the controlling field has another code", "choose a code that `schema.describe` offers"],
        ["该选项与其他字段的值不匹配", "选项已停用，或控制字段取了其他值", "请从 schema.describe 提供的选项中选择"];
    PackageMissing = 324, "schema.package_missing",
        ["the package is not installed", "it never was, was removed, or is an older version than the one asked for", "install the package that is named first"],
        ["软件包未安装", "从未安装、已移除，或版本低于所需版本", "请先安装所指的软件包"];
    Withdrawn = 325, "schema.withdrawn",
        ["the entity or field was withdrawn", "the package that declared it is gone, or its newer version no longer has it", "read what is stored, or install a version of the package that has it"],
        ["该实体或字段已停用", "声明它的软件包已移除，或其新版本不再包含它", "可读取已有数据，或安装包含它的软件包版本"];
    TransitionNotAllowed = 326, "schema.transition_not_allowed",
        ["this state does not follow on that one", "no transition leads there, or its condition is not met", "ask `record.transitions` for the steps that are open"],
        ["不允许该状态转换", "没有相应的转换，或其条件未满足", "用 record.transitions 查询可用的转换"];
    NotInRecordType = 327, "schema.not_in_record_type",
        ["the field does not belong to the record's type", "records of this type have other fields", "leave the field empty, or change the type of the record"],
        ["该字段不属于此记录类型", "此类型的记录没有该字段", "请将该字段留空，或更改记录类型"];
    ModuleOff = 330, "schema.module_off",
        ["the module is switched off", "an administrator has switched off the part of the system that this belongs to", "ask an administrator to switch the module on"],
        ["该模块已停用", "管理员已停用其所属的功能模块", "请联系管理员启用该模块"];
    ModuleRequired = 331, "schema.module_required",
        ["the module cannot be switched so", "others do not work without it, or it does not work without others", "switch the modules that are named first"],
        ["该模块不能这样切换", "其他模块依赖它，或它依赖的模块已停用", "请先切换所指的模块"];
    UnknownModule = 332, "schema.unknown_module",
        ["there is no such module", "the code is misspelt or its package is not installed", "list the modules with `module.list`"],
        ["没有该模块", "代码拼写错误或软件包未安装", "用 module.list 列出模块"];
    NotTranslatable = 333, "schema.not_translatable",
        ["the field has no translations", "its definition does not say that it is translatable", "declare the field as translatable, or set its value"],
        ["该字段没有译文", "字段定义未声明可翻译", "请将字段声明为可翻译，或直接设置其值"];
    InvalidPeriod = 334, "schema.invalid_period",
        ["the record ends to be valid before it begins", "the last day lies before the first one", "give a later end, or leave it out"],
        ["失效日早于生效日", "有效期的结束早于开始", "请填写较晚的失效日，或留空"];
    KeyFixed = 335, "schema.key_fixed",
        ["a fact keeps its key", "the field is part of the key under which the fact was made", "make another fact, and end or delete this one"],
        ["事实的键不能更改", "该字段属于建立该事实时的键", "请另建一条，并结束或删除此条"];
    PhoneUnparsed = 341, "schema.phone_unparsed",
        ["the phone number is kept as it was written", "it is no number that the tables know, by the region of phone numbers", "look at the number, or set `regional.phone_region`"],
        ["电话号码按原样保存", "按默认地区的规则无法识别该号码", "请核对号码，或设置 regional.phone_region"];
    UnknownValueSet = 342, "schema.unknown_value_set",
        ["there is no such value set", "the name is misspelt or its package is not installed", "list the value sets with `schema.value_sets`"],
        ["没有该值集", "名称拼写错误或软件包未安装", "用 schema.value_sets 列出值集"];
    RecordNotFound = 401, "record.not_found",
        ["there is no such record for you", "it was deleted, never existed, or is not visible to you", "check the id"],
        ["没有可供您查看的该记录", "记录已删除、不存在或您无权查看", "请检查编号"];
    VersionConflict = 402, "record.version_conflict",
        ["the record was changed meanwhile", "its version is not the one that was expected", "read it again and repeat"],
        ["记录已被他人修改", "版本与预期不符", "请重新读取后再试"];
    ReferenceMissing = 403, "record.reference_missing",
        ["the referenced record does not exist", "no record matches the reference", "create it first, or correct the reference"],
        ["引用的记录不存在", "没有与引用匹配的记录", "请先新建，或更正引用"];
    ReferenceAmbiguous = 404, "record.reference_ambiguous",
        ["the reference matches more than one record", "a name is borne by several records", "refer by id or external id"],
        ["引用匹配到多条记录", "有多条同名记录", "请用编号或外部编号引用"];
    Referenced = 405, "record.referenced",
        ["other records refer to this one", "deleting it would leave them without it", "change those records first"],
        ["有其他记录引用该记录", "删除会使引用失效", "请先修改引用它的记录"];
    IdempotencyMismatch = 406, "record.idempotency_mismatch",
        ["the idempotency key was used for another request", "a key names one request for ever", "make a new key"],
        ["该幂等键已用于其他请求", "一个键只对应一个请求", "请使用新的键"];
    HistoryExpired = 407, "history.expired",
        ["that is further back than history is told", "the organisation's settings bound the history of this entity", "ask for a later time, or have the settings changed"],
        ["所问时间早于历史保留期限", "组织设置限制了该实体的历史", "请查询较近的时间，或修改设置"];
    TreeCycle = 408, "record.tree_cycle",
        ["a record cannot be above itself", "the record above it is the record itself, or stands below it", "choose another record above, or move that one first"],
        ["记录不能位于自身之上", "所选上级是该记录本身或其下级", "请另选上级，或先移动该上级"];
    RecordLocked = 409, "record.locked",
        ["the record is locked", "somebody has locked it, or its state allows no change there but of the state, and no deletion", "have whoever locked it or an administrator unlock it, or take a step that leaves the state first"],
        ["记录已锁定", "有人锁定了该记录，或其当前状态只允许更改状态", "请由锁定人或管理员解锁，或先转换到其他状态"];
    ValidityOverlap = 411, "record.validity_overlap",
        ["another record says this of the same days", "the two are linked already, or the key has a value on one of the days", "end the one that stands first, or choose other days"],
        ["同一期间已有另一条记录", "两者已关联，或该键在其中某日已有值", "请先结束已有记录，或另选日期"];
    LinkedAlready = 412, "record.linked_already",
        ["the record is linked to another one on the same days", "the relation has one at this end", "end the link that stands first, or choose other days"],
        ["该记录在同一期间已关联到另一条记录", "此关系在该端只允许一条", "请先结束已有关联，或另选日期"];
    LinkedToItself = 413, "record.linked_to_itself",
        ["a record is not linked to itself by this relation", "both ends are one record", "choose another record for one of the ends"],
        ["此关系不允许记录关联自身", "两端是同一条记录", "请为其中一端选择其他记录"];
    RecordPurged = 414, "record.purged",
        ["the record is gone for good", "it was deleted longer ago than the organisation keeps deleted records", "make it anew, or restore a backup from before"],
        ["记录已被彻底清除", "其删除时间已超过组织设置的保留天数", "请重新建立，或从更早的备份恢复"];
    SignInFailed = 501, "access.sign_in_failed",
        ["name or password is wrong", "the credentials do not match", "try again, or ask an administrator"],
        ["用户名或密码错误", "凭据不匹配", "请重试或联系管理员"];
    NotPermitted = 502, "access.not_permitted",
        ["you may not do this", "none of your roles grants the action", "ask an administrator for the right"],
        ["您无权执行该操作", "您的角色未授予该操作", "请向管理员申请权限"];
    HostTrustRequired = 503, "access.host_trust_required",
        ["the host is not trusted to name its users", "the database was opened without host trust", "sign in with a password, or open with host trust"],
        ["未信任宿主程序指定用户", "打开数据库时未授予宿主信任", "请用密码登录，或以宿主信任方式打开"];
    SessionEnded = 504, "access.session_ended",
        ["the session has ended", "it was closed, or its user was suspended", "sign in again"],
        ["会话已结束", "会话已关闭或用户已停用", "请重新登录"];
    FieldNotPermitted = 505, "access.field_not_permitted",
        ["you may not use this field", "your roles hide it", "leave the field out"],
        ["您无权使用该字段", "您的角色隐藏了该字段", "请不要使用该字段"];
    WeakPassword = 506, "access.weak_password",
        ["the password is too short", "passwords have at least 8 characters, or as many as the organisation asks for", "choose a longer password"],
        ["密码过短", "密码至少 8 个字符，或达到组织要求的长度", "请选择更长的密码"];
    BeyondOwnRights = 507, "access.beyond_own_rights",
        ["you may not give what you do not have yourself", "the change would open more than your own rights cover, or lift a denial or a mask that holds for you", "give less, or ask an administrator"],
        ["不能授予自己没有的权限", "此更改所开放的内容超出您自己的权限，或解除了对您有效的禁止或脱敏", "请减少授予内容，或联系管理员"];
    SignInWaits = 508, "access.sign_in_waits",
        ["this name has to wait before it signs in again", "it failed too often", "wait a moment; at most 15 minutes"],
        ["该用户名须稍后再登录", "失败次数过多", "请稍候，最长 15 分钟"];
    PasswordExpired = 509, "access.password_expired",
        ["the password has to be changed first", "it is older than the organisation allows, or somebody else has set it", "sign in with the old password and a new one"],
        ["须先更换密码", "密码已超过组织规定的有效期，或由他人设置", "请用旧密码登录并同时设置新密码"];
    PasswordReused = 510, "access.password_reused",
        ["this password was used before", "the organisation asks for a new one", "choose another password"],
        ["该密码已使用过", "组织要求使用新的密码", "请选择其他密码"];
    Cancelled = 601, "engine.cancelled",
        ["the call was cancelled", "somebody turned the cancel token", "repeat the call if it is still wanted"],
        ["调用已取消", "取消令牌已被触发", "如仍需要请重新调用"];
    DeadlineExceeded = 602, "engine.deadline_exceeded",
        ["the call took longer than its deadline", "much data or a waiting writer", "allow more time, or ask for less"],
        ["调用超过截止时间", "数据量大或正在等待写入", "请放宽时间或减少数据量"];
    Reentrant = 603, "engine.reentrant",
        ["this thread is inside a transaction already", "a transaction or hook called the engine again", "use the transaction at hand"],
        ["该线程已在事务之中", "事务或钩子再次调用了引擎", "请使用当前事务"];
    WrongThread = 604, "engine.wrong_thread",
        ["the handle belongs to another thread", "a transaction stays on the thread that began it, and one thread at a time uses a cursor, a record or a query", "call from that thread"],
        ["句柄属于其他线程", "事务只能在开始它的线程上使用，游标、记录与查询同一时间只能由一个线程使用", "请在原线程调用"];
    Panic = 605, "engine.panic",
        ["the engine met a fault of its own", "a bug in the engine", "report it; reopen the database if writes are refused"],
        ["引擎内部故障", "引擎存在缺陷", "请报告；如拒绝写入请重新打开数据库"];
    Forked = 606, "engine.forked",
        ["the database was opened before fork()", "a child process cannot use its parent's handles", "open the database in the child"],
        ["数据库在 fork() 之前打开", "子进程不能使用父进程的句柄", "请在子进程中重新打开"];
    NothingMatches = 607, "engine.nothing_matches",
        ["nothing matches", "the search text has no term that can be looked up", "search for other words"],
        ["没有匹配内容", "搜索文本中没有可检索的词", "请换用其他词"];
    PluginManifest = 701, "plugin.manifest",
        ["the plugin's manifest cannot be used", "a field is missing or malformed", "ask the plugin's vendor"],
        ["插件清单无法使用", "缺少字段或格式错误", "请联系插件供应商"];
    PluginHash = 702, "plugin.hash_mismatch",
        ["the plugin's file is not the one that its manifest names", "the file was altered or damaged", "fetch the plugin again"],
        ["插件文件与清单不符", "文件被篡改或损坏", "请重新获取插件"];
    PluginAbi = 703, "plugin.abi_mismatch",
        ["the plugin was built for another plugin interface", "major versions differ, or it needs a newer minor version", "use a plugin built for this engine"],
        ["插件使用了其他版本的接口", "主版本不同，或需要更新的次版本", "请使用适配本引擎的插件"];
    PluginTarget = 704, "plugin.wrong_target",
        ["the plugin was built for another platform", "operating system or processor differ", "use the plugin for this platform"],
        ["插件适用于其他平台", "操作系统或处理器不同", "请使用适合本平台的插件"];
    PluginEntry = 705, "plugin.entry",
        ["the plugin has no usable entry function", "the symbol is missing, or says something else than the manifest", "ask the plugin's vendor"],
        ["插件没有可用的入口函数", "缺少符号，或与清单不一致", "请联系插件供应商"];
    PluginFault = 706, "plugin.fault",
        ["the plugin failed", "a fault inside the plugin; the engine goes on", "ask the plugin's vendor"],
        ["插件执行失败", "插件内部故障，引擎继续运行", "请联系插件供应商"];
    PluginRejected = 707, "plugin.rejected",
        ["a plugin refused the value", "a rule of the plugin is broken", "correct the value"],
        ["插件拒绝了该值", "违反插件的规则", "请更正该值"];
    PluginConflict = 708, "plugin.conflict",
        ["a plugin of this name is loaded already", "two packages bear one id", "load one of them"],
        ["同名插件已加载", "两个插件包使用同一标识", "请只加载其中一个"];
    InvalidTransition = 801, "model.invalid_transition",
        ["the record cannot take this step from its present state", "it is closed, or in another state", "look at its state first"],
        ["当前状态不能执行该步骤", "记录已关闭或处于其他状态", "请先查看其状态"];
    ReasonRequired = 802, "model.reason_required",
        ["this step needs a reason", "losing or voiding is explained", "give a reason"],
        ["该步骤需要原因", "输单或作废需要说明", "请填写原因"];
    LedgerBroken = 901, "ledger.broken",
        ["the ledger does not verify", "an entry was altered, removed or inserted", "restore a backup and compare"],
        ["账本校验不通过", "有条目被修改、删除或插入", "请恢复备份并比对"];
    IndexMismatch = 902, "ledger.index_mismatch",
        ["an index, counter or unique key does not follow from the records", "damage, or a fault of the engine", "report it, and restore a backup"],
        ["索引、计数或唯一键与记录不一致", "数据损坏或引擎缺陷", "请报告并恢复备份"];
    CheckpointInvalid = 903, "ledger.checkpoint_invalid",
        ["a checkpoint of the ledger does not hold", "it was forged, moved or put in, or the ledger is another one than it speaks of", "compare with a copy of the ledger that was kept elsewhere"],
        ["账本检查点不成立", "检查点被伪造、移动或插入，或账本已不是它所指的账本", "请与另存的账本副本比对"];
    LegalHold = 430, "record.legal_hold",
        ["the record is under a legal hold", "somebody has ordered that it is kept, or all records like it", "have the hold released first; it is listed by `hold.list` to who administers the entity"],
        ["记录处于法律保全之中", "有人要求保全该记录，或同类的全部记录", "请先解除保全；管理该实体的人可用 hold.list 查看"];
    FourEyes = 531, "access.four_eyes",
        ["this change needs a second person", "the organisation has put such changes under four eyes", "ask for it with access.request; somebody else approves it"],
        ["该变更须由第二人批准", "组织规定此类变更须双人复核", "请用 access.request 提出申请，由他人批准"];
    RequestClosed = 532, "access.request_closed",
        ["the request is no longer open", "it was approved, refused or withdrawn, or has expired", "ask anew"],
        ["申请已关闭", "已批准、已拒绝、已撤回或已过期", "请重新申请"];
    Suppressed = 570, "privacy.suppressed",
        ["the person is on the list of those who must not come back unnoticed", "somebody with this identifier was erased, or asked not to be entered again", "enter the person only if they want it, and have them taken off the list with suppression.remove first"],
        ["该个人在抑制名单中，不应在未经注意的情况下再次录入", "具有此标识的个人已被抹除，或曾要求不再录入", "仅在本人同意时录入，并请先用 suppression.remove 将其移出名单"];
    BaseChanged = 533, "access.base_changed",
        ["what the request rests on has changed", "users, roles, grants or records that it names are not what they were when it was made", "ask anew, so that what is approved is what is shown"],
        ["申请所依据的状态已改变", "其中的用户、角色、授权或记录与申请时不同", "请重新申请，使批准的内容与显示的一致"];
    StillDue = 640, "time.still_due",
        ["the work left the record as due as before", "what is done about what is due did not move its moment", "report it to whoever declared the work"],
        ["处理后该记录仍处于到期状态", "到期处理未更新其到期时刻", "请告知该处理的提供者"];
    LeaseOver = 641, "time.lease_over",
        ["the work is no longer this runner's", "the lease has ended, or somebody else has the work by now", "let go of it; tick again for what is due"],
        ["该任务已不归此执行者", "租约已到期，或任务已交给他人", "请放弃该任务，并再次执行 time.tick"];
    PoolClaims = 650, "pool.claims",
        ["no claims are left today", "the pool's policy limits how many records one person claims in a day", "claim tomorrow"],
        ["今日领取次数已用完", "公海规则限制每人每天的领取数", "请明日再领取"];
    PoolCapacity = 651, "pool.capacity",
        ["the person holds as many records of the pool as one may", "the pool's policy limits how many records one person holds", "give some back first"],
        ["持有数已达库容上限", "公海规则限制每人持有的记录数", "请先退回部分记录"];
    PoolCoolDown = 652, "pool.cool_down",
        ["who had the record lately does not claim it again yet", "the pool's policy gives others a turn first", "wait until the days of cool-down have passed"],
        ["原负责人暂不能再次领取", "公海规则规定冷却期内由他人优先", "请在冷却期满后领取"];
    PoolProtection = 653, "pool.protection",
        ["the record cannot be protected so", "the pool's policy limits how long and how many records are protected, or has no protection", "protect it for a shorter time, or fewer records"],
        ["无法按此设置保护", "公海规则限制保护的期限和数量，或不允许保护", "请缩短期限或减少保护数量"];
    PoolViews = 715, "pool.views",
        ["no more records of the pool are opened today", "the pool limits how many of its records one person opens in a day", "claim one, or go on tomorrow"],
        ["今日查看公海记录次数已用完", "公海限制每人每天打开查看的记录数", "请领取其中的记录，或明日再查看"];
    AmbiguousMatch = 660, "model.ambiguous_match",
        ["several records match, and none was chosen", "the name, phone or e-mail address is that of several", "name one of them, or say that a new one is made"],
        ["有多条匹配记录且未指定", "名称、电话或邮箱与多条记录相同", "请指定其中一条，或要求新建"];
    ExitCriteria = 670, "model.exit_criteria",
        ["the deal does not leave its stage yet", "the stage asks for a field that has no value", "fill in the field, or change what the stage asks for"],
        ["商机尚不能离开当前阶段", "该阶段要求填写的字段为空", "请填写该字段，或调整阶段的离开条件"];
    AssignmentNoRule = 680, "assignment.no_rule",
        ["no assignment rule gives the record away", "it meets the conditions of none that is active", "make a rule that it meets, or name an owner"],
        ["没有适用的分配规则", "记录不符合任何启用中的规则", "请增设符合的规则，或直接指定负责人"];
    AssignmentNobody = 681, "assignment.nobody",
        ["nobody is there to whom the record could be given", "all members of the rules that it meets are away, inactive, at capacity, or have it already", "add members, raise capacities, or name an owner"],
        ["没有可分配的人员", "所适用规则的成员均不在岗、未启用、已满额或已是负责人", "请增加成员、提高容量，或直接指定负责人"];
    TeamShares = 682, "model.team_shares",
        ["the shares of the team are not the whole", "the shares of a team are 100 together, or nobody has one", "correct the shares"],
        ["团队分成合计不是 100", "团队成员的分成合计须为 100，或均不填写", "请更正分成"];
    StageOfAnotherPipeline = 710, "model.stage_of_another_pipeline",
        ["the stage is one of another pipeline", "a deal stands in a stage of its own pipeline, and a stage stays in the one that it was made for", "name a stage of the deal's pipeline, or move the deal with opportunity.move_to_pipeline"],
        ["该阶段属于其他销售管道", "商机只能处于所属管道的阶段，阶段设定后不可改换管道", "请指定该商机管道内的阶段，或用 opportunity.move_to_pipeline 转入其他管道"];
    PipelineInactive = 711, "model.pipeline_inactive",
        ["the pipeline takes no new deals", "it is switched off", "name another pipeline, or switch it on again"],
        ["该销售管道不接收新商机", "管道已停用", "请指定其他管道，或重新启用"];
    PipelineIncomplete = 712, "model.pipeline_incomplete",
        ["the pipeline lacks a stage", "a pipeline begins with an open stage, and has one that is won and one that is lost", "add the stage that is missing"],
        ["销售管道缺少阶段", "管道须以进行中的阶段开始，并有赢单和输单阶段", "请补充缺少的阶段"];
    PipelineAdopting = 713, "model.pipeline_adopting",
        ["another pipeline does not become the default one yet", "what stood without a pipeline is still taken into the one that is", "tick until that is done, and try again"],
        ["暂不能更换默认销售管道", "未指定管道的商机和阶段正在归入当前默认管道", "请继续执行 time.tick 直至完成后重试"];
    NotClosed = 714, "model.not_closed",
        ["the deal is not closed", "only a deal that is won, lost or void is laid aside", "close it first"],
        ["商机尚未关闭", "仅赢单、输单或作废的商机可归档", "请先关闭该商机"];
    GuideUnknown = 740, "guide.unknown",
        ["there is no such guide, or no such step of it", "the name is misspelt, or the guide was taken back", "take a name that `guide.list` tells"],
        ["引导或其步骤不存在", "名称有误，或该引导已撤回", "请使用 `guide.list` 列出的名称"];
    GuideStepOpen = 741, "guide.step_open",
        ["the step is not done yet", "the records that show it are not there", "do what the step says, and ask again"],
        ["该步骤尚未完成", "尚无可证明其完成的记录", "请按步骤说明操作后重试"];
    BackupRunning = 742, "backup.running",
        ["a backup is being written into the folder", "another thread or process has begun one there", "wait until it has ended"],
        ["该文件夹正在写入备份", "另一线程或进程已在其中开始备份", "请等待其结束"];
    PluginNotAdmitted = 540, "plugin.not_admitted",
        ["the plugin does not act on its own account", "it is not loaded, has no account here, or its account may not sign in", "load it, and give it a service account with plugin.admit"],
        ["插件不能自行操作", "插件未加载、在此没有账号，或其账号不可登录", "请加载插件，并用 plugin.admit 为其指定服务账号"];
    PluginSignature = 610, "plugin.signature",
        ["the plugin's signature does not hold", "there is none, or what it signs was altered", "fetch the package again from its vendor"],
        ["插件签名不成立", "缺少签名，或被签名的内容遭到修改", "请从供应商处重新获取插件包"];
    PluginKeyUnknown = 611, "plugin.key_unknown",
        ["the plugin is signed with a key that this host does not trust", "the key is not in the trust store, or not for plugins of this name", "compare the key with the vendor's, then trust it"],
        ["插件的签名密钥未被本宿主信任", "信任库中没有该密钥，或该密钥不适用于此名称的插件", "请与供应商核对密钥后再加入信任库"];
    PluginKeyRevoked = 612, "plugin.key_revoked",
        ["the plugin is signed with a key that was revoked", "the vendor or the host has taken the key back", "use a package that is signed with a newer key"],
        ["插件的签名密钥已被吊销", "供应商或宿主已收回该密钥", "请使用新密钥签名的插件包"];
    PluginKeyExpired = 613, "plugin.key_expired",
        ["the plugin is signed with a key that is not in force", "the time of the key is over, or has not begun", "use a package that is signed with a newer key"],
        ["插件的签名密钥不在有效期内", "密钥已过期或尚未生效", "请使用新密钥签名的插件包"];
    PluginRevoked = 614, "plugin.revoked",
        ["this version of the plugin was revoked", "the vendor or the host has taken it back", "use a newer version"],
        ["该插件版本已被吊销", "供应商或宿主已收回该版本", "请使用更新的版本"];
    PluginDowngrade = 615, "plugin.downgrade",
        ["a newer version of the plugin was loaded into this database before", "an older package may bring back a fault that was mended", "use the newer version, or allow the downgrade expressly"],
        ["此数据库曾加载过该插件的更新版本", "旧版本可能带回已修复的缺陷", "请使用更新的版本，或明确允许降级"];
    PluginRequires = 616, "plugin.requires",
        ["the plugin needs something that is not there", "another plugin or a newer engine", "load what it needs first"],
        ["插件所依赖的内容不存在", "缺少其他插件或需要更新的引擎", "请先加载其依赖"];
    PluginExcludes = 617, "plugin.excludes",
        ["the plugin does not go together with another one", "one of them says so in its manifest", "load one of them"],
        ["该插件与另一插件不能同时使用", "其中一方在清单中如此声明", "请只加载其中一个"];
    PluginCapability = 618, "plugin.capability",
        ["the plugin asks for more than this host grants", "its manifest names a capability that was not granted", "grant it if the plugin may have it, or do without the plugin"],
        ["插件要求的能力超出本宿主所授予的范围", "清单中含有未授予的能力", "如允许请授予该能力，否则请勿使用该插件"];
    PluginPath = 619, "plugin.path",
        ["the plugin's file is not safe from others", "the path is relative or a link, or others may change the file", "give an absolute path to files that only you or root may write"],
        ["插件文件可能被他人更改", "路径为相对路径或链接，或文件可被他人写入", "请使用绝对路径，且文件仅限本人或 root 写入"];
    PluginTooLarge = 620, "plugin.too_large",
        ["the plugin's file is too large", "a file of the package is longer than packages may have", "ask the plugin's vendor"],
        ["插件文件过大", "插件包内的文件超过长度上限", "请联系插件供应商"];
    PluginQuarantined = 621, "plugin.quarantined",
        ["the plugin is in quarantine", "it failed too often, so it is not called any more", "mend or replace it, then clear it"],
        ["插件已被隔离", "插件多次失败，已停止调用", "请修复或更换插件后再解除隔离"];
    PluginCrashed = 622, "plugin.crashed",
        ["the process ended inside of the plugin the last time", "the plugin crashed, or the process was killed while it ran", "replace the plugin, or clear it and try again"],
        ["上次进程在插件内终止", "插件崩溃，或进程在其运行时被终止", "请更换插件，或清除标记后重试"];
    PluginRequired = 623, "plugin.required",
        ["nothing is written here without a plugin that is not loaded", "the database was told so, for the plugin checks what is saved", "load the plugin"],
        ["缺少必需的插件，不可写入", "该数据库要求加载此插件以检查所保存的内容", "请加载该插件"];
    PluginDepth = 624, "plugin.too_deep",
        ["hooks wrote too deep within hooks", "a hook saves records whose hooks save records", "ask the plugin's vendor"],
        ["钩子嵌套写入过深", "钩子保存的记录又触发其他钩子", "请联系插件供应商"];
    PluginMigration = 625, "plugin.migration_needed",
        ["the plugin has to bring its data to a newer form first", "a newer version of the plugin is loaded than its data is for", "load it once as an administrator, who has it migrate"],
        ["插件须先迁移其数据", "所加载的插件版本比其数据更新", "请由管理员加载一次以完成迁移"];
    PluginCatalogue = 626, "plugin.catalogue",
        ["the catalogue of plugins cannot be used", "it is malformed or older than the one seen before, or has no such plugin for this host", "fetch it again"],
        ["插件目录无法使用", "目录格式错误、比已见过的更旧，或没有适用于本宿主的该插件", "请重新获取目录"];
    PluginDamaged = 627, "plugin.archive",
        ["the plugin's package is no package", "it is neither a directory nor an archive of plain files", "fetch the package again"],
        ["插件包格式不正确", "既不是目录，也不是由普通文件组成的归档", "请重新获取插件包"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_keys_name_one_code_each() {
        let numbers: BTreeSet<_> = Code::ALL.iter().map(|code| code.number()).collect();
        let keys: BTreeSet<_> = Code::ALL.iter().map(|code| code.key()).collect();
        assert_eq!(numbers.len(), Code::ALL.len());
        assert_eq!(keys.len(), Code::ALL.len());
    }

    #[test]
    fn every_code_speaks_both_languages() {
        for code in Code::ALL {
            for text in
                [code.message(Locale::English), code.cause(Locale::English), code.remedy(Locale::English)]
            {
                assert!(text.is_ascii() && !text.ends_with('.') && !text.is_empty(), "{code:?}");
            }
            for text in [
                code.message(Locale::SimplifiedChinese),
                code.cause(Locale::SimplifiedChinese),
                code.remedy(Locale::SimplifiedChinese),
            ] {
                assert!(text.chars().any(|character| character > '\u{2e80}'), "{code:?}");
            }
        }
    }
}
