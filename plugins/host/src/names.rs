//! What the names that a plugin uses stand for, found once for each version of the registry.
//!
//! Hooks ask for the same few fields of one record after the other. A name is looked for among the fields of the plugin
//! and of the entity the first time; from then on it is found by a look at a short list.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use guanxi::base::{Code, EntityId, FieldId, Result};

/// Most names of one entity that are kept; a plugin that makes names up finds each of the others anew.
const MAX_NAMES: usize = 256;

/// A field that a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    pub field: FieldId,
    /// Whether it is the plugin's own. Of other fields a plugin sees and sets what the user may, and no more.
    pub is_own: bool,
}

/// The names that one plugin has used in one database.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The version of the registry in which they stand for these fields.
    version: u32,
    entities: BTreeMap<EntityId, Vec<(Box<str>, Named)>>,
}

impl Names {
    /// The field that a name stands for: a plain name is a field of the plugin's own first, then of the entity;
    /// `<plugin>/<name>` is another plugin's.
    ///
    /// # Errors
    /// Those of `find`, which looks for the full name of a field.
    pub fn find(
        &self,
        plugin: &str,
        (entity, version): (EntityId, u32),
        name: &str,
        find: impl Fn(&str) -> Result<FieldId>,
    ) -> Result<Named> {
        if let Some(known) = self.known((entity, version), name) {
            return Ok(known);
        }
        let named = resolve(plugin, name, find)?;
        self.keep((entity, version), name, named);
        Ok(named)
    }

    fn known(&self, (entity, version): (EntityId, u32), name: &str) -> Option<Named> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_entity = known.entities.get(&entity).filter(|_| known.version == version)?;
        of_entity.iter().find(|(known, _)| **known == *name).map(|(_, named)| *named)
    }

    fn keep(&self, (entity, version): (EntityId, u32), name: &str, named: Named) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.version != version {
            *known = Known { version, ..Known::default() };
        }
        let of_entity = known.entities.entry(entity).or_default();
        if of_entity.len() < MAX_NAMES && of_entity.iter().all(|(known, _)| **known != *name) {
            of_entity.push((name.into(), named));
        }
    }
}

fn resolve(plugin: &str, name: &str, find: impl Fn(&str) -> Result<FieldId>) -> Result<Named> {
    let of = |full: &str| Ok(Named { field: find(full)?, is_own: is_own(plugin, full) });
    if let Some((other, name)) = name.split_once('/') {
        return of(&format!("{other}.{name}"));
    }
    match of(&format!("{plugin}.{name}")) {
        Err(error) if error.code() == Code::UnknownField => of(name),
        outcome => outcome,
    }
}

/// Whether a field is the plugin's own.
fn is_own(plugin: &str, name: &str) -> bool {
    let rest = name.strip_prefix(plugin).and_then(|rest| rest.strip_prefix('.'));
    // With another point in it, it is a field of a plugin whose id begins with this one's.
    rest.is_some_and(|field| !field.contains('.'))
}

#[cfg(test)]
mod tests {
    use guanxi::base::Error;

    use super::*;

    #[test]
    fn a_field_of_a_plugin_whose_id_begins_with_this_ones_is_not_its_own() {
        assert!(is_own("cn.example", "cn.example.note"));
        for name in ["note", "cn.example", "cn.examples.note", "cn.example.score.note"] {
            assert!(!is_own("cn.example", name), "{name}");
        }
    }

    #[test]
    fn a_name_is_looked_for_once_in_each_version_of_the_registry() {
        let (names, entity) = (Names::default(), EntityId::new(1));
        let looked = std::cell::Cell::new(0_u32);
        let find = |version: u32, name: &str| {
            names.find("cn.example", (entity, version), name, |full| {
                looked.set(looked.get() + 1);
                match full {
                    "name" => Ok(FieldId::new(7)),
                    "cn.example.note" => Ok(FieldId::new(version)),
                    _ => Err(Error::new(Code::UnknownField)),
                }
            })
        };
        let named = |field: u32, is_own: bool| Named { field: FieldId::new(field), is_own };
        for _ in 0..3 {
            assert_eq!(find(1, "name").unwrap(), named(7, false));
            assert_eq!(find(1, "note").unwrap(), named(1, true));
            assert_eq!(find(1, "cn.example/note").unwrap(), named(1, true));
        }
        assert_eq!(looked.get(), 4);
        assert_eq!(find(2, "note").unwrap(), named(2, true));
        assert_eq!(find(1, "none").unwrap_err().code(), Code::UnknownField);
    }
}
