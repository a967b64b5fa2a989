//! The C interface as C meets it: fresh headers, stable layouts, exact symbols, and programs that run.

#[cfg(test)]
mod abi;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod library;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod symbols;
#[cfg(test)]
mod toolchain;
#[cfg(test)]
mod walk;
#[cfg(test)]
#[path = "../../../support/walk.rs"]
mod way;
