//! The configuration: what settings there are, the values that the database and its users have, and how they are
//! changed. Each change is an entry of the ledger with what was and what is; a secret is in none.
//!
//! Some settings of the engine lie where they lay before there was a configuration, among [`Settings`]; all
//! others have a row of their own, and each user who has set any has one too.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, PoisonError};

use serde_json::{Map, Value as Json, json};

use crate::access::{Action, PrivilegeKind};
use crate::base::{Code, Error, Label, Locale, RecordId, Result, Value};
use crate::engine::credentials::{MAX_REMEMBERED, MIN_CHARACTERS, PasswordRules};
use crate::engine::ledger_archive::check_ledger_days;
use crate::engine::{Crm, EntryKind, Session, Settings, SlowThreshold, settings};
use crate::records::{WriteContext, WriteView, note};
use crate::schema::declare::codes;
use crate::schema::{
    Codes as _, EnumCode, FieldType, PhoneRegion, Registry, SettingDefinition, SettingScope,
};
use crate::storage::{Keyspace, Snapshot};

/// Where the values of the database lie; those of a user lie behind it and a point and the user's id.
const KEY: &[u8] = b"configuration";
/// The settings from when on a query is slow.
const SLOW_MILLISECONDS: &str = "queries.slow_threshold_ms";
const SLOW_ROWS: &str = "queries.slow_threshold_rows";
/// The setting of the region by whose rules phone numbers without country code are read.
const PHONE_REGION: &str = "regional.phone_region";
/// The settings of what is asked of passwords.
const PASSWORD_CHARACTERS: &str = "passwords.min_characters";
const PASSWORD_DAYS: &str = "passwords.max_age_days";
const PASSWORDS_REMEMBERED: &str = "passwords.remembered";
const PASSWORD_AFTER_RESET: &str = "passwords.change_after_reset";
const RECOVERY_MINUTES: &str = "passwords.recovery_minutes";
/// The settings of the days by which rights requests are answered where a law has no number.
const PIPL_DAYS: &str = "rights.pipl_working_days";
const OTHER_DAYS: &str = "rights.other_days";
/// The settings of what becomes of those who must not come back unnoticed.
const SUPPRESSION: &str = "privacy.suppression";
const SUPPRESS_ERASED: &str = "privacy.suppress_erased";
/// The setting of which changes need a second person.
pub(super) const FOUR_EYES: &str = "access.four_eyes";
/// The setting of for how many days values of archived entries of the ledger are kept, by class.
pub(super) const LEDGER_DAYS: &str = "audit.retention_days";
/// The setting of words that stand for each other in searches.
const SYNONYMS: &str = "search.synonyms";
/// The setting of what finds in entities and fields count in searches.
const SEARCH_WEIGHTS: &str = "search.weights";
/// The setting of how names are read aloud.
const READINGS: &str = "search.readings";
/// Most of what a find may count.
const MOST_WEIGHT: f64 = 1_000.0;
/// The setting of a user's language.
const LOCALE: &str = "regional.locale";

/// A setting of the engine, with the member of [`Settings`] that holds its value, if one does.
struct CoreSetting {
    definition: SettingDefinition,
    member: Option<&'static str>,
}

