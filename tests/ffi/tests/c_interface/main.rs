//! The C interface as C meets it: fresh headers, stable layouts, exact symbols, and programs that run.

mod headers;
mod layout;
mod library;
mod programs;
mod symbols;
mod toolchain;
