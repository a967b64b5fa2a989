//! Guanxi (关系): an embeddable CRM engine over one encrypted database.
#![forbid(unsafe_code)]

pub mod base;
pub mod features;
pub mod storage;
