//! Tells the package for which target it is built, so that it looks for plugins of the same.

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=GUANXI_TARGET={target}");
    println!("cargo:rerun-if-changed=build.rs");
}