/// The settings of the engine. What stands here is all that is said of them.
static CORE: LazyLock<Vec<CoreSetting>> = LazyLock::new(|| {
    vec![
        CoreSetting::kept("base_currency", "regional.currency", ("本位币", "Base currency"), FieldType::Text)
            .help("未注明货币的金额所用的 ISO 4217 货币", "ISO 4217 code of amounts that name none"),
        CoreSetting::kept("time_zone", "regional.time_zone", ("时区", "Time zone"), FieldType::Text)
            .help("日期起止所依据的 IANA 时区", "IANA zone in which days begin and end"),
        CoreSetting::kept("first_weekday", "regional.week_starts", ("每周第一天", "Week starts"), weekdays()),
        CoreSetting::kept(
            "fiscal_year_start",
            "regional.fiscal_year_start",
            ("财年起始月", "Fiscal year starts"),
            FieldType::Int,
        )
        .between(1, 12),
        CoreSetting::own(PHONE_REGION, ("电话号码的默认地区", "Region of phone numbers"), FieldType::Text)
            .default("CN")
            .help(
                "未带国家代码的电话号码所属地区，ISO 3166-1 两位代码",
                "ISO 3166-1 code of the region by whose rules numbers without country code are read",
            ),
        CoreSetting::own(LOCALE, ("语言", "Language"), locales())
            .of_users()
            .help("消息所用的语言；未设置时由宿主决定", "Language of messages; the host's where none is set"),
        CoreSetting::kept(
            "max_attachment_bytes",
            "attachments.max_bytes",
            ("附件大小上限（字节）", "Largest attachment, in bytes"),
            FieldType::Int,
        )
        .between(0, i64::MAX),
        CoreSetting::kept(
            "history_days",
            "history.retention_days",
            ("历史保留天数", "Days of history"),
            FieldType::Json,
        )
        .help("按实体设置可查询历史的天数", "By entity, how many days back history is told"),
        CoreSetting::kept(
            "purge_days",
            "deletion.purge_days",
            ("已删除记录保留天数", "Days of deleted records"),
            FieldType::Json,
        )
        .help(
            "按实体设置已删除记录在清除前保留的天数",
            "By entity, for how many days deleted records are kept before a purge",
        ),
        CoreSetting::kept(
            "read_policies",
            "audit.read_policies",
            ("读取审计策略", "Policies on reads"),
            FieldType::Json,
        )
        .help("按实体设置是否记录读取者", "By entity, whether the ledger says who read its records"),
        CoreSetting::kept(
            "anomaly_rules",
            "audit.anomaly_rules",
            ("异常规则", "Rules of anomalies"),
            FieldType::Json,
        )
        .help("替换或补充默认规则", "Rules in place of the usual ones, or beside them"),
        CoreSetting::own(
            SLOW_MILLISECONDS,
            ("慢查询时长（毫秒）", "Slow query, in milliseconds"),
            FieldType::Int,
        )
        .default(1_000)
        .between(0, 3_600_000)
        .help("达到该时长的查询记入慢查询日志", "Queries that take as long are entered in the log"),
        CoreSetting::own(SLOW_ROWS, ("慢查询读取记录数", "Slow query, in records read"), FieldType::Int)
            .default(100_000)
            .between(1, i64::MAX)
            .help(
                "读取记录达到该数量的查询记入慢查询日志",
                "Queries that read as many are entered in the log",
            ),
        CoreSetting::own(
            PASSWORD_CHARACTERS,
            ("密码最少字符数", "Fewest characters of a password"),
            FieldType::Int,
        )
        .default(MIN_CHARACTERS)
        .between(8, 128)
        .help("适用于此后设置的密码", "Of passwords that are set from then on"),
        CoreSetting::own(
            PASSWORD_DAYS,
            ("密码有效天数", "Days until a password is to be changed"),
            FieldType::Int,
        )
        .default(0)
        .between(0, 3_650)
        .help(
            "超过该天数后，须先更换密码才能登录；0 表示不限期",
            "Older ones are to be changed before anything else; 0 for never",
        ),
        CoreSetting::own(
            PASSWORDS_REMEMBERED,
            ("不可重复使用的最近密码数", "Last passwords that are no new one"),
            FieldType::Int,
        )
        .default(0)
        .between(0, i64::try_from(MAX_REMEMBERED).unwrap_or(0))
        .help("用户不能再次使用自己最近的若干个密码", "Users take none of as many of their own last ones"),
        CoreSetting::own(
            PASSWORD_AFTER_RESET,
            ("首次登录须更换密码", "Change at the first sign-in"),
            FieldType::Bool,
        )
        .default(false)
        .help(
            "由他人设置的密码在首次登录时必须更换",
            "A password that somebody else has set is to be changed at the first sign-in",
        ),
        CoreSetting::own(
            RECOVERY_MINUTES,
            ("找回码有效分钟数", "Minutes for which a recovery code is good"),
            FieldType::Int,
        )
        .default(30)
        .between(1, 10_080)
        .help("找回密码所用一次性代码的有效时间", "Of a code by which a user sets a lost password anew"),
        CoreSetting::own(
            PIPL_DAYS,
            ("个人信息保护法请求的答复工作日", "Working days to answer requests under PIPL"),
            FieldType::Int,
        )
        .default(15)
        .between(1, 365)
        .help(
            "法律仅要求及时处理，未规定天数；15 个工作日为通行做法，不计法定节假日",
            "The law asks for a timely answer and has no number; 15 is a practice, and public holidays are not known",
        ),
        CoreSetting::own(
            OTHER_DAYS,
            ("其他法律请求的答复天数", "Days to answer requests under other laws"),
            FieldType::Int,
        )
        .default(30)
        .between(1, 365),
        CoreSetting::own(
            SUPPRESSION,
            ("再次录入被抑制者时", "When somebody is entered who is on the suppression list"),
            suppression_modes(),
        )
        .default(SuppressionMode::Warn.code())
        .help(
            "新建、修改或导入的个人与抑制名单相符时的处理",
            "When a person who is made, changed or imported is on the list of those who must not come back unnoticed",
        ),
        CoreSetting::own(
            SUPPRESS_ERASED,
            ("抹除时列入抑制名单", "Erasing puts on the suppression list"),
            FieldType::Bool,
        )
        .default(true)
        .help(
            "抹除个人时保留其电子邮件、电话和身份证号的密钥哈希",
            "Keyed hashes of e-mail addresses, phone and identity numbers stay of whoever is erased",
        ),
        CoreSetting::own(LEDGER_DAYS, ("审计内容保留天数", "Days of the ledger"), FieldType::Json)
            .default(json!({}))
            .help(
                "按类别设置已归档条目的内容保留天数：reads、sign_ins、refusals、exports",
                "By class, for how long archived entries keep their values: reads, sign_ins, refusals, exports",
            ),
        CoreSetting::own(SYNONYMS, ("搜索同义词", "Synonyms in searches"), FieldType::Json)
            .default(json!([]))
            .help(
                "可互相替代的词，分组给出，如 [[\"有限公司\", \"Ltd\"]]",
                "Groups of words that stand for each other, as [[\"有限公司\", \"Ltd\"]]",
            ),
        CoreSetting::own(SEARCH_WEIGHTS, ("搜索权重", "Weights in searches"), FieldType::Json)
            .default(json!({}))
            .help(
                "实体或其字段的权重，如 {\"crm.account\": 2, \"crm.account.name\": 3}；未列出的为 1",
                "What finds in entities and fields count, as {\"crm.account\": 2, \"crm.account.name\": 3}; 1 if not listed",
            ),
        CoreSetting::own(READINGS, ("名称读音", "Readings of names"), FieldType::Json)
            .default(json!({}))
            .help(
                "名称的读音，每字一个拼音，如 {\"乐清\": \"yue qing\"}；更改后索引会重建",
                "How names are read, a syllable for each character, as {\"乐清\": \"yue qing\"}; a change makes the index anew",
            ),
        CoreSetting::own(FOUR_EYES, ("须双人复核的权限变更", "Changes under four eyes"), privileges())
            .default(json!([]))
            .help(
                "列出的变更须由第二人批准后才执行；取消其中任何一项同样须经批准",
                "Such changes wait for a second person; so does taking any of them off this list",
            ),
    ]
});

