//! The register of processing: for what personal data is used and by which right, and who else gets it.
//!
//! Which fields serve which purposes is a property of the registry (`purposes` of a field), since it follows a value
//! into formulas, lookups and rollups; the register says what the codes mean that stand there.

use crate::access::Read;
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result, Value};
use crate::engine::privacy::kept::{Values, names};
use crate::engine::{BeforeSave, Changes, Reader, Save, Session, Transaction, WriteOptions};
use crate::records::{self, Filter, Query, Record, Sight, find_unique};
use crate::schema::declare::codes;
use crate::schema::{Entity, EntityType, Privacy, valid_name};

codes! {
    /// By which right personal data is processed. The codes are those of the GDPR, article 6(1), and of the PIPL,
    /// article 13, together; neither law knows all of them, as [`LegalBasis::gdpr`] and [`LegalBasis::pipl`] say.
    LegalBasis {
        /// The person agreed.
        Consent = "consent", "个人同意", "Consent";
        /// A contract with the person, or steps towards one, at the person's request.
        Contract = "contract", "合同所必需", "Contract";
        /// A duty that a law lays on the organisation.
        LegalObligation = "legal_obligation", "法定义务", "Legal obligation";
        /// The life or health of a person, also in a public emergency.
        VitalInterest = "vital_interest", "生命健康或突发事件", "Vital interest";
        /// A task in the public interest, among them news and the supervision by public opinion.
        PublicTask = "public_task", "公共利益", "Public task";
        /// An interest of the organisation that the person's do not outweigh.
        LegitimateInterest = "legitimate_interest", "正当利益", "Legitimate interest";
        /// What the person has made public, or what is public by law, within reason.
        PublishedInformation = "published_information", "已公开信息", "Published information";
    }
}

impl LegalBasis {
    /// The place in the Personal Information Protection Law of the People's Republic of China that has it; none for a
    /// legitimate interest, which that law does not know.
    #[must_use]
    pub const fn pipl(self) -> Option<&'static str> {
        match self {
            Self::Consent => Some("PIPL 13(1)(1)"),
            Self::Contract => Some("PIPL 13(1)(2)"),
            Self::LegalObligation => Some("PIPL 13(1)(3)"),
            Self::VitalInterest => Some("PIPL 13(1)(4)"),
            Self::PublicTask => Some("PIPL 13(1)(5)"),
            Self::LegitimateInterest => None,
            Self::PublishedInformation => Some("PIPL 13(1)(6)"),
        }
    }

    /// The place in Regulation (EU) 2016/679 that has it; none for published information, which is no basis there.
    #[must_use]
    pub const fn gdpr(self) -> Option<&'static str> {
        match self {
            Self::Consent => Some("GDPR 6(1)(a)"),
            Self::Contract => Some("GDPR 6(1)(b)"),
            Self::LegalObligation => Some("GDPR 6(1)(c)"),
            Self::VitalInterest => Some("GDPR 6(1)(d)"),
            Self::PublicTask => Some("GDPR 6(1)(e)"),
            Self::LegitimateInterest => Some("GDPR 6(1)(f)"),
            Self::PublishedInformation => None,
        }
    }

    /// Whether it holds whatever the person has said: somebody who withdrew a consent is not written to by another
    /// basis that is weighed against the person's own interests.
    #[must_use]
    pub const fn survives_withdrawal(self) -> bool {
        matches!(self, Self::Contract | Self::LegalObligation | Self::VitalInterest | Self::PublicTask)
    }
}

codes! {
    /// What a processor is to the organisation.
    ProcessorRole {
        /// One that processes on its behalf (PIPL, article 21; GDPR, article 28).
        Processor = "processor", "受托处理方", "Processor";
        /// One that decides on purposes with it (PIPL, article 20; GDPR, article 26).
        JointController = "joint_controller", "共同处理者", "Joint controller";
        /// One that is given the data to decide on its own (PIPL, article 23).
        Recipient = "recipient", "接收方", "Recipient";
    }
}

codes! {
    /// Which classes of data go to a processor.
    DataClass {
        /// Personal data.
        Personal = "personal", "个人信息", "Personal";
        /// Sensitive personal data.
        Sensitive = "sensitive", "敏感个人信息", "Sensitive";
    }
}

