//! Rights of persons: receipts of erasures, packages, requests with clocks, corrections, and values put right in copies.

mod corrections;
mod packages;
mod receipts;
mod rectification;
mod requests;
mod restriction;

use guanxi::{Changes, RecordId};
use guanxi_tests::House;

/// A contact with a name and a phone.
pub fn contact(house: &House, name: &str) -> RecordId {
    house.create("contact", &Changes::new().set("name", name).set("phone", "13812345678"))
}