fn weekdays() -> FieldType {
    let days = [
        ("monday", "星期一", "Monday"),
        ("tuesday", "星期二", "Tuesday"),
        ("wednesday", "星期三", "Wednesday"),
        ("thursday", "星期四", "Thursday"),
        ("friday", "星期五", "Friday"),
        ("saturday", "星期六", "Saturday"),
        ("sunday", "星期日", "Sunday"),
    ];
    FieldType::Enum { codes: days.map(|(code, zh, en)| EnumCode::new(code, Label::new(zh, en))).into() }
}

fn locales() -> FieldType {
    let locales = [("zh-Hans", "简体中文", "Simplified Chinese"), ("en", "英语", "English")];
    FieldType::Enum { codes: locales.map(|(code, zh, en)| EnumCode::new(code, Label::new(zh, en))).into() }
}

codes! {
    /// What is done when somebody is entered who is on the list of those who must not come back unnoticed.
    SuppressionMode {
        /// Nothing.
        Off = "off", "不处理", "Nothing";
        /// The record is taken with a warning.
        Warn = "warn", "警告", "Warn";
        /// The record is refused.
        Refuse = "refuse", "拒绝", "Refuse";
    }
}

fn suppression_modes() -> FieldType {
    let modes = SuppressionMode::ALL.iter();
    FieldType::Enum {
        codes: modes.map(|(_, code, zh, en)| EnumCode::new(code, Label::new(zh, en))).collect(),
    }
}

fn privileges() -> FieldType {
    let kinds = PrivilegeKind::ALL.iter();
    FieldType::MultiEnum {
        codes: kinds.map(|(_, code, zh, en)| EnumCode::new(code, Label::new(zh, en))).collect(),
    }
}

