//! The macros that declare entities and code lists once: schema, typed constants and labels in one.

/// Declares an entity: a marker type, its definition, and one typed constant for each field.
///
/// Each field line is `CONSTANT: Kind = local id, "api_name", "zh", "en", "help in zh", [properties]`, where the
/// properties are those of [`crate::schema::FieldDefinition`], as `name = value`. The help in English is the
/// comment above.
macro_rules! entity {
    (
        $(#[doc = $doc:literal])+
        $entity:ident = ($namespace:literal, $local:literal, $name:literal, $zh:literal, $en:literal,
            $help:literal, title $title:literal, data_subject $subject:literal);
        $($(#[doc = $field_doc:literal])+
          $constant:ident: $kind:ty = $number:literal, $field:literal, $field_zh:literal, $field_en:literal,
          $field_help:literal, [$($property:ident = $value:expr),* $(,)?];)+
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $entity;

        $(
            $(#[doc = $field_doc])+
            pub const $constant: $crate::schema::TypedField<$entity, $kind> =
                $crate::schema::TypedField::new($namespace, $number, $field);
        )+

        impl $crate::schema::EntityType for $entity {
            const NAME: &'static str = concat!($namespace, ".", $name);

            fn definition() -> $crate::schema::EntityDefinition {
                $crate::schema::EntityDefinition {
                    namespace: $namespace.to_owned(),
                    local: $local,
                    name: $name.to_owned(),
                    label: $crate::base::Label::new($zh, $en),
                    help: Some($crate::base::Label::new($help, concat!($($doc),+).trim())),
                    synonyms: Vec::new(),
                    module: None,
                    title: $title.to_owned(),
                    data_subject: $subject,
                    relation: None,
                    valid_time: None,
                    fields: vec![$(
                        $crate::schema::FieldDefinition {
                            help: Some($crate::base::Label::new(
                                $field_help,
                                concat!($($field_doc),+).trim(),
                            )),
                            $($property: $value,)*
                            ..$crate::schema::FieldDefinition::new(
                                $namespace,
                                $number,
                                $field,
                                $crate::base::Label::new($field_zh, $field_en),
                                <$kind as $crate::schema::FieldKind>::field_type(),
                            )
                        }
                    ),+],
                    ..$crate::schema::EntityDefinition::default()
                }
            }
        }
    };
}

/// Declares a closed list of codes as a Rust enum with labels.
macro_rules! codes {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$code_doc:meta])* $variant:ident = $code:literal, $zh:literal, $en:literal;)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$code_doc])* $variant,)+
        }

        impl $crate::schema::Codes for $name {
            const ALL: &'static [(Self, &'static str, &'static str, &'static str)] =
                &[$((Self::$variant, $code, $zh, $en)),+];
        }

        impl $name {
            /// The stable code, as stored.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The choice with this stable code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl From<$name> for $crate::base::Value {
            fn from(choice: $name) -> Self {
                Self::Text(choice.code().to_owned())
            }
        }
    };
}

pub(crate) use {codes, entity};
