//! The methods, a file for each kind.

mod access;
mod anomalies;
mod assignment;
mod attachments;
mod audit;
mod backup;
mod bulk;
mod changes;
mod checkpoints;
mod comments;
mod compliance;
mod configuration;
mod corrections;
mod delegation;
mod erasures;
mod evolution;
mod exchange;
mod facts;
mod files;
mod formats;
mod guides;
mod history;
mod indexes;
mod keys;
mod layouts;
mod maintenance;
mod modules;
mod organisation;
mod packages;
mod palette;
mod personal_package;
mod pipelines;
mod plugins;
mod preferences;
mod privacy_register;
mod privileges;
mod query;
mod records;
mod relations;
mod reports;
mod retention;
mod rights;
mod schema;
mod search;
mod sharing;
mod sharing_rules;
mod suppression;
mod time;
mod tokens;
mod trade;
mod value_sets;
mod views;
mod work;

use crate::api::Method;

/// Every method, in the order of their names.
pub(super) fn all() -> Vec<&'static Method> {
    let files = [
        access::METHODS,
        anomalies::METHODS,
        assignment::METHODS,
        attachments::METHODS,
        audit::METHODS,
        backup::METHODS,
        bulk::METHODS,
        changes::METHODS,
        checkpoints::METHODS,
        comments::METHODS,
        guides::METHODS,
        compliance::METHODS,
        configuration::METHODS,
        corrections::METHODS,
        delegation::METHODS,
        erasures::METHODS,
        evolution::METHODS,
        exchange::METHODS,
        facts::METHODS,
        files::METHODS,
        formats::METHODS,
        history::METHODS,
        indexes::METHODS,
        keys::METHODS,
        layouts::METHODS,
        maintenance::METHODS,
        modules::METHODS,
        organisation::METHODS,
        packages::METHODS,
        palette::METHODS,
        pipelines::METHODS,
        plugins::METHODS,
        preferences::METHODS,
        privacy_register::METHODS,
        personal_package::METHODS,
        privileges::METHODS,
        query::METHODS,
        records::METHODS,
        relations::METHODS,
        reports::METHODS,
        retention::METHODS,
        rights::METHODS,
        schema::METHODS,
        search::METHODS,
        sharing::METHODS,
        sharing_rules::METHODS,
        suppression::METHODS,
        time::METHODS,
        tokens::METHODS,
        trade::METHODS,
        value_sets::METHODS,
        views::METHODS,
        work::METHODS,
    ];
    let mut all: Vec<&'static Method> = files.into_iter().flatten().collect();
    all.sort_by_key(|method| method.name);
    all
}
