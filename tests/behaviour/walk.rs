//! The way through the trade from Rust; the command line and C walk the same.

use guanxi::api;
use guanxi_tests::database;

use crate::way;

#[test]
fn a_lead_becomes_a_customer_who_buys_goes_back_to_a_pool_and_is_claimed_again() {
    let house = database();
    let told = way::walk(&mut |method, parameters| {
        api::call(&house.admin, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    });
    assert_eq!(told, way::outcome());
    let _ = house.verified();
}
