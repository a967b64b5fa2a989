//! The plugin in Rust whose hooks the group `abi` measures: as many as the one in C has, and each reads a field as those do.

use guanxi_plugin_sdk::{Context, Error, Record, Reject, Setup, plugin};

/// As many as in `src/abi/hook.c`.
const HOOKS: i32 = 32;

plugin! {
    id: "cn.guanxi.bench",
    version: "1.0.0",
    capabilities: ["hook:crm.account"],
    setup: setup,
}

fn setup(setup: &mut Setup<'_>) -> Result<(), Error> {
    (0..HOOKS).try_for_each(|order| setup.before_save("crm.account", order, read))
}

fn read(_: &Context<'_>, record: &mut Record<'_>) -> Result<(), Reject> {
    record.text("name").map(drop).map_err(Reject::from)
}
