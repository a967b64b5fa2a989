//! The conformance tests that a vendor puts a finished package through.
//!
//! They run in a process of its own against the real engine: the package is loaded into two databases, records of every
//! entity that it hooks are created, changed and deleted some hundred times, its actions, reports and models are
//! called, it does its jobs, drives its connectors and reads contents, and what the host has counted meanwhile is looked at.

use std::collections::BTreeSet;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use clap::Args;
use guanxi::base::{Code, Error, Value};
use guanxi::engine::{ActionDefinition, Comparison, PerformKind, Pushed, RoleAssignment, role_assignment};
use guanxi::schema::{Entity, EntityType, Field, FieldDefinition, FieldType};
use guanxi::{Changes, Condition, Durability, Find, RecordId, Result, Session, api};
use guanxi_plugin_host::{Loader, Manifest, conduct};
use serde_json::{Value as Json, json};

use crate::commands::plugin::inside::{Child, Task, say};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, visible};

/// How often records of an entity are saved before memory is looked at, and after.
const ROUNDS: (usize, usize) = (100, 200);
/// How much more memory than before is no leak, in KiB: the engine keeps what it has read.
const MAX_GROWTH_KIB: u64 = 24 * 1_024;

#[derive(Debug, Args)]
pub struct Conform {
    /// The package, a directory or one file
    package: PathBuf,
    /// End it after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    within: u64,
}

impl Conform {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let package = path::absolute(&self.package)?;
        let id = host.loader()?.inspect(&package)?.id().to_owned();
        let child = Child::run(host, Task::Conform, &package, Duration::from_secs(self.within))?;
        // Removed from here, since the process may not have come to its end. Where there is nothing, it came to nothing.
        let _ = std::fs::remove_dir_all(place_of(child.id));
        let error = child.error();
        let mut checks: Vec<Json> =
            child.lines.into_iter().filter(|line| line.get("check").is_some()).collect();
        if let Some(error) = &error {
            let said = error.message(host.locale());
            checks.push(json!({"check": "loads", "passed": false, "said": said}));
        }
        let ended = child.died.as_ref();
        let said = ended.map_or("the process ended by itself", String::as_str);
        checks.push(json!({"check": "process", "passed": ended.is_none(), "said": said}));
        let is_failed = |check: &&Json| check.get("passed").and_then(Json::as_bool) != Some(true);
        let failed = checks.iter().find(is_failed);
        let name =
            failed.and_then(|check| check.get("check")).and_then(Json::as_str).unwrap_or_default().to_owned();
        tell(host, &id, &checks, failed.is_none())?;
        if name.is_empty() {
            Ok(Ended::Done)
        } else {
            Err(Error::new(Code::PluginFault).plugin(&id).rule(&name))
        }
    }
}

fn tell(host: &Host, id: &str, checks: &[Json], passed: bool) -> Result<()> {
    if host.wants_json() {
        return output::json(&json!({"plugin": id, "passed": passed, "checks": checks}));
    }
    checks.iter().try_for_each(|check| {
        let text = |name: &str| check.get(name).and_then(Json::as_str).unwrap_or_default();
        let mark = if check.get("passed").and_then(Json::as_bool) == Some(true) { "ok" } else { "FAILED" };
        output::line(&visible(&format!("{:<20} {mark:<6} {}", text("check"), text("said"))))
    })
}

fn found(check: &str, passed: bool, said: &str) {
    say(&json!({"check": check, "passed": passed, "said": said}));
}

/// Where the process of a number has its databases.
fn place_of(process: u32) -> PathBuf {
    std::env::temp_dir().join(format!("guanxi-conform-{process}"))
}

/// The tests themselves, in the process of their own. Each says what came of it.
///
/// # Errors
/// Those of loading, and of the engine.
pub(super) fn inside(loader: &Loader, package: &Path) -> Result<()> {
    let place = &place_of(std::process::id());
    std::fs::create_dir(place)?;
    let manifest = loader.inspect(package)?;
    let first = database(&place.join("first.guanxi"))?;
    let second = database(&place.join("second.guanxi"))?;
    let packages = [package.to_owned()];
    let known = fields(&first);
    loader.install_as(&first, &packages)?;
    found("loads", true, "its library says what its manifest says");
    loader.install_as(&second, &packages)?;
    found("two databases", true, "it serves two databases at once");
    namespace(&known, &first, &manifest);
    let before = faults(place, &manifest)?;
    work_through(&first, &manifest, ROUNDS.0)?;
    let settled = resident_kib();
    work_through(&first, &manifest, ROUNDS.1)?;
    let grown = resident_kib().saturating_sub(settled);
    found("memory", grown <= MAX_GROWTH_KIB, &format!("{grown} KiB more after {} rounds", ROUNDS.1));
    by_name(&second, &manifest)?;
    on_its_own(&second, &manifest)?;
    extract(&second, &manifest)?;
    let faulty = faults(place, &manifest)?.saturating_sub(before);
    found("faults", faulty == 0, &format!("{faulty} failed calls, or calls beyond their budget"));
    let seen = conduct();
    found("handles", seen.stale_handles == 0, &format!("{} uses of stale handles", seen.stale_handles));
    found("oversteps", seen.oversteps == 0, &format!("{} calls without leave", seen.oversteps));
    found("arguments", seen.bad_arguments == 0, &format!("{} impossible arguments", seen.bad_arguments));
    drop((first, second));
    found("closes", true, "its registrations are freed");
    Ok(())
}

