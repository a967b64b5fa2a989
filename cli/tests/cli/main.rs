//! The built program as a person or a script uses it: arguments in, outputs and exit status out.

#[cfg(test)]
mod access;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backups;
#[cfg(test)]
#[path = "../../../tests/support/capabilities.rs"]
mod capabilities;
#[cfg(test)]
mod config;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod sales;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod vendors;
#[cfg(test)]
mod walk;
#[cfg(test)]
#[path = "../../../tests/support/walk.rs"]
mod way;
