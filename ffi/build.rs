//! Gives the shared library its name for the dynamic linker, and keeps it mapped once it is loaded.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // The number is that of the C interface, `GUANXI_ABI_VERSION`, and not that of the product.
    match system.as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libguanxi.so.0");
            // A host that unloads the library would crash later, when threads tear down their own data.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" | "ios" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libguanxi.0.dylib");
        }
        _ => {}
    }
}