fn database(path: &Path) -> Result<Session> {
    let cost = guanxi::KeyCost { memory_kib: 64, passes: 1, lanes: 1 };
    let key = guanxi::Key::raw([7; 32]);
    let options = guanxi::options().key(key).key_cost(cost).durability(Durability::Relaxed);
    let options = options.administrator("admin", "a long password").trust_host();
    options.create(path)?.session_for("admin")
}

fn faults(place: &Path, manifest: &Manifest) -> Result<u32> {
    let of = |name: &str| guanxi_plugin_host::health(&place.join(name), manifest.id());
    Ok(of("first.guanxi")?.faults.saturating_add(of("second.guanxi")?.faults))
}

/// The fields that there are: each by its entity, its namespace and its name.
fn fields(session: &Session) -> BTreeSet<(String, String, String)> {
    let registry = session.crm().registry();
    let named = |entity: &Entity| {
        let name = |field: &Field| {
            let FieldDefinition { namespace, name, .. } = &field.definition;
            (entity.api_name.clone(), namespace.clone(), name.clone())
        };
        entity.fields().iter().map(name).collect::<Vec<_>>()
    };
    registry.entities().iter().flat_map(named).collect()
}

/// What it brought stands in its own namespace: a field of another vendor's is not there.
fn namespace(before: &BTreeSet<(String, String, String)>, session: &Session, manifest: &Manifest) {
    let after = fields(session);
    let (own, other): (Vec<_>, Vec<_>) =
        after.difference(before).partition(|(_, namespace, _)| namespace == manifest.id());
    let said = format!("{} fields of its own, {} of others", own.len(), other.len());
    found("namespace", other.is_empty(), &said);
}

/// The entities that a plugin asks leave to look at.
fn hooked(manifest: &Manifest) -> Vec<String> {
    let named = manifest.capabilities().filter_map(|capability| {
        capability.strip_prefix("hook:").or_else(|| capability.strip_prefix("schema:"))
    });
    let mut entities: Vec<String> = named.map(str::to_owned).collect();
    entities.sort();
    entities.dedup();
    entities
}

/// Creates, changes and deletes records of each entity that the plugin hooks. What the plugin refuses with a reason is
/// refused; only faults count, and the host counts them.
fn work_through(session: &Session, manifest: &Manifest, rounds: usize) -> Result<()> {
    for entity in hooked(manifest) {
        let (mut saved, mut last) = (0, String::new());
        for round in 0..rounds {
            match one_life(session, &entity, round) {
                Ok(()) => saved += 1,
                Err(error) if error.code() == Code::Stopped => return Err(error),
                Err(error) => last = format!("; the last of the others: {error}"),
            }
        }
        let said = format!("{entity}: {saved} of {rounds} records were created, changed and deleted{last}");
        found("records", true, &said);
    }
    Ok(())
}

/// A record with what no record of its entity is saved without.
fn created(session: &Session, entity: &str, round: usize) -> Result<RecordId> {
    let registry = session.crm().registry();
    let known = registry.entity(entity)?;
    session.write(|transaction| {
        let changes =
            known.fields().iter().filter(|field| is_filled(field)).fold(Changes::new(), |changes, field| {
                changes.set(field.api_name.as_str(), sample(field, round))
            });
        transaction.create_record(entity, changes)
    })
}

fn one_life(session: &Session, entity: &str, round: usize) -> Result<()> {
    let id = created(session, entity, round)?;
    let registry = session.crm().registry();
    let known = registry.entity(entity)?;
    session.write(|transaction| {
        let title = known.fields().iter().find(|field| field.definition.required && is_text(field));
        let changes = title.map_or_else(Changes::new, |field| {
            Changes::new().set(field.api_name.as_str(), format!("改 {round}"))
        });
        transaction.update_record(entity, id, changes).map(drop)
    })?;
    session.write(|transaction| transaction.delete_record(entity, id))
}

fn is_text(field: &Field) -> bool {
    matches!(field.definition.kind, FieldType::Text)
}

/// Fields without which no record is saved.
fn is_filled(field: &Field) -> bool {
    field.definition.required && !field.definition.read_only && !field.definition.kind.is_worked_out()
}

