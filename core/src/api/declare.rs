//! How a method is declared: its name, its typed parameters, its function. One definition, many products.

use std::ops::Deref;

use serde_json::{Map, Value as Json};
use zeroize::Zeroize;

use crate::api::words::chinese;
use crate::base::{Code, Error, Locale, Patience, RecordId, Result};
use crate::engine::Session;

/// One parameter of a method.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// Type: `text`, `bool`, `int`, `id`, `object`, `list`, `any`.
    pub kind: &'static str,
    /// Whether a call must give it.
    pub required: bool,
    /// What it means, in English.
    pub help: &'static str,
}

impl Parameter {
    /// What it means, in a language.
    #[must_use]
    pub fn help_in(&self, locale: Locale) -> &'static str {
        told(self.help, locale)
    }
}

/// A named method.
pub struct Method {
    /// Name, `noun.verb`.
    pub name: &'static str,
    /// What it does, in English.
    pub help: &'static str,
    /// The parameters.
    pub parameters: &'static [Parameter],
    /// What it answers.
    pub returns: &'static str,
    pub(super) run: Run,
}

/// A text of a method in a language; in English where it has no other.
fn told(english: &'static str, locale: Locale) -> &'static str {
    let english = english.trim();
    match locale {
        Locale::English => english,
        Locale::SimplifiedChinese => chinese(english).unwrap_or(english),
    }
}

impl Method {
    /// What it does, in a language.
    #[must_use]
    pub fn help_in(&self, locale: Locale) -> &'static str {
        told(self.help, locale)
    }

    /// Whether it is called with a session.
    #[must_use]
    pub fn session(&self) -> SessionUse {
        match self.run {
            Run::With(_) => SessionUse::Required,
            Run::Without(_) => SessionUse::None,
            Run::Either(_) => SessionUse::Optional,
        }
    }
}

/// Whether a method is called with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionUse {
    /// It is called with one, whose user must be allowed what it does.
    Required,
    /// It is called in both ways alike.
    Optional,
    /// It is called without one: it works on files that no database has open, and what it may do is the
    /// host's to decide.
    None,
}

impl SessionUse {
    /// The stable name: `required`, `optional`, `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::None => "none",
        }
    }
}

/// The function of a method, called with a session or without. One without a session is handed how long to wait
/// and whom to tell how far it is.
#[derive(Clone, Copy)]
pub(super) enum Run {
    With(fn(&Session, &Map<String, Json>) -> Result<Json>),
    Without(fn(&Patience, &Map<String, Json>) -> Result<Json>),
    Either(fn(&Caller<'_>, &Map<String, Json>) -> Result<Json>),
}

/// Who calls a method that is called with a session and without alike.
pub(super) struct Caller<'c> {
    /// The session, if there is one.
    pub session: Option<&'c Session>,
}

/// A Rust type that a parameter may have.
pub(super) trait ParameterType: Sized {
    const KIND: &'static str;
    const REQUIRED: bool = true;

    /// Reads the parameter; `None` when the JSON has another type.
    fn read(json: &Json) -> Option<Self>;

    /// The value when the call does not give it.
    fn absent() -> Option<Self> {
        None
    }
}

impl ParameterType for String {
    const KIND: &'static str = "text";

    fn read(json: &Json) -> Option<Self> {
        json.as_str().map(str::to_owned)
    }
}

impl ParameterType for bool {
    const KIND: &'static str = "bool";

    fn read(json: &Json) -> Option<Self> {
        json.as_bool()
    }
}

impl ParameterType for u64 {
    const KIND: &'static str = "int";

    fn read(json: &Json) -> Option<Self> {
        json.as_u64()
    }
}

impl ParameterType for RecordId {
    const KIND: &'static str = "id";

    fn read(json: &Json) -> Option<Self> {
        json.as_str().and_then(|text| text.parse().ok())
    }
}

impl ParameterType for Map<String, Json> {
    const KIND: &'static str = "object";

    fn read(json: &Json) -> Option<Self> {
        json.as_object().cloned()
    }
}

impl ParameterType for Vec<Json> {
    const KIND: &'static str = "list";

    fn read(json: &Json) -> Option<Self> {
        json.as_array().cloned()
    }
}

impl ParameterType for Json {
    const KIND: &'static str = "any";

    fn read(json: &Json) -> Option<Self> {
        Some(json.clone())
    }
}

impl<T: ParameterType> ParameterType for Option<T> {
    const KIND: &'static str = T::KIND;
    const REQUIRED: bool = false;

