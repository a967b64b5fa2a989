//! What was promised stays: symbols, layouts and signatures are compared with what is committed.
//!
//! `GUANXI_BLESS=1` writes the lists anew. Of signatures libabigail is asked, about a library of C that is made of the
//! header: the header is made of the sources, and another test compares these two, so this tells what a Rust
//! library with full debug information would, which takes minutes to build and is not at hand in a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::headers;
use crate::toolchain::{assert_done, build, has, skip, workspace};

fn committed(name: &str) -> PathBuf {
    workspace().join("tests/ffi/abi").join(name)
}

/// Compares a text with the committed one, or writes that anew.
fn compare(name: &str, fresh: &str) {
    let path = committed(name);
    if std::env::var_os("GUANXI_BLESS").is_some() {
        fs::write(&path, fresh).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == fresh, "{name} says\n{known}\nand now it is\n{fresh}\nGUANXI_BLESS=1 writes it anew");
}

#[test]
fn the_functions_are_those_of_the_committed_list() {
    let header = headers::host();
    let mut names = headers::functions(&header);
    names.sort();
    compare("symbols.txt", &(names.join("\n") + "\n"));
}

/// What the layout program prints here.
fn layout() -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = build("tests/ffi/tests/c_interface/programs/layout.c", folder.path());
    let output = Command::new(program).output().unwrap();
    assert_done(&output, "layout");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sizes_and_offsets_are_those_of_the_committed_list() {
    if cfg!(not(target_pointer_width = "64")) {
        return skip("the committed layout is that of 64-bit systems");
    }
    compare("layout-64.txt", &layout());
}

/// A program that compiles only where the committed layout holds.
fn layout_assertions() -> String {
    let lines = fs::read_to_string(committed("layout-64.txt")).unwrap();
    let mut program = "#include <stddef.h>\n#include \"guanxi.h\"\n#include \"guanxi_plugin.h\"\n".to_owned();
    for line in lines.lines() {
        let (what, number) = line.split_once(' ').unwrap();
        let measured = match what.split_once('.') {
            Some((structure, member)) => format!("offsetof({structure}, {member})"),
            None => format!("sizeof({what})"),
        };
        program += &format!("_Static_assert({measured} == {number}, \"{what}\");\n");
    }
    program + "int main(void) { return 0; }\n"
}

/// Only compilers of C are asked here: no standard library of Rust for these systems is at hand in a test.
#[test]
fn other_64_bit_systems_take_the_headers_with_the_same_layout() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("layout.c");
    fs::write(&source, layout_assertions()).unwrap();
    for compiler in ["cc", "aarch64-linux-gnu-gcc", "x86_64-w64-mingw32-gcc"] {
        if !has(compiler) {
            skip(&format!("{compiler} is not installed"));
            continue;
        }
        let mut command = Command::new(compiler);
        command.args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"]);
        let output = command.arg(workspace().join("include")).arg(&source).output().unwrap();
        assert_done(&output, compiler);
    }
}

/// A shared library of C with every function of the header, whose bodies do nothing that returns.
fn stub(folder: &Path) -> PathBuf {
    let header = headers::host();
    let mut program = "#include \"guanxi.h\"\n".to_owned();
    for declaration in header.split("GUANXI_API").skip(1) {
        let Some((declaration, _)) = declaration.split_once(';') else { continue };
        if declaration.contains('(') && !declaration.contains('#') {
            program += &format!("{declaration} {{ __builtin_trap(); }}\n");
        }
    }
    let (source, library) = (folder.join("stub.c"), folder.join("libguanxi.so"));
    fs::write(&source, program).unwrap();
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-g", "-O0", "-shared", "-fPIC", "-I"]).arg(workspace().join("include"));
    let output = command.arg(&source).arg("-o").arg(&library).output().unwrap();
    assert_done(&output, "a library of the header");
    library
}

fn described(library: &Path, to: &Path) {
    let mut command = Command::new("abidw");
    command.args(["--no-comp-dir-path", "--no-show-locs", "--no-corpus-path", "--type-id-style", "hash"]);
    let output = command.arg("--out-file").arg(to).arg(library).output().unwrap();
    assert_done(&output, "abidw");
}

#[test]
fn no_signature_of_the_committed_interface_was_changed_or_taken_away() {
    if !has("abidiff") || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("abidiff is not installed, or this is not Linux on x86-64");
    }
    let folder = tempfile::tempdir().unwrap();
    let library = stub(folder.path());
    let baseline = committed("guanxi.abi");
    if std::env::var_os("GUANXI_BLESS").is_some() {
        described(&library, &baseline);
        // Where the stub was compiled says nothing, and would change each time.
        let written = fs::read_to_string(&baseline).unwrap();
        fs::write(&baseline, written.replace(folder.path().to_str().unwrap(), "")).unwrap();
    }
    let mut command = Command::new("abidiff");
    command.arg("--no-added-syms").arg(&baseline).arg(&library);
    assert_done(&command.output().unwrap(), "abidiff against tests/ffi/abi/guanxi.abi");
}

#[test]
fn a_parameter_that_is_widened_is_noticed() {
    if !has("abidiff") || !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip("abidiff is not installed, or this is not Linux on x86-64");
    }
    let folder = tempfile::tempdir().unwrap();
    let library = stub(folder.path());
    let source = folder.path().join("stub.c");
    let altered =
        fs::read_to_string(&source).unwrap().replace("#include \"guanxi.h\"", "#include \"altered.h\"");
    fs::write(&source, altered.replace("uint64_t rows)", "uint32_t rows)")).unwrap();
    let header = headers::host().replace("uint64_t rows)", "uint32_t rows)");
    assert!(header != headers::host(), "the header has such a parameter");
    fs::write(folder.path().join("altered.h"), header).unwrap();
    let other = folder.path().join("other.so");
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-g", "-shared", "-fPIC", "-I"]).arg(workspace().join("include"));
    let output = command.arg("-I").arg(folder.path()).arg(&source).arg("-o").arg(&other).output().unwrap();
    assert_done(&output, "an altered library");
    let output = Command::new("abidiff").arg(&library).arg(&other).output().unwrap();
    assert!(!output.status.success(), "abidiff sees the change");
}