fn sample(field: &Field, round: usize) -> Value {
    let number = i64::try_from(round).unwrap_or(0);
    match &field.definition.kind {
        FieldType::Int => Value::Int(number),
        FieldType::Bool => Value::Bool(round.is_multiple_of(2)),
        FieldType::Email => Value::Text(format!("a{round}@example.test")),
        _ => Value::Text(format!("上海加喜企业服务有限公司 {round}")),
    }
}

/// Calls what the plugin does by name, with nothing: it answers, or says what is missing.
fn by_name(session: &Session, manifest: &Manifest) -> Result<()> {
    let own = |action: &ActionDefinition| action.name.starts_with(manifest.id());
    for action in session.actions()?.into_iter().filter(own) {
        let answer = api::call(session, &action.name, &json!({}));
        let passed = match action.kind {
            // It asks for nothing, so nothing excuses it.
            PerformKind::Report => answer.is_ok(),
            _ => !answer.as_ref().is_err_and(|error| error.code() == Code::PluginFault),
        };
        let said = answer.map_or_else(|error| error.code().key().to_owned(), |answer| answer.to_string());
        found("actions", passed, &format!("{}: {said}", action.name));
    }
    Ok(())
}

/// Has the plugin do its jobs and drive its connectors, on an account that may do everything.
fn on_its_own(session: &Session, manifest: &Manifest) -> Result<()> {
    let is_own = |name: &str| name.starts_with(manifest.id());
    let jobs: Vec<_> = session.crm().jobs().into_iter().filter(|job| is_own(&job.name)).collect();
    let connectors: Vec<_> = session
        .connectors()?
        .into_iter()
        .map(|(known, _)| known)
        .filter(|known| is_own(&known.name))
        .collect();
    if jobs.is_empty() && connectors.is_empty() {
        return Ok(());
    }
    admit(session, manifest)?;
    for job in jobs {
        judge("jobs", &job.name, session.run_job(&job.name).map(|answer| answer.to_string()));
    }
    for known in connectors {
        let said = |done: Pushed| format!("{} done", done.done);
        if known.pulls {
            judge("connectors", &known.name, session.pull(&known.name).map(said));
        }
        if !known.pushes.is_empty() {
            judge("connectors", &known.name, session.push(&known.name, 0).map(said));
        }
    }
    Ok(())
}

/// Has the plugin read contents of the media types for which it asks leave, most of which are none of theirs: it may
/// refuse them.
fn extract(session: &Session, manifest: &Manifest) -> Result<()> {
    let media_types: Vec<&str> =
        manifest.capabilities().filter_map(|capability| capability.strip_prefix("extract:")).collect();
    if media_types.is_empty() {
        return Ok(());
    }
    let account = match created(session, "account", 0) {
        Ok(account) => account,
        Err(error) if error.code() == Code::Stopped => return Err(error),
        Err(error) => {
            found("extractors", true, &format!("there is no record to attach a content to: {error}"));
            return Ok(());
        }
    };
    let noise: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let text = "客户希望在月底前完成变更登记\n".repeat(1_000);
    for media_type in media_types {
        let media_type = media_type.replace('*', "plain");
        for mut content in [&[][..], &[0; 64][..], &[0xFF; 4_096][..], &noise, text.as_bytes()] {
            session.attach("account", account, "content", &media_type, &mut content)?;
        }
    }
    let done = session.extract_texts(usize::MAX, false)?;
    let said = format!("{} with text, {} without, {} not read", done.read, done.without, done.failed);
    found("extractors", true, &said);
    Ok(())
}

/// What came of something that the plugin did on its own account. It may refuse, since nobody has set it up; it may not
/// fail, answer with what is no answer, or write what it has no leave to.
fn judge(check: &str, name: &str, done: Result<String>) {
    let passed = !done.as_ref().is_err_and(|error| {
        matches!(error.code(), Code::PluginFault | Code::InvalidArgument | Code::NotPermitted)
    });
    let said = done.unwrap_or_else(|error| error.code().key().to_owned());
    found(check, passed, &format!("{name}: {said}"));
}

/// Gives the plugin an account with the roles of the administrator.
fn admit(session: &Session, manifest: &Manifest) -> Result<()> {
    let given = json!({"values": {"name": "conformance", "kind": "service"}});
    let made = api::call(session, "user.create", &given)?;
    let account: RecordId = made.get("id").and_then(Json::as_str).unwrap_or_default().parse()?;
    let filter = Condition::Compare(role_assignment::USER.into(), Comparison::Equal, session.user().into());
    let roles = session.list(RoleAssignment::NAME, &Find { filter, ..Find::default() })?;
    session.write(|transaction| {
        roles.rows.iter().try_for_each(|row| {
            let assigned = Changes::new()
                .set(role_assignment::USER, account)
                .set(role_assignment::ROLE, row.value(role_assignment::ROLE)?);
            transaction.create_record(RoleAssignment::NAME, assigned).map(drop)
        })
    })?;
    session.admit_plugin(manifest.id(), account, None).map(drop)
}

/// What this process has in memory, in KiB; 0 where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