codes! {
    /// By what data may go to another country.
    Transfer {
        /// It stays in the country.
        None = "none", "不出境", "None";
        /// A security assessment (PIPL, article 38(1)(1)).
        SecurityAssessment = "security_assessment", "安全评估", "Security assessment";
        /// A certification (PIPL, article 38(1)(2); GDPR, article 46(2)(f)).
        Certification = "certification", "个人信息保护认证", "Certification";
        /// The standard contract of the authority (PIPL, article 38(1)(3)), or standard clauses (GDPR, article 46(2)(c)).
        StandardContract = "standard_contract", "标准合同", "Standard contract";
        /// A decision that the country protects data enough (GDPR, article 45).
        Adequacy = "adequacy", "充分性认定", "Adequacy";
        /// Binding corporate rules (GDPR, article 47).
        CorporateRules = "corporate_rules", "有约束力的公司规则", "Binding corporate rules";
        /// An exemption that the law names.
        Exempt = "exempt", "法定豁免", "Exempt";
    }
}

/// For what data is used.
pub mod purpose {
    use super::LegalBasis;
    use crate::schema::declare::entity;
    use crate::schema::{Bool, Choices, Text};

    entity! {
        /// What personal data is used for, and by which right.
        Purpose = ("sys", 30, "purpose", "处理目的", "Purpose",
            "个人信息的处理目的及其合法性基础。", title "name", data_subject false);
        /// The stable code, by which fields and consents name it.
        CODE: Text = 1, "code", "代码", "Code", "稳定代码，字段与同意记录据此引用。",
            [required = true, unique = true, indexed = true];
        /// What it is called in Chinese.
        NAME: Text = 2, "name", "名称", "Name", "该目的的中文叫法，用于中文界面。", [required = true];
        /// What it is called in English.
        NAME_EN: Text = 3, "name_en", "英文名称", "Name in English", "该目的的英文叫法，用于英文界面。", [required = true];
        /// The rights by which data is used for it.
        LEGAL_BASES: Choices<LegalBasis> = 4, "legal_bases", "合法性基础", "Legal bases",
            "依据哪些合法性基础处理。", [required = true];
        /// What is done for it, in the words of the notice to people.
        DESCRIPTION: Text = 5, "description", "说明", "Description", "告知个人的处理说明。", [];
        /// How long data is kept for it, in words; rules of retention do it.
        RETENTION: Text = 6, "retention", "保存期限", "Retention", "保存期限的文字说明；由保存规则执行。", [];
        /// Whether data is still used for it; yes unless said otherwise.
        ACTIVE: Bool = 7, "active", "启用", "Active", "是否仍用于该目的；未填写时为是。", [];
    }
}

/// Who else gets data.
pub mod processor {
    use super::{DataClass, ProcessorRole, Transfer};
    use crate::schema::declare::entity;
    use crate::schema::{Choice, Choices, DateOnly, Text};

    entity! {
        /// Somebody outside who is given personal data.
        Processor = ("sys", 31, "processor", "处理方", "Processor",
            "获得个人信息的外部组织。", title "name", data_subject false);
        /// What it is called.
        NAME: Text = 1, "name", "名称", "Name", "处理方的单位名称，以合同为准。", [required = true, indexed = true];
        /// What it is to the organisation.
        ROLE: Choice<ProcessorRole> = 2, "role", "角色", "Role", "与本组织的关系。", [required = true];
        /// The country in which data is processed, as ISO 3166-1 alpha-2 has it.
        COUNTRY: Text = 3, "country", "国家或地区", "Country", "数据处理所在国家或地区，ISO 3166-1 两字母代码。", [required = true];
        /// The codes of the purposes, with commas between them.
        PURPOSES: Text = 4, "purposes", "处理目的", "Purposes", "处理目的代码，以逗号分隔。", [];
        /// The classes of the data.
        DATA_CLASSES: Choices<DataClass> = 5, "data_classes", "数据类别", "Data classes", "所提供数据的类别。", [];
        /// The contract on it, as the organisation's files name it.
        CONTRACT: Text = 6, "contract", "合同", "Contract", "相关合同或协议的编号。", [];
        /// The first day.
        FROM: DateOnly = 7, "from", "开始日期", "From", "开始提供数据的日期。", [];
        /// The last day.
        UNTIL: DateOnly = 8, "until", "结束日期", "Until", "停止提供数据的日期。", [];
        /// By what data may go there, if it is another country.
        TRANSFER: Choice<Transfer> = 9, "transfer", "出境机制", "Transfer", "数据出境所依据的机制。", [];
        /// What else is to be said.
        NOTE: Text = 10, "note", "说明", "Note", "其他说明。", [];
    }
}