/// The changes that a value of the setting names.
pub(super) fn privileges_of(value: &Json) -> BTreeSet<PrivilegeKind> {
    let codes = value.as_array().into_iter().flatten().filter_map(Json::as_str);
    codes.filter_map(PrivilegeKind::from_code).collect()
}

impl CoreSetting {
    fn own(name: &str, (zh, en): (&str, &str), kind: FieldType) -> Self {
        Self { definition: SettingDefinition::new("sys", name, Label::new(zh, en), kind), member: None }
    }

    fn kept(member: &'static str, name: &str, label: (&str, &str), kind: FieldType) -> Self {
        let mut setting = Self { member: Some(member), ..Self::own(name, label, kind) };
        setting.definition.default = member_of(&Settings::default(), member);
        setting
    }

    fn default(mut self, value: impl Into<Json>) -> Self {
        self.definition.default = value.into();
        self
    }

    fn help(mut self, zh: &str, en: &str) -> Self {
        self.definition.help = Some(Label::new(zh, en));
        self
    }

    fn between(mut self, least: i64, most: i64) -> Self {
        (self.definition.min, self.definition.max) = (Some(least), Some(most));
        self
    }

    fn of_users(mut self) -> Self {
        self.definition.scope = SettingScope::User;
        self
    }
}

/// The values that were set for the database and lie in the row of the configuration.
#[derive(Debug)]
pub(super) struct Configuration {
    values: Map<String, Json>,
    /// What every query is held against, worked out once.
    slow: SlowThreshold,
    phones: PhoneRegion,
    passwords: PasswordRules,
    four_eyes: BTreeSet<PrivilegeKind>,
}

impl Configuration {
    pub(super) fn load(snapshot: &dyn Snapshot) -> Result<Self> {
        Ok(Self::of(row(snapshot, KEY)?))
    }

    fn of(values: Map<String, Json>) -> Self {
        let number = |name: &str| {
            let default =
                || CORE.iter().find(|core| core.definition.name == name)?.definition.default.as_u64();
            values.get(name).and_then(Json::as_u64).or_else(default).unwrap_or(u64::MAX)
        };
        let micros = number(SLOW_MILLISECONDS).saturating_mul(1_000);
        let slow = SlowThreshold { micros, rows: number(SLOW_ROWS) };
        let phones = values.get(PHONE_REGION).and_then(Json::as_str).map(PhoneRegion::from_code);
        let passwords = PasswordRules {
            min_characters: number(PASSWORD_CHARACTERS),
            max_age_days: number(PASSWORD_DAYS),
            remembered: number(PASSWORDS_REMEMBERED),
            change_after_reset: values.get(PASSWORD_AFTER_RESET).and_then(Json::as_bool).unwrap_or(false),
            recovery_minutes: number(RECOVERY_MINUTES),
        };
        let four_eyes = values.get(FOUR_EYES).map(privileges_of).unwrap_or_default();
        Self { phones: phones.and_then(Result::ok).unwrap_or_default(), values, slow, passwords, four_eyes }
    }

    /// The changes that need a second person.
    pub(super) fn four_eyes(&self) -> &BTreeSet<PrivilegeKind> {
        &self.four_eyes
    }

    /// What is asked of passwords.
    pub(super) fn passwords(&self) -> PasswordRules {
        self.passwords
    }
}

/// A setting with the value that it has for a session.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfiguredSetting {
    /// What its author declared.
    pub definition: SettingDefinition,
    /// The value in force; null for a secret.
    pub value: Json,
    /// Whether the database has a value of its own, in place of the default.
    pub is_set: bool,
    /// Whether the value is the user's own.
    pub is_own: bool,
}

/// A setting that a change makes other than it was.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingChange {
    /// The setting.
    pub setting: String,
    /// The value that was set, null for none and for a secret.
    pub old: Json,
    /// The value that is set, null for none and for a secret.
    pub new: Json,
    /// Whether the values are secret and therefore not told.
    pub secret: bool,
}

impl SettingChange {
    /// The change as JSON, as the ledger and the methods tell it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self.secret {
            true => json!({"setting": self.setting, "secret": true}),
            false => json!({"setting": self.setting, "old": self.old, "new": self.new}),
        }
    }
}

