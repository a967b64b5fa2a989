//! The committed headers are what the generator makes of the sources, and every dialect takes them.
//!
//! `GUANXI_BLESS=1 cargo test -p guanxi-ffi-tests` writes them anew.

use std::fs;
use std::path::PathBuf;

use cbindgen::{Builder, Config, DocumentationLength, DocumentationStyle, Language, Style};

use crate::toolchain::{self, Dialect, workspace};

/// What a header is made of.
struct Header {
    name: &'static str,
    introduction: &'static str,
    /// Source files, in the order in which the header shows them.
    sources: &'static [&'static str],
    includes: &'static [&'static str],
    after_includes: &'static str,
    /// Macros after the declarations that they use.
    closing: &'static str,
    /// Words before each exported function.
    prefix: Option<&'static str>,
    /// Types that no function of the header names, which the generator would leave out.
    types: &'static [&'static str],
}

const TYPES: Header = Header {
    name: "guanxi_types.h",
    introduction: "Guanxi (关系): the values and status numbers that guanxi.h and guanxi_plugin.h share.\n\
        \n\
        What stands here is frozen once released.",
    sources: &["plugins/abi/src/status.rs", "plugins/abi/src/value.rs"],
    includes: &[],
    after_includes: "",
    closing: "",
    prefix: None,
    types: &SHARED,
};

const HOST: Header = Header {
    name: "guanxi.h",
    introduction: "Guanxi (关系): an embeddable CRM engine over one encrypted database. The interface for hosts.\n\
        \n\
        Status: below 0 an error, 0 done, above 0 done with something to tell (GUANXI_ROW, GUANXI_DONE).\n\
        A number that is not known here counts by its sign.\n\
        \n\
        Errors: the last parameter `err` may be NULL. Otherwise it is set to NULL first, and to an error\n\
        on failure, which the caller frees with guanxi_error_free.\n\
        \n\
        Results: other out-parameters are written on success only; handles among them are set to NULL\n\
        first.\n\
        \n\
        Handles: each is freed once by its own function, which accepts NULL. One that was freed, or is of\n\
        another kind, is answered with input.invalid_handle as far as that can be told, never with a\n\
        crash that could be avoided. Which thread may use a handle stands at its type.\n\
        \n\
        Text in is UTF-8 that ends in a zero byte, and is copied where it is kept. Text out is borrowed\n\
        from the handle that gave it, for as long as its function says.\n\
        \n\
        Ids are the 16 bytes of a UUID in network order.\n\
        \n\
        fork: a child has no use of its parent's handles. Calls give engine.forked, and functions that\n\
        free do nothing.\n\
        \n\
        Faults of the engine stay inside: a call gives engine.panic. If it was a call that writes, every\n\
        later one does, until the database is closed and opened again.",
    sources: &[
        "ffi/src/version.rs",
        "ffi/src/error.rs",
        "ffi/src/log.rs",
        "ffi/src/sources.rs",
        "ffi/src/extractor.rs",
        "ffi/src/open.rs",
        "ffi/src/health.rs",
        "ffi/src/listener.rs",
        "ffi/src/session.rs",
        "ffi/src/record.rs",
        "ffi/src/writing.rs",
        "ffi/src/transaction.rs",
        "ffi/src/write.rs",
        "ffi/src/query.rs",
        "ffi/src/cursor.rs",
        "ffi/src/rows.rs",
        "ffi/src/table.rs",
        "ffi/src/column.rs",
        "ffi/src/call.rs",
        "ffi/src/search.rs",
        "ffi/src/subscription.rs",
        "ffi/src/alone.rs",
        "ffi/src/plugin.rs",
    ],
    includes: &["guanxi_types.h"],
    after_includes: "
#ifndef GUANXI_API
#if defined(_WIN32) && !defined(GUANXI_STATIC)
#define GUANXI_API __declspec(dllimport)
#else
#define GUANXI_API
#endif
#endif

/**
 * Begins a guanxi_open_options: its size, and zeros. Since 0.1.
 */
#define GUANXI_OPEN_OPTIONS_INIT \\
  { sizeof(guanxi_open_options), NULL, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, 0, 0, \
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0 }

/**
 * Begins a guanxi_call_options: its size, and zeros. Since 0.1.
 */
#define GUANXI_CALL_OPTIONS_INIT { sizeof(guanxi_call_options), NULL, 0, NULL, NULL, NULL }",
    closing: "",
    prefix: Some("GUANXI_API"),
    types: &[],
};

