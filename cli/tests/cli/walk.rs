//! The way through the trade by the command line; Rust and C walk the same.

use crate::sandbox::Sandbox;
use crate::way;

#[test]
fn the_command_line_walks_the_way_of_a_lead_to_the_same_end() {
    let sandbox = Sandbox::new();
    let told = way::walk(&mut |method, parameters| {
        let parameters = parameters.to_string();
        sandbox.guanxi(["call", "crm.guanxi", method, &parameters, "--as", "lin"]).json()
    });
    assert_eq!(told, way::outcome());
}