/// What is to be done with settings: a value for each, or none to go back to the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigurationChange {
    /// The values by setting.
    pub values: BTreeMap<String, Option<Json>>,
    /// Whether they are the user's own, and not those of the database.
    pub own: bool,
    /// Whether it is only looked at.
    pub dry_run: bool,
}

/// The settings that there are: the engine's, then those of packages and extensions. The name of one of the
/// engine's is nobody else's.
fn known(registry: &Registry) -> impl Iterator<Item = &SettingDefinition> {
    let of_core = |name: &str| CORE.iter().any(|core| core.definition.name == name);
    let declared = registry.settings().iter().filter(|setting| !setting.is_withdrawn());
    let declared = declared.map(|setting| &setting.definition);
    let declared = declared.filter(move |definition| !of_core(&definition.api_name()));
    CORE.iter().map(|core| &core.definition).chain(declared)
}

fn member(name: &str) -> Option<&'static str> {
    CORE.iter().find(|core| core.definition.name == name).and_then(|core| core.member)
}

impl Session {
    /// Every setting with the value that it has for this session's user.
    ///
    /// # Errors
    /// `access.session_ended`, `storage.damaged`, `storage.io`.
    pub fn configuration(&self) -> Result<Vec<ConfiguredSetting>> {
        let (crm, registry) = (self.crm(), self.crm().registry());
        let own = self.read(|reader| row(reader.snapshot, &user_key(self.user())))?;
        let settings = known(&registry).map(|definition| {
            let name = definition.api_name();
            let set = crm.set_value(&name);
            let of_user = own.get(&name).filter(|_| definition.scope == SettingScope::User);
            let value =
                of_user.cloned().or_else(|| set.clone()).unwrap_or_else(|| definition.default.clone());
            ConfiguredSetting {
                value: if definition.secret { Json::Null } else { value },
                is_set: set.is_some(),
                is_own: of_user.is_some(),
                definition: definition.clone(),
            }
        });
        Ok(settings.collect())
    }

    /// Changes settings, all of them or none, and gives those that are other than before. Each is an entry of
    /// the ledger together with the others of the call. A user changes values of their own; those of the
    /// database need the right to administer what the setting names.
    ///
    /// # Errors
    /// `input.invalid_configuration` naming every setting that is unknown or does not take its value;
    /// `access.not_permitted`; `access.session_ended`.
    pub fn change_configuration(&self, change: &ConfigurationChange) -> Result<Vec<SettingChange>> {
        let registry = self.crm().registry();
        let checked = checked(&registry, &self.crm().settings(), change)?;
        for (definition, _) in checked.iter().filter(|_| !change.own) {
            self.check_may(definition.administered_with(), Action::Administer)?;
        }
        self.read(|_| Ok(()))?;
        let user = change.own.then(|| self.user());
        match change.dry_run {
            true => {
                let snapshot = self.crm().snapshot()?;
                let changes = Draft::of(snapshot.as_ref(), user)?.take(&checked)?;
                self.crm().check_four_eyes_setting(snapshot.as_ref(), &changes)?;
                Ok(changes)
            }
            false => self.crm().configure(self.user(), user, &checked),
        }
    }

    /// The values that were set for the database, without secrets, as
    /// [`Session::change_configuration`] of another database takes them.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn export_configuration(&self) -> Result<Map<String, Json>> {
        self.check_may("sys.role", Action::Administer)?;
        let registry = self.crm().registry();
        let told = known(&registry).filter(|definition| !definition.secret);
        let set = told.filter_map(|definition| {
            let name = definition.api_name();
            self.crm().set_value(&name).map(|value| (name, value))
        });
        Ok(set.collect())
    }
}

impl Crm {
    /// The value of a setting for the database, a secret's too: hosts and the connectors within them read here
    /// what no session is told.
    ///
    /// # Errors
    /// `input.invalid_configuration` for a setting that there is not.
    pub fn configured(&self, name: &str) -> Result<Value> {
        let registry = self.registry();
        let found = known(&registry).find(|definition| definition.api_name() == name);
        let definition = found.ok_or_else(|| {
            Error::new(Code::InvalidConfiguration).field(name).rule(&format!("{name}: no such setting"))
        })?;
        definition.value(&self.set_value(name).unwrap_or_else(|| definition.default.clone()))
    }

    /// The value that the database has in place of the default.
    pub(super) fn set_value(&self, name: &str) -> Option<Json> {
        match member(name) {
            Some(member) => Some(member_of(&self.settings(), member)),
            None => self.configuration().values.get(name).cloned(),
        }
    }