const PLUGIN: Header = Header {
    name: "guanxi_plugin.h",
    introduction: "Guanxi (关系): the interface for native plugins, version 1.\n\
        \n\
        Structures begin with their size and only ever grow at the end. Errors are returned: nothing may\n\
        unwind, throw or longjmp across a call in either direction. Nobody frees what the other allocated.\n\
        A plugin is never unloaded.",
    sources: &["plugins/abi/src/plugin.rs"],
    includes: &["guanxi_types.h"],
    after_includes: "
/**
 * Name of the one symbol that a plugin exports; its type is guanxi_plugin_entry. Since 1.0.
 */
#define GUANXI_PLUGIN_ENTRY_SYMBOL \"guanxi_plugin_entry_v1\"

#if defined(_WIN32)
#define GUANXI_PLUGIN_EXPORT __declspec(dllexport)
#else
#define GUANXI_PLUGIN_EXPORT __attribute__((visibility(\"default\")))
#endif",
    closing: "
/**
 * Head of the one function that a plugin exports. Since 1.0.
 */
#ifdef __cplusplus
#define GUANXI_PLUGIN_ENTRY(information) \\
  extern \"C\" GUANXI_PLUGIN_EXPORT guanxi_status guanxi_plugin_entry_v1(guanxi_plugin_info *information)
#else
#define GUANXI_PLUGIN_ENTRY(information) \\
  GUANXI_PLUGIN_EXPORT guanxi_status guanxi_plugin_entry_v1(guanxi_plugin_info *information)
#endif",
    prefix: None,
    types: &[
        "guanxi_handle",
        "guanxi_plugin_entry",
        "guanxi_plugin_init",
        "guanxi_hook",
        "guanxi_perform",
        "guanxi_score",
        "guanxi_extract",
        "guanxi_destroy",
        "guanxi_plugin_info",
        "guanxi_field_definition",
        "guanxi_action_definition",
        "guanxi_host",
    ],
};

const ALL: [&Header; 3] = [&TYPES, &HOST, &PLUGIN];

/// What guanxi_types.h defines, for the others to leave out.
const SHARED: [&str; 6] = [
    "guanxi_status",
    "guanxi_value_kind",
    "guanxi_str",
    "guanxi_decimal",
    "guanxi_value_content",
    "guanxi_value",
];

impl Header {
    fn generate(&self) -> String {
        let guard = self.name.to_uppercase().replace('.', "_");
        let introduction = self.introduction.replace('\n', "\n * ").replace(" * \n", " *\n");
        let mut config = Config {
            language: Language::C,
            header: Some(format!("/**\n * {introduction}\n */")),
            include_guard: Some(guard),
            autogen_warning: Some("/* Generated from the sources of the engine: do not edit. */".to_owned()),
            no_includes: true,
            sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
            includes: self.includes.iter().map(|name| (*name).to_owned()).collect(),
            after_includes: Some(self.after_includes.to_owned()),
            cpp_compat: true,
            style: Style::Both,
            usize_is_size_t: true,
            documentation: true,
            documentation_style: DocumentationStyle::Doxy,
            documentation_length: DocumentationLength::Full,
            line_length: 100,
            ..Config::default()
        };
        config.function.prefix = self.prefix.map(str::to_owned);
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        config.export.include = owned(self.types);
        if self.name != TYPES.name {
            config.export.exclude = owned(&SHARED);
        }
        let builder = self.sources.iter().fold(Builder::new().with_config(config), |builder, source| {
            builder.with_src(workspace().join(source))
        });
        let mut text = Vec::new();
        builder.generate().expect("the sources parse").write(&mut text);
        let text = String::from_utf8(text).expect("headers are UTF-8");
        self.finish(&text)
    }

    /// Puts the closing macros inside of the include guard, where the generator's own trailer is not,
    /// and turns Rust's links into plain names.
    fn finish(&self, text: &str) -> String {
        let plain =
            text.replace("[`crate::", "[`").replace("[`", "").replace("`]", "").replace("guanxi_host::", "");
        if self.closing.is_empty() {
            return plain;
        }
        let (before, end) = plain.rsplit_once("#endif").expect("the include guard ends");
        format!("{}\n{}\n\n#endif{end}", before.trim_end(), self.closing)
    }

