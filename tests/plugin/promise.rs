//! What was promised to plugins that were built long ago, and what a hook costs.

use std::path::Path;
use std::time::Instant;

use guanxi::base::Label;
use guanxi::{Changes, Code, RecordId, Session};
use guanxi_plugin_host::{Loader, Manifest, OnFault, TARGET, pack};

use crate::house;
use crate::vendor::{EXTENDS, library, manifest};

fn create(session: &Session, name: &str) -> guanxi::Result<RecordId> {
    session.write(|transaction| transaction.create_record("account", Changes::new().set("name", name)))
}

/// The library was built once against version 1.0 of the interface, from `programs/old.c`, and must load for ever.
#[test]
fn a_plugin_that_was_built_for_version_1_0_of_the_interface_loads_and_works() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin/fixtures");
    let library = fixture.join(format!("old-1.0-{TARGET}.so"));
    if !library.exists() {
        println!("skipped: there is no plugin of version 1.0 for {TARGET}");
        return;
    }
    let house = house();
    let name = Label::new("旧", "Old");
    let manifest = Manifest::new("cn.example.old", "1.0.0", name, &EXTENDS, OnFault::Reject).unwrap();
    let package = pack(&library, house.place.path(), manifest).unwrap();
    Loader::unsigned().install(&house.crm, &[package]).unwrap();
    let id = create(&house.admin, "加喜").unwrap();
    let row = house.admin.get("account", id).unwrap();
    assert_eq!(row.value("cn.example.old.copied").unwrap().as_text(), Some("加喜"));
    let refused = create(&house.admin, "old").unwrap_err();
    assert_eq!((refused.code(), refused.field_name()), (Code::PluginRejected, Some("name")));
}

/// Prints what a hook in C adds to a save, and asserts nothing of it: `cargo test --release --test plugin hook_costs --
/// --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_hook_costs_so_much() {
    const SAVES: u32 = 20_000;
    let measure = |session: &Session| {
        let begun = Instant::now();
        session
            .write(|transaction| {
                for number in 0..SAVES {
                    let name = format!("account {number}");
                    transaction.create_record("account", Changes::new().set("name", name))?;
                }
                Ok(())
            })
            .unwrap();
        begun.elapsed().as_nanos() / u128::from(SAVES)
    };
    let (without, with) = (house(), house());
    let place = with.place.path();
    let capabilities = ["schema:crm.account", "hook:crm.account", "package"];
    let manifest = manifest("cn.example.bad", "1.0.0", &capabilities);
    let package = pack(&library(place, "bad", &[]), place, manifest).unwrap();
    Loader::unsigned().install(&with.crm, &[package]).unwrap();
    for round in 0..5 {
        let (plain, hooked) = (measure(&without.admin), measure(&with.admin));
        println!("round {round}: a save {plain} ns, with a hook in C that reads a field {hooked} ns");
    }
}