    /// What is done when somebody is entered who must not come back unnoticed.
    pub(super) fn suppression_mode(&self) -> SuppressionMode {
        let set = self.set_value(SUPPRESSION);
        let mode = set.as_ref().and_then(Json::as_str).and_then(SuppressionMode::from_code);
        mode.unwrap_or(SuppressionMode::Warn)
    }

    /// Whether erasing somebody puts them on the list of those who must not come back unnoticed.
    pub(super) fn suppresses_erased(&self) -> bool {
        self.set_value(SUPPRESS_ERASED).as_ref().and_then(Json::as_bool).unwrap_or(true)
    }

    /// The words that stand for each other in searches, in groups. What is no list of lists of words is passed over.
    pub(crate) fn synonyms(&self) -> Vec<Vec<String>> {
        let set = self.set_value(SYNONYMS);
        let groups = set.as_ref().and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let words = |group: &Json| {
            let words = group.as_array().map(Vec::as_slice).unwrap_or_default();
            words.iter().filter_map(Json::as_str).map(str::to_owned).collect()
        };
        groups.iter().map(words).collect()
    }

    /// What finds count in searches, by the API name of an entity, or that of a field behind it. What is no number from
    /// 0 to 1,000 is passed over.
    pub(crate) fn search_weights(&self) -> Vec<(String, f32)> {
        let weight = |(name, weight): (&String, &Json)| {
            // A number with a fraction is kept as text, since values in JSON are exact.
            let weight = weight.as_f64().or_else(|| weight.as_str()?.parse().ok());
            let weight = weight.filter(|weight| (0.0..=MOST_WEIGHT).contains(weight))?;
            // What a score is multiplied by needs no more precision.
            Some((name.clone(), weight as f32))
        };
        let set = self.set_value(SEARCH_WEIGHTS);
        set.as_ref().and_then(Json::as_object).into_iter().flatten().filter_map(weight).collect()
    }

    /// The names that are read otherwise than usual, with their syllables, one for each character. What has another
    /// number of syllables, or signs that no syllable has, is passed over.
    pub(crate) fn readings(&self) -> Vec<(String, Vec<String>)> {
        let reading = |(name, reading): (&String, &Json)| {
            let syllables: Vec<String> =
                reading.as_str()?.split_whitespace().map(str::to_lowercase).collect();
            let spelt =
                syllables.iter().all(|syllable| syllable.bytes().all(|byte| byte.is_ascii_lowercase()));
            (spelt && !syllables.is_empty() && name.chars().count() == syllables.len())
                .then(|| (name.clone(), syllables))
        };
        let set = self.set_value(READINGS);
        set.as_ref().and_then(Json::as_object).into_iter().flatten().filter_map(reading).collect()
    }

    /// The days by which rights requests are answered under PIPL and under other laws that are not known here.
    pub(super) fn days_of_rights(&self) -> (u32, u32) {
        let days = |name: &str| {
            let default =
                || CORE.iter().find(|core| core.definition.name == name)?.definition.default.as_u64();
            let set = self.set_value(name).as_ref().and_then(Json::as_u64);
            set.or_else(default).and_then(|days| u32::try_from(days).ok()).unwrap_or(1)
        };
        (days(PIPL_DAYS), days(OTHER_DAYS))
    }

    /// The language that a user has chosen, if any.
    pub(super) fn locale_of(&self, snapshot: &dyn Snapshot, user: RecordId) -> Result<Option<Locale>> {
        let own = row(snapshot, &user_key(user))?;
        let chosen = own.get(LOCALE).cloned().or_else(|| self.set_value(LOCALE));
        Ok(chosen.as_ref().and_then(Json::as_str).and_then(|tag| Locale::parse(tag).ok()))
    }

    fn configure(
        &self,
        actor: RecordId,
        user: Option<RecordId>,
        values: &Checked<'_>,
    ) -> Result<Vec<SettingChange>> {
        let done: RefCell<Option<(Draft, Vec<SettingChange>)>> = RefCell::new(None);
        self.system_write_and(
            actor,
            "configuration.change",
            |view, context| {
                let mut draft = Draft::of(view, user)?;
                let changes = draft.take(values)?;
                self.check_four_eyes_setting(view, &changes)?;
                draft.enter(view, context, &changes)?;
                *done.borrow_mut() = Some((draft, changes));
                Ok(())
            },
            &mut || {
                if let Some((draft, _)) = done.borrow().as_ref()
                    && user.is_none()
                {
                    self.show_settings(&draft.settings);
                    self.show_configuration(Configuration::of(draft.values.clone()));
                }
            },
        )?;
        Ok(done.into_inner().map(|(_, changes)| changes).unwrap_or_default())
    }