    fn read(json: &Json) -> Option<Self> {
        if json.is_null() { Some(None) } else { T::read(json).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// What can be overwritten where it lies in memory.
pub(super) trait Wipe {
    fn wipe(&mut self);
}

impl Wipe for String {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Map<String, Json> {
    fn wipe(&mut self) {
        self.values_mut().for_each(Json::wipe);
    }
}

impl Wipe for Vec<Json> {
    fn wipe(&mut self) {
        self.iter_mut().for_each(Json::wipe);
    }
}

impl Wipe for Json {
    fn wipe(&mut self) {
        match self {
            Json::String(text) => text.wipe(),
            Json::Array(list) => list.wipe(),
            Json::Object(members) => members.wipe(),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
}

/// A copy of something secret that a call brought, such as a key or a password, wiped when the call is over.
pub(super) struct Secret<T: Wipe>(pub T);

impl<T: Wipe> Deref for Secret<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: ParameterType + Wipe> ParameterType for Secret<T> {
    const KIND: &'static str = T::KIND;

    fn read(json: &Json) -> Option<Self> {
        T::read(json).map(Self)
    }
}

/// Reads one parameter out of a call.
pub(super) fn take<T: ParameterType>(given: &Map<String, Json>, name: &str) -> Result<T> {
    match given.get(name) {
        None => T::absent().ok_or_else(|| Error::new(Code::MissingParameter).field(name)),
        Some(json) => {
            T::read(json).ok_or_else(|| Error::new(Code::InvalidArgument).field(name).rule(T::KIND))
        }
    }
}

/// Refuses parameters that the method does not have, and calls that leave out what it needs.
pub(super) fn check(method: &Method, given: &Map<String, Json>) -> Result<()> {
    let named = |error: Error| error.entity(method.name);
    let unknown = given.keys().find(|name| method.parameters.iter().all(|known| known.name != *name));
    if let Some(name) = unknown {
        return Err(named(Error::new(Code::UnknownParameter).field(name)));
    }
    let missing = method.parameters.iter().find(|known| known.required && !given.contains_key(known.name));
    match missing {
        Some(known) => Err(named(Error::new(Code::MissingParameter).field(known.name))),
        None => Ok(()),
    }
}

/// What stands between the name of a method and its parameters: nothing for one with a session,
/// `without_session`, or `with_or_without_session`. Gives what the method is handed.
macro_rules! handed {
    () => {
        &$crate::engine::Session
    };
    (without_session) => {
        &$crate::base::Patience
    };
    (with_or_without_session) => {
        &$crate::api::declare::Caller<'_>
    };
}

/// As `handed`; gives what calls the method.
macro_rules! runs {
    () => {
        $crate::api::declare::Run::With
    };
    (without_session) => {
        $crate::api::declare::Run::Without
    };
    (with_or_without_session) => {
        $crate::api::declare::Run::Either
    };
}

/// Declares methods: for each a struct of its parameters, read from the call by their types, and the
/// table entry from which `api.describe` is made. A method is handed a session, the patience of the call
/// where `without_session` stands behind its name, or who calls where `with_or_without_session` does. Each text
/// has its Chinese in `words`.
macro_rules! methods {
    ($(
        $(#[doc = $help:literal])+
        $name:literal $($session_use:ident)? ($context:ident, $parameters:ident: $type:ident {
            $($(#[doc = $field_help:literal])+ $field:ident: $field_type:ty,)*
        }) -> $returns:literal $body:block
    )+) => {
        $(
            struct $type {
                $($field: $field_type,)*
            }

            impl $type {
                fn run(
                    $context: $crate::api::declare::handed!($($session_use)?),
                    given: &serde_json::Map<String, serde_json::Value>,
                ) -> $crate::base::Result<serde_json::Value> {
                    let $parameters = Self {
                        $($field: $crate::api::declare::take::<$field_type>(given, stringify!($field))?,)*
                    };
                    let _ = given;
                    $body
                }
            }
        )+

        /// The methods declared in this file.
        pub(super) const METHODS: &[$crate::api::Method] = &[
            $($crate::api::Method {
                name: $name,
                help: concat!($($help),+),
                parameters: &[
                    $($crate::api::Parameter {
                        name: stringify!($field),
                        kind: <$field_type as $crate::api::declare::ParameterType>::KIND,
                        required: <$field_type as $crate::api::declare::ParameterType>::REQUIRED,
                        help: concat!($($field_help),+),
                    },)*
                ],
                returns: $returns,
                run: $crate::api::declare::runs!($($session_use)?)($type::run),
            }),+
        ];
    };
}

pub(super) use {handed, methods, runs};