pub use processor::Processor;
pub use purpose::Purpose;

/// A purpose as it stands in the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredPurpose {
    /// Its record; nothing for a code that fields name and the register does not have.
    pub id: Option<RecordId>,
    /// The stable code.
    pub code: String,
    /// What it is called, in Chinese.
    pub name: String,
    /// What it is called, in English.
    pub name_en: String,
    /// The rights by which data is used for it.
    pub legal_bases: Vec<LegalBasis>,
    /// Whether data is still used for it.
    pub active: bool,
    /// The fields that serve it, as far as the user sees them.
    pub fields: Vec<FieldPurpose>,
}

/// A field that serves a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPurpose {
    /// The entity, by API name.
    pub entity: String,
    /// The field, by API name.
    pub field: String,
    /// What it tells of people.
    pub privacy: Privacy,
}

/// Holds a purpose to its form: a code that nothing else has and that stays.
pub(super) struct CheckPurpose;

impl BeforeSave for CheckPurpose {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let code = save.value(purpose::CODE)?;
        if !code.as_text().is_some_and(valid_name) {
            return Err(no_code());
        }
        if !save.is_new() && save.changes(purpose::CODE)? {
            return Err(Error::new(Code::InvalidArgument).field("code").rule("a code stays what it is"));
        }
        if save.value(purpose::ACTIVE)?.is_null() {
            save.set(purpose::ACTIVE, true)?;
        }
        Ok(())
    }
}

/// Holds a processor to its form: a country, purposes of the register, and days in their order.
pub(super) struct CheckProcessor;

impl BeforeSave for CheckProcessor {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let wrong = |field: &str, rule: &str| Err(Error::new(Code::InvalidArgument).field(field).rule(rule));
        let country = save.value(processor::COUNTRY)?;
        let is_country = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if !country.as_text().is_some_and(is_country) {
            return wrong("country", "ISO 3166-1 alpha-2");
        }
        let purposes = save.value(processor::PURPOSES)?;
        for code in names(purposes.as_text().unwrap_or_default()) {
            if save.find_unique(Purpose::NAME, purpose::CODE, &Value::from(code))?.is_none() {
                let missing = Error::new(Code::ReferenceMissing).field("purposes");
                return Err(missing.value(code));
            }
        }
        match (save.value(processor::FROM)?, save.value(processor::UNTIL)?) {
            (Value::Date(from), Value::Date(until)) if until < from => wrong("until", "not before from"),
            _ => Ok(()),
        }
    }
}

impl Session {
    /// Puts a purpose into the register, or changes the one of its code, by the right to create or to change records of
    /// `sys.purpose`.
    ///
    /// # Errors
    /// `access.not_permitted`; `input.invalid_argument` for a code that is no name; `schema.*`.
    pub fn define_purpose(&self, code: &str, changes: &Changes) -> Result<RecordId> {
        let options = WriteOptions::default().cause("purpose.define");
        self.write_with(options, |transaction| transaction.define_purpose(code, changes.clone()))
    }

    /// The purposes of the register, and those that fields name without being in it, with the fields that serve each;
    /// at most 1,000, in the order of their codes.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn purposes(&self) -> Result<Vec<RegisteredPurpose>> {
        self.read(|reader| reader.purposes())
    }
}

impl Transaction<'_> {
    /// As [`Session::define_purpose`].
    ///
    /// # Errors
    /// As [`Session::define_purpose`].
    pub fn define_purpose(&mut self, code: &str, changes: Changes) -> Result<RecordId> {
        if !valid_name(code) {
            return Err(no_code());
        }
        let entity = self.registry.entity(Purpose::NAME)?;
        let (id, field) = (entity.id(), entity.field(purpose::CODE.selector())?.id());
        match find_unique(self.view(), id, field, &Value::from(code))? {
            Some(known) => self.update_record(Purpose::NAME, known, changes).map(|done| done.id()),
            None => self.create_record(Purpose::NAME, changes.set(purpose::CODE, code)),
        }
    }
}