    /// From when on a query is slow.
    #[must_use]
    pub fn slow_threshold(&self) -> SlowThreshold {
        self.inner.configuration.read().unwrap_or_else(PoisonError::into_inner).slow
    }

    /// The region by whose rules phone numbers without country code are read.
    pub(super) fn phone_region(&self) -> PhoneRegion {
        self.inner.configuration.read().unwrap_or_else(PoisonError::into_inner).phones
    }

    /// What the organisation asks of passwords.
    pub(super) fn password_rules(&self) -> PasswordRules {
        self.configuration().passwords
    }

    pub(super) fn configuration(&self) -> Arc<Configuration> {
        Arc::clone(&self.inner.configuration.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn show_configuration(&self, changed: Configuration) {
        *self.inner.configuration.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed);
    }
}

/// Settings with the values that they take, as they are stored; none to go back to the default.
type Checked<'r> = Vec<(&'r SettingDefinition, Option<Json>)>;

/// Finds every setting that is unknown or does not take its value.
fn checked<'r>(
    registry: &'r Registry,
    settings: &Settings,
    change: &ConfigurationChange,
) -> Result<Checked<'r>> {
    let (mut checked, mut faults) = (Vec::new(), Vec::new());
    for (name, value) in &change.values {
        let definition = known(registry).find(|definition| definition.api_name() == *name);
        let definition = match definition {
            Some(definition) if !change.own || definition.scope == SettingScope::User => definition,
            Some(_) => {
                faults.push((name, "it has no values of users' own".to_owned()));
                continue;
            }
            None => {
                faults.push((name, "no such setting".to_owned()));
                continue;
            }
        };
        match value.as_ref().map(|value| stored(registry, settings, definition, value)).transpose() {
            Ok(stored) => checked.push((definition, stored)),
            Err(error) => {
                let rule = error.rule_name().map(|rule| format!(" ({rule})")).unwrap_or_default();
                faults.push((name, format!("{}{rule}", error.code().key())));
            }
        }
    }
    if faults.is_empty() {
        return Ok(checked);
    }
    let names: Vec<&str> = faults.iter().map(|(name, _)| name.as_str()).collect();
    let rules: Vec<String> = faults.iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
    Err(Error::new(Code::InvalidConfiguration).field(&names.join(", ")).rule(&rules.join("; ")))
}

/// A value as it is stored, by its type and by what the settings of the organisation ask besides.
fn stored(
    registry: &Registry,
    settings: &Settings,
    definition: &SettingDefinition,
    said: &Json,
) -> Result<Json> {
    let value = definition.value(said)?;
    // A list of codes that names none is a value as well.
    let list = matches!(definition.kind, FieldType::MultiEnum { .. });
    if value.is_null() && list && said.is_array() {
        return Ok(json!([]));
    }
    if value.is_null() {
        return Err(Error::new(Code::Required).rule("reset it to go back to the default"));
    }
    if let (PHONE_REGION, Value::Text(code)) = (definition.name.as_str(), &value) {
        PhoneRegion::from_code(code)?;
    }
    let value = value.to_json();
    if definition.name == LEDGER_DAYS && definition.namespace == "sys" {
        check_ledger_days(&value)?;
    }
    if let Some(member) = member(&definition.name).filter(|_| definition.namespace == "sys") {
        with_member(settings, member, &value)?.check_in(registry)?;
    }
    Ok(value)
}

fn member_of(settings: &Settings, member: &str) -> Json {
    let whole = serde_json::to_value(settings).unwrap_or_default();
    // A member that is left out is empty.
    whole.get(member).cloned().unwrap_or_else(|| json!({}))
}

fn with_member(settings: &Settings, member: &str, value: &Json) -> Result<Settings> {
    let mut whole = serde_json::to_value(settings).map_err(|error| Error::new(Code::Panic).because(error))?;
    if let Some(members) = whole.as_object_mut() {
        members.insert(member.to_owned(), value.clone());
    }
    serde_json::from_value(whole).map_err(|error| Error::new(Code::WrongType).rule(&error.to_string()))
}