    fn path(&self) -> PathBuf {
        workspace().join("include").join(self.name)
    }
}

#[test]
fn the_committed_headers_are_what_the_sources_say() {
    for header in ALL {
        let fresh = header.generate();
        if std::env::var_os("GUANXI_BLESS").is_some() {
            fs::write(header.path(), &fresh).unwrap();
        }
        let committed = fs::read_to_string(header.path()).unwrap_or_default();
        assert!(
            committed == fresh,
            "{} is stale: GUANXI_BLESS=1 cargo test -p guanxi-ffi-tests writes it anew",
            header.name
        );
    }
}

/// How a function says who owns what crosses it, and for how long.
const OWNERSHIP: [&str; 15] = [
    "caller's until",
    "rees its handle",
    "`destroy`",
    "only read",
    "constant, ends",
    "Borrowed from",
    "Borrowed, see",
    "borrowed, see",
    "rees a",
    "rees the handle",
    "Frees",
    "Copied",
    "must stay until",
    "copied",
    "Keeps no pointer",
];

#[test]
fn every_function_says_its_thread_who_owns_what_and_since_when_it_is_there() {
    let header = fs::read_to_string(HOST.path()).unwrap();
    let mut documented = 0;
    for (before, declaration) in header.split("GUANXI_API").zip(header.split("GUANXI_API").skip(1)) {
        let Some((_, comment)) = before.rsplit_once("/**") else { continue };
        let name = declaration.split('(').next().unwrap_or_default();
        if !comment.trim_end().ends_with("*/") {
            continue;
        }
        let words = comment.replace('*', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("thread"), "{name} does not say which thread may call it");
        assert!(words.contains("Since 0.1"), "{name} does not say since when it is there");
        let owned = OWNERSHIP.iter().any(|word| words.contains(word));
        assert!(owned, "{name} says none of {OWNERSHIP:?}");
        documented += 1;
    }
    assert_eq!(documented, functions(&header).len(), "each function has a comment of its own");
}

#[test]
fn every_dialect_takes_each_header_alone_and_all_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut together = ALL.map(|header| header.name).to_vec();
    // Written by hand, and for every dialect too.
    together.push("guanxi_plugin_helpers.h");
    let mut sets: Vec<Vec<&str>> = together.iter().map(|name| vec![*name]).collect();
    // The last set includes everything twice, so that guards are tried too.
    sets.push([together.clone(), together].concat());
    for set in sets {
        let includes: String = set.iter().map(|name| format!("#include \"{name}\"\n")).collect();
        let text = format!("{includes}int main(void) {{ return 0; }}\n");
        for dialect in Dialect::ALL {
            let source = folder.path().join(dialect.file_name("headers"));
            fs::write(&source, &text).unwrap();
            toolchain::check(dialect, &source);
        }
    }
}

#[test]
fn a_plugin_written_in_c_and_in_cpp_takes_the_entry_macro() {
    let folder = tempfile::tempdir().unwrap();
    let text = "#include \"guanxi_plugin.h\"\n\
        GUANXI_PLUGIN_ENTRY(information) {\n\
          if (information->struct_size < sizeof *information) return GUANXI_ERR_PLUGIN_ABI_MISMATCH;\n\
          information->abi_major = GUANXI_PLUGIN_ABI_MAJOR;\n\
          return GUANXI_OK;\n\
        }\n";
    for dialect in Dialect::ALL {
        let source = folder.path().join(dialect.file_name("plugin"));
        fs::write(&source, text).unwrap();
        toolchain::check(dialect, &source);
    }
}

/// The names of the functions that a header declares for export.
pub(crate) fn functions(header: &str) -> Vec<String> {
    let declarations = header.split("GUANXI_API").skip(1);
    let named = declarations.filter_map(|rest| {
        let head = rest.split('(').next()?;
        let name = head.rsplit(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next()?;
        name.starts_with("guanxi_").then(|| name.to_owned())
    });
    named.collect()
}

/// The host's header as it is committed.
pub(crate) fn host() -> String {
    fs::read_to_string(HOST.path()).unwrap()
}
