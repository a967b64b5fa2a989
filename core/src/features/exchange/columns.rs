//! Which column goes to which field.

use std::collections::BTreeMap;

use crate::base::{Code, Error, Result, locale_tag};
use crate::schema::{Entity, Field, FieldName, FieldType};

/// How a file is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportOptions {
    /// Column to field, for headings that name, label and synonyms do not find. The field `-` leaves a
    /// column out.
    pub mapping: BTreeMap<String, String>,
    /// The column whose text is the row's key in the other system; a row whose key is known changes
    /// that record. Without one, the title is the key.
    pub key: Option<String>,
    /// The name of the other system; `import` if empty.
    pub source: String,
    /// Other spellings of references: what the file says, and what it means.
    pub aliases: BTreeMap<String, String>,
    /// References that are created, with their title, when no record has it.
    pub create_missing: Vec<String>,
    /// Type that a tree names to entity, where the type is the name of several entities or of none.
    pub entities: BTreeMap<String, String>,
    /// A text that stands for no value, such as `NULL`.
    pub null_text: Option<String>,
    /// Reads and checks everything, and leaves nothing behind.
    pub dry_run: bool,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A field that is no reference.
    Field(Field),
    /// The text of a translatable field in the language of a BCP 47 tag.
    Translation(Field, String),
    /// A reference, resolved by the title of a record of this entity, or by its key in the other system.
    Reference(Field, String),
    /// The owner, resolved by the name of a user.
    Owner,
    /// Nowhere.
    Nothing,
}

/// The columns of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub targets: Vec<(String, Target)>,
    pub key: Option<usize>,
}

impl Columns {
    /// Finds the target of every heading.
    pub fn find(entity: &Entity, headings: &[String], options: &ImportOptions) -> Result<Self> {
        for column in options.mapping.keys().chain(&options.key) {
            if !headings.contains(column) {
                return Err(Error::new(Code::InvalidArgument)
                    .field(column)
                    .rule("the file has no such column"));
            }
        }
        let targets = headings.iter().map(|heading| {
            let target = match options.mapping.get(heading) {
                Some(name) => named(entity, name)?,
                None => guessed(entity, heading),
            };
            Ok((heading.clone(), target))
        });
        let targets: Vec<(String, Target)> = targets.collect::<Result<_>>()?;
        if targets.iter().all(|(_, target)| *target == Target::Nothing) {
            return Err(Error::new(Code::InvalidCsv)
                .entity(&entity.api_name)
                .rule("no heading names a field"));
        }
        let key = match &options.key {
            Some(key) => headings.iter().position(|heading| heading == key),
            None => targets.iter().position(|(_, target)| is_title(entity, target)),
        };
        Ok(Self { targets, key })
    }
}

fn is_title(entity: &Entity, target: &Target) -> bool {
    matches!(target, Target::Field(field) if field.api_name == entity.definition.title)
}

fn named(entity: &Entity, name: &str) -> Result<Target> {
    match name {
        "-" => Ok(Target::Nothing),
        "owner" => Ok(Target::Owner),
        _ if name.contains(LANGUAGE_MARK) => match in_language(entity, name) {
            Some(target) => Ok(target),
            None => Err(Error::new(Code::NotTranslatable).entity(&entity.api_name).field(name)),
        },
        _ => entity.field(FieldName::Name(name)).map(of_field),
    }
}

fn guessed(entity: &Entity, heading: &str) -> Target {
    if let Some(field) = entity.field_for_heading(heading) {
        return of_field(field);
    }
    if let Some(target) = in_language(entity, heading) {
        return target;
    }
    let folded = crate::base::fold(&heading.replace('_', " "));
    if OWNER_HEADINGS.contains(&folded.as_str()) { Target::Owner } else { Target::Nothing }
}

/// What stands between a field and a language, as in `name@en`.
const LANGUAGE_MARK: char = '@';

/// A translatable field in a language, as `name@en` says it.
fn in_language(entity: &Entity, heading: &str) -> Option<Target> {
    let (name, tag) = heading.rsplit_once(LANGUAGE_MARK)?;
    let named = entity.field(FieldName::Name(name)).ok().or_else(|| entity.field_for_heading(name));
    let field = named.filter(|field| field.definition.translatable)?;
    Some(Target::Translation(field.clone(), locale_tag(tag).ok()?))
}

/// Headings that mean the owner.
const OWNER_HEADINGS: [&str; 6] = ["owner", "sales agent", "salesperson", "负责人", "销售员", "所有人"];

fn of_field(field: &Field) -> Target {
    match &field.definition.kind {
        FieldType::Reference { entity } => Target::Reference(field.clone(), entity.clone()),
        _ => Target::Field(field.clone()),
    }
}