/// The rows of settings as a change leaves them.
struct Draft {
    settings: Settings,
    values: Map<String, Json>,
    user: Option<RecordId>,
}

impl Draft {
    fn of(snapshot: &dyn Snapshot, user: Option<RecordId>) -> Result<Self> {
        let values = match user {
            Some(user) => row(snapshot, &user_key(user))?,
            None => row(snapshot, KEY)?,
        };
        Ok(Self { settings: Settings::load(snapshot)?, values, user })
    }

    /// Takes the values, and says which of them are other than before.
    fn take(&mut self, values: &Checked<'_>) -> Result<Vec<SettingChange>> {
        let mut changes = Vec::new();
        for (definition, new) in values {
            let name = definition.api_name();
            let kept = member(&name).filter(|_| self.user.is_none());
            let (old, new) = match kept {
                Some(member) => {
                    let new = new.clone().unwrap_or_else(|| definition.default.clone());
                    let old = member_of(&self.settings, member);
                    self.settings = with_member(&self.settings, member, &new)?;
                    (old, new)
                }
                None => {
                    let old = match new {
                        Some(new) => self.values.insert(name.clone(), new.clone()),
                        None => self.values.remove(&name),
                    };
                    (old.unwrap_or_default(), new.clone().unwrap_or_default())
                }
            };
            if old != new {
                let secret = definition.secret;
                let told = |value: Json| if secret { Json::Null } else { value };
                changes.push(SettingChange { setting: name, old: told(old), new: told(new), secret });
            }
        }
        self.settings.check()?;
        Ok(changes)
    }

    /// Writes what is other than before, and enters it.
    fn enter(
        &self,
        view: &mut WriteView<'_>,
        context: &WriteContext,
        changes: &[SettingChange],
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.put(view)?;
        let told: Vec<Json> = changes.iter().map(SettingChange::to_json).collect();
        let scope = if self.user.is_some() { "user" } else { "database" };
        let text = json!({"scope": scope, "changes": told}).to_string();
        note(view, context, EntryKind::Settings, context.actor, &text);
        Ok(())
    }

    /// Writes what is other than before; a row that was never written stays so while it is empty.
    fn put(&self, view: &mut WriteView<'_>) -> Result<()> {
        let json = |error| Error::new(Code::Panic).because(error);
        if self.user.is_none() && Settings::load(view)? != self.settings {
            let settings = serde_json::to_vec(&self.settings).map_err(json)?;
            view.put(Keyspace::Meta, settings::KEY.to_vec(), settings);
        }
        let key = self.user.map_or_else(|| KEY.to_vec(), user_key);
        if row(view, &key)? != self.values {
            view.put(Keyspace::Meta, key, serde_json::to_vec(&self.values).map_err(json)?);
        }
        Ok(())
    }
}

/// Puts the list of changes that need a second person into a transaction, and gives what the configuration becomes.
pub(super) fn put_four_eyes(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    kinds: &BTreeSet<PrivilegeKind>,
) -> Result<Configuration> {
    let core = CORE.iter().map(|core| &core.definition).find(|definition| definition.name == FOUR_EYES);
    let definition = core.ok_or_else(|| Error::new(Code::Panic).rule(FOUR_EYES))?;
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
    let mut draft = Draft::of(view, None)?;
    let changes = draft.take(&vec![(definition, Some(json!(codes)))])?;
    draft.enter(view, context, &changes)?;
    Ok(Configuration::of(draft.values))
}

fn user_key(user: RecordId) -> Vec<u8> {
    [KEY, b".", user.as_bytes()].concat()
}

fn row(snapshot: &dyn Snapshot, key: &[u8]) -> Result<Map<String, Json>> {
    match snapshot.get(Keyspace::Meta, key)? {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| Error::new(Code::Damaged).rule("configuration").because(error)),
        None => Ok(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Weekday;

    #[test]
    fn every_setting_of_the_engine_is_sound_and_its_kept_member_takes_its_default() {
        for core in CORE.iter() {
            core.definition.check().unwrap();
            if let Some(member) = core.member {
                let kept = with_member(&Settings::default(), member, &core.definition.default).unwrap();
                assert_eq!(kept, Settings::default(), "{}", core.definition.name);
            }
        }
        let days = weekdays();
        let codes = days.codes().unwrap_or_default();
        assert!(codes.len() == 7 && codes.iter().all(|code| Weekday::parse(&code.code).is_ok()));
    }
}
