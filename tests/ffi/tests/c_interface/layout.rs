//! C and Rust agree on every byte of the structures that cross between them.

use std::mem::{align_of, offset_of, size_of};
use std::process::Command;

use guanxi_plugin_abi::{
    guanxi_action_definition, guanxi_decimal, guanxi_field_definition, guanxi_host, guanxi_plugin_info,
    guanxi_str, guanxi_value, guanxi_value_content,
};

use crate::toolchain::{assert_done, build};

/// A line for the size of a structure and each of its members, as the C program prints them.
macro_rules! lines {
    ($($type:ident { $($member:ident),* })+) => {
        [$(
            format!("{} {}\n", stringify!($type), size_of::<$type>()),
            $(format!("{}.{} {}\n", stringify!($type), stringify!($member), offset_of!($type, $member)),)*
        )+].concat()
    };
}

#[test]
fn c_and_rust_agree_on_sizes_and_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let program = build("tests/ffi/tests/c_interface/programs/layout.c", folder.path());
    let output = Command::new(program).output().unwrap();
    assert_done(&output, "layout");
    let shared = lines! {
        guanxi_str { data, length }
        guanxi_decimal { low, high, scale_and_sign, currency }
        guanxi_value_content { integer, real, text, decimal, id }
        guanxi_value { kind, flags, content }
        guanxi_plugin_info { struct_size, abi_major, abi_minor_required, id, version, capabilities, init }
        guanxi_field_definition { struct_size, local_id, flags, name, type_name, label_zh, label_en, help_zh, help_en }
        guanxi_action_definition {
            struct_size, name, label_zh, label_en, help_zh, help_en, needs_entity, needs_action, details
        }
        guanxi_host {
            struct_size, log, register_field, register_hook, record_value, record_set, reject, warn, locale,
            register_package, register_action, register_job, register_migration, register_model, record_old_value,
            record_id, read, save, call, call_as_self, answer, reason, time_left_ms,
            register_report, register_connector, register_extractor, extracted
        }
    };
    assert_eq!(String::from_utf8(output.stdout).unwrap(), shared + &open_options() + &call_options());
}

/// The options have no Rust type outside of the library, whose own tests hold the same numbers.
fn open_options() -> String {
    let word = size_of::<usize>();
    let flags = (6 * word).next_multiple_of(align_of::<u64>());
    let durability = (flags + 8 + 3 * word).next_multiple_of(align_of::<u64>());
    let sources = durability + 2 * size_of::<u64>();
    let most = (sources + 7 * word).next_multiple_of(align_of::<u64>());
    let members = [
        ("struct_size", 0),
        ("path", word),
        ("key", 2 * word),
        ("key_len", 3 * word),
        ("passphrase", 4 * word),
        ("cache_bytes", 5 * word),
        ("flags", flags),
        ("locale", flags + 8),
        ("administrator_name", flags + 8 + word),
        ("administrator_password", flags + 8 + 2 * word),
        ("durability", durability),
        ("record_cache_bytes", durability + size_of::<u64>()),
        ("clock", sources),
        ("clock_user_data", sources + word),
        ("random", sources + 2 * word),
        ("random_user_data", sources + 3 * word),
        ("extractor", sources + 4 * word),
        ("extractor_user_data", sources + 5 * word),
        ("extractor_media_types", sources + 6 * word),
        ("extractor_max_bytes", most),
    ];
    structure("guanxi_open_options", most + size_of::<u64>(), &members)
}

/// As [`open_options`].
fn call_options() -> String {
    let word = size_of::<usize>();
    let timeout = (2 * word).next_multiple_of(align_of::<u64>());
    let members = [
        ("struct_size", 0),
        ("locale", word),
        ("timeout_ms", timeout),
        ("progress", timeout + 8),
        ("user_data", timeout + 8 + word),
        ("interrupter", timeout + 8 + 2 * word),
    ];
    let size = (timeout + 8 + 3 * word).next_multiple_of(align_of::<u64>());
    structure("guanxi_call_options", size, &members)
}

fn structure(name: &str, size: usize, members: &[(&str, usize)]) -> String {
    let lines = members.iter().map(|(member, offset)| format!("{name}.{member} {offset}\n"));
    format!("{name} {size}\n{}", lines.collect::<String>())
}
