//! Which library this is, and how many of its handles are alive.

use std::ffi::c_char;

use crate::handle;

/// Major version of the product that this header belongs to.
pub const GUANXI_VERSION_MAJOR: u32 = 0;
/// Minor version of the product that this header belongs to.
pub const GUANXI_VERSION_MINOR: u32 = 1;
/// Patch version of the product that this header belongs to.
pub const GUANXI_VERSION_PATCH: u32 = 0;
/// Version of the C interface that this header describes; the shared library's name ends in it.
pub const GUANXI_ABI_VERSION: u32 = 0;

/// Version of the loaded library by semver.org, such as `0.1.0`: constant, ends in a zero byte.
///
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn guanxi_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Version of the C interface that the loaded library has. A program works with a library whose number
/// equals the GUANXI_ABI_VERSION that it was compiled with.
///
/// Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn guanxi_abi_version() -> u32 {
    GUANXI_ABI_VERSION
}

/// How many handles of all kinds this process holds: 0 once everything is freed. For leak tests.
///
/// Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn guanxi_debug_live_handles() -> i64 {
    handle::live()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_header_make_the_version_of_the_package() {
        let numbers = format!("{GUANXI_VERSION_MAJOR}.{GUANXI_VERSION_MINOR}.{GUANXI_VERSION_PATCH}");
        assert_eq!(numbers, env!("CARGO_PKG_VERSION"));
    }
}
