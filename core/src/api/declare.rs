//! How a method is declared: its name, its typed parameters, its function. One definition, many products.

use serde_json::{Map, Value as Json};

use crate::base::{Code, Error, RecordId, Result};
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
    /// What it means.
    pub help: &'static str,
}

/// A named method.
pub struct Method {
    /// Name, `noun.verb`.
    pub name: &'static str,
    /// What it does.
    pub help: &'static str,
    /// The parameters.
    pub parameters: &'static [Parameter],
    /// What it answers.
    pub returns: &'static str,
    pub(super) run: fn(&Session, Map<String, Json>) -> Result<Json>,
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

/// Declares methods: for each a struct of its parameters, read from the call by their types, and the
/// table entry from which `api.describe` is made.
macro_rules! methods {
    ($(
        $(#[doc = $help:literal])+
        $name:literal ($session:ident, $parameters:ident: $type:ident {
            $($(#[doc = $field_help:literal])+ $field:ident: $field_type:ty,)*
        }) -> $returns:literal $body:block
    )+) => {
        $(
            struct $type {
                $($field: $field_type,)*
            }

            impl $type {
                fn run(
                    $session: &$crate::engine::Session,
                    given: serde_json::Map<String, serde_json::Value>,
                ) -> $crate::base::Result<serde_json::Value> {
                    let $parameters = Self {
                        $($field: $crate::api::declare::take::<$field_type>(&given, stringify!($field))?,)*
                    };
                    let _ = &given;
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
                run: $type::run,
            }),+
        ];
    };
}

pub(super) use methods;