impl Reader<'_> {
    fn purposes(&self) -> Result<Vec<RegisteredPurpose>> {
        let entity = self.registry.entity(Purpose::NAME)?;
        let permit = self.policy.bootstrap::<Read>(entity.id());
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, self.patience);
        let query = Query { filter: Filter::Everything, limit: MAX_PAGE_ROWS, ..Query::default() };
        let near = [Some(0), self.policy.partition_of(self.user)];
        let found = records::find(&sight, &query)?.records.into_iter();
        let found = found.filter(|record| near.contains(&Some(record.envelope.partition)));
        let mut purposes: Vec<RegisteredPurpose> = found.map(|record| told(entity, &record)).collect();
        for (code, field) in self.fields_with_purposes() {
            let known = purposes.len();
            match purposes.iter_mut().find(|purpose| purpose.code == code) {
                Some(purpose) => purpose.fields.push(field),
                None if known < MAX_PAGE_ROWS => purposes.push(unregistered(code, field)),
                None => {}
            }
        }
        purposes.sort_by(|one, other| one.code.cmp(&other.code));
        Ok(purposes)
    }

    /// The personal fields that the user sees, with each of their purposes.
    fn fields_with_purposes(&self) -> Vec<(String, FieldPurpose)> {
        let of_field = |(entity, field, privacy): (String, String, Privacy), purposes: Vec<String>| {
            purposes.into_iter().map(move |code| {
                (code, FieldPurpose { entity: entity.clone(), field: field.clone(), privacy })
            })
        };
        self.personal_fields().into_iter().flat_map(|(field, purposes)| of_field(field, purposes)).collect()
    }

    /// The fields that the user sees and that tell something of people: entity, name, class, and for what they may be
    /// used.
    pub(crate) fn personal_fields(&self) -> Vec<((String, String, Privacy), Vec<String>)> {
        let mut found = Vec::new();
        for entity in self.registry.entities().iter().filter(|entity| !entity.is_withdrawn()) {
            let Ok(shown) = self.readable_fields(&entity.api_name) else { continue };
            for field in entity.fields().iter().filter(|field| shown.contains(&field.id())) {
                let privacy = self.registry.privacy(entity, field.id());
                if privacy > Privacy::None && !field.is_withdrawn() {
                    let name = (entity.api_name.clone(), field.api_name.clone(), privacy);
                    found.push((name, self.registry.purposes(entity, field.id())));
                }
            }
        }
        found
    }

    /// A purpose of the register that holds in a partition.
    pub(super) fn purpose_of(&self, code: &str, partition: u32) -> Result<Option<RegisteredPurpose>> {
        let entity = self.registry.entity(Purpose::NAME)?;
        let field = entity.field(purpose::CODE.selector())?.id();
        let Some(id) = find_unique(self.snapshot, entity.id(), field, &Value::from(code))? else {
            return Ok(None);
        };
        let record = records::get_for_rule(self.snapshot, entity.id(), id)?;
        let near = record.filter(|record| [0, partition].contains(&record.envelope.partition));
        Ok(near.map(|record| told(entity, &record)))
    }
}

fn no_code() -> Error {
    Error::new(Code::InvalidArgument).entity(Purpose::NAME).field("code").rule("small letters, digits and _")
}

fn told(entity: &Entity, record: &Record) -> RegisteredPurpose {
    let values = Values { entity, record };
    let bases = values.codes(purpose::LEGAL_BASES.selector());
    RegisteredPurpose {
        id: Some(record.id),
        code: values.text(purpose::CODE.selector()).unwrap_or_default(),
        name: values.text(purpose::NAME.selector()).unwrap_or_default(),
        name_en: values.text(purpose::NAME_EN.selector()).unwrap_or_default(),
        legal_bases: bases.iter().filter_map(|code| LegalBasis::from_code(code)).collect(),
        active: values.value(purpose::ACTIVE.selector()) != Value::Bool(false),
        fields: Vec::new(),
    }
}

fn unregistered(code: String, field: FieldPurpose) -> RegisteredPurpose {
    let (name, name_en) = (code.clone(), code.clone());
    RegisteredPurpose {
        id: None,
        code,
        name,
        name_en,
        legal_bases: Vec::new(),
        active: false,
        fields: vec![field],
    }
}
