//! Turns a loaded plugin into an extension of a database.

use std::sync::{Arc, Mutex, PoisonError};

use guanxi::base::{Code, Error, RecordId, Result};
use guanxi::engine::{
    ActionDefinition, AfterCommit, BeforeSave, Crm, Extension, Happening, Perform, RecordHook, Registrar,
    Save, Session,
};
use guanxi::{Transaction, api};
use guanxi_plugin_abi as abi;
use guanxi_plugin_abi::{
    guanxi_hook, guanxi_perform, guanxi_plugin_init, guanxi_score, guanxi_str, guanxi_value,
};
use serde_json::{Value as Json, json};

use crate::OnFault;
use crate::connector::Connector;
use crate::contain::{Plugin, code_of};
use crate::extractor::Extractor;
use crate::frame::{Callback, Collected, ModelInput, Point, Scene, call, collect};
use crate::functions::{HOST, package, tell};
use crate::lent::Lent;
use crate::value::lend;

/// One plugin of one database, which has said what it brings.
pub(crate) struct NativeExtension {
    plugin: Arc<Plugin>,
    /// What the plugin registered, until it is declared.
    collected: Mutex<Option<Collected>>,
    migrations: Vec<(u32, Callback<guanxi_perform>)>,
}

impl NativeExtension {
    /// Has a plugin register what it brings, beside the package of metadata of its package.
    ///
    /// # Errors
    /// What the plugin returns; `plugin.fault`; those of the package of metadata.
    pub fn register(
        crm: &Crm,
        plugin: &Arc<Plugin>,
        init: guanxi_plugin_init,
        metadata: Option<&str>,
    ) -> Result<Self> {
        let entities = crm.registry().entities().iter().map(|entity| entity.api_name.clone()).collect();
        let mut collected = Collected::new(Arc::clone(plugin), entities);
        metadata.map(|json| package(&mut collected, json)).transpose()?;
        let failed = |status: i32| Error::new(code_of(status)).plugin(&plugin.id).rule("registration failed");
        let since = plugin.enter();
        // SAFETY: the table is constant, and the registrar is good until the function returns.
        let outcome = collect(collected, |registrar| unsafe { init(&raw const HOST, registrar) });
        plugin.leave(since);
        match outcome {
            Some((0.., mut collected)) => {
                let migrations = std::mem::take(&mut collected.migrations).into_iter().collect();
                Ok(Self { plugin: Arc::clone(plugin), collected: Mutex::new(Some(collected)), migrations })
            }
            Some((status, _)) => Err(failed(status)),
            None => Err(failed(abi::GUANXI_ERR_PLUGIN_FAULT)),
        }
    }

    /// The version to which its migrations go.
    pub fn migrates_to(&self) -> u32 {
        self.migrations.iter().map(|(version, _)| *version).max().unwrap_or(0)
    }

    /// Runs the migrations beyond a version, in a transaction of an administrator.
    ///
    /// # Errors
    /// What a migration gives.
    pub fn migrate(&self, transaction: &mut Transaction<'_>, from: u32) -> Result<()> {
        self.migrations.iter().filter(|(version, _)| *version > from).try_for_each(|(_, work)| {
            let scene = Scene::Migration(std::ptr::from_mut(transaction).cast::<Transaction<'static>>());
            perform(&self.plugin, work, work.function, scene, &Json::Null).map(drop)
        })
    }
}

impl Extension for NativeExtension {
    fn id(&self) -> &str {
        &self.plugin.id
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(collected) = collected else {
            return Err(Error::new(Code::PluginConflict).plugin(&self.plugin.id));
        };
        for package in collected.packages {
            registrar.package(package);
        }
        for (entity, field) in collected.fields {
            registrar.field(&entity, field);
        }
        let plugin = || Arc::clone(&self.plugin);
        for (entity, order, point, hook) in collected.hooks {
            let rule = Rule { plugin: plugin(), hook };
            match point {
                Point::BeforeSave => registrar.before_save(&entity, order, Arc::new(rule)),
                Point::Around(point) => registrar.record_hook(&entity, order, point, Arc::new(rule)),
                Point::AfterCommit => registrar.after_commit(&entity, order, Arc::new(rule)),
            }
        }
        for (definition, work) in collected.actions {
            registrar.action(definition, Arc::new(Work { plugin: plugin(), work }));
        }
        for (definition, work) in collected.jobs {
            registrar.job(definition, Arc::new(Work { plugin: plugin(), work }));
        }
        for (definition, input, score) in collected.models {
            let definition: ActionDefinition = definition;
            registrar.action(definition, Arc::new(Model { plugin: plugin(), input, score }));
        }
        for (definition, asked) in collected.reports {
            registrar.action(definition, Arc::new(Report { plugin: plugin(), asked }));
        }
        for (definition, work) in collected.connectors {
            registrar.connector(definition, Arc::new(Connector { plugin: plugin(), work }));
        }
        for (reads, work) in collected.extractors {
            registrar.text_extractor(Arc::new(Extractor { plugin: plugin(), reads, work }));
        }
        Ok(())
    }
}

/// A hook of a plugin as a rule of the engine.
struct Rule {
    plugin: Arc<Plugin>,
    hook: Callback<guanxi_hook>,
}

impl Rule {
    /// Calls the hook in a scene, and says whether it is to be taken as if it had not been called.
    fn ask(&self, scene: Scene) -> Result<bool> {
        let budget = match scene {
            Scene::Committed(..) => self.plugin.budgets.1,
            _ => self.plugin.budgets.0,
        };
        let Callback { function, user_data, .. } = self.hook;
        let (outcome, _) = call(&self.plugin, scene, budget, |context, record| {
            // SAFETY: the plugin registered the function for this data, and both handles are good until it returns.
            unsafe { function(user_data, context, record) }
        });
        self.plugin.verdict(outcome, budget)
    }
}

impl BeforeSave for Rule {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !self.plugin.admits_hooks()? {
            return Ok(());
        }
        self.ask(Scene::Save(std::ptr::from_mut(save).cast::<Save<'static>>())).map(drop)
    }
}

impl RecordHook for Rule {
    fn run(&self, happening: &mut Happening<'_, '_>) -> Result<()> {
        if !self.plugin.admits_hooks()? {
            return Ok(());
        }
        let skips = self.plugin.on_fault == OnFault::Skip;
        let point = skips.then(|| happening.transaction().savepoint());
        let scene = Scene::Happening(std::ptr::from_mut(happening).cast::<Happening<'static, 'static>>());
        // What a hook did before it failed goes with it where its failure is passed over.
        if let (true, Some(point)) = (self.ask(scene)?, point) {
            happening.transaction().roll_back_to(point);
        }
        Ok(())
    }
}

impl AfterCommit for Rule {
    fn after_commit(&self, session: &Session, entity: &str, record: RecordId) {
        if !self.plugin.admits_hooks().unwrap_or(false) {
            return;
        }
        if let Err(error) = self.ask(Scene::Committed(session, std::ptr::from_ref(entity), record)) {
            tell(abi::GUANXI_LOG_ERROR, &format!("{} after a commit: {error}", self.plugin.id));
        }
    }
}

/// Has a plugin do a work, and gives what it answers.
pub(crate) fn perform<F>(
    plugin: &Arc<Plugin>,
    work: &Callback<F>,
    function: guanxi_perform,
    scene: Scene,
    parameters: &Json,
) -> Result<Json> {
    let budget = plugin.budgets.1;
    let input = if parameters.is_null() { "{}".to_owned() } else { parameters.to_string() };
    let (outcome, said) = call(plugin, scene, budget, |context, _| {
        // SAFETY: the plugin registered the function for this data; the context is good and the text stays until it
        // returns.
        unsafe { function(work.user_data, context, guanxi_str::of(&input)) }
    });
    match plugin.verdict(outcome, budget)? {
        // Who asked is told that there is no answer, whatever becomes of saves.
        true => Err(Error::new(Code::PluginFault).plugin(&plugin.id)),
        false => Ok(said.answer.unwrap_or_default()),
    }
}

/// An action or a job of a plugin.
struct Work {
    plugin: Arc<Plugin>,
    work: Callback<guanxi_perform>,
}

impl Perform for Work {
    fn perform(&self, session: &Session, parameters: &Json) -> Result<Json> {
        self.plugin.check()?;
        if !parameters.is_null() && !parameters.is_object() {
            return Err(Error::new(Code::InvalidArgument).rule("parameters are a JSON object"));
        }
        perform(&self.plugin, &self.work, self.work.function, Scene::Asked(session), parameters)
    }
}

/// A report of a plugin: what is asked stands once and for all, and who asks it sees what he may.
struct Report {
    plugin: Arc<Plugin>,
    asked: Json,
}

impl Perform for Report {
    fn perform(&self, session: &Session, parameters: &Json) -> Result<Json> {
        self.plugin.check()?;
        if parameters.as_object().is_some_and(|given| !given.is_empty()) {
            return Err(Error::new(Code::UnknownParameter).rule("a report takes nothing"));
        }
        api::call(session, "report.run", &self.asked)
    }
}

/// A scoring model of a plugin.
struct Model {
    plugin: Arc<Plugin>,
    input: ModelInput,
    score: Callback<guanxi_score>,
}

impl Model {
    /// The values of the features of a record, as the user who asks sees them.
    fn features(&self, session: &Session, record: RecordId, lent: &mut Lent) -> Result<Vec<guanxi_value>> {
        let row = session.get(&self.input.entity, record)?;
        let values = self.input.features.iter().map(|name| {
            let own = format!("{}.{name}", self.plugin.id);
            let value = match row.value(own.as_str()) {
                Err(error) if error.code() == Code::UnknownField => row.value(name.as_str()),
                found => found,
            };
            Ok(lend(&value?, lent))
        });
        values.collect()
    }
}

impl Perform for Model {
    fn perform(&self, session: &Session, parameters: &Json) -> Result<Json> {
        self.plugin.check()?;
        let record = parameters.get("record").and_then(Json::as_str);
        let record = record.ok_or_else(|| Error::new(Code::MissingParameter).field("record"))?;
        let mut lent = Lent::default();
        let features = self.features(session, record.parse()?, &mut lent)?;
        let mut score = f64::NAN;
        let budget = self.plugin.budgets.0;
        let (outcome, said) = call(&self.plugin, Scene::Asked(session), budget, |context, _| {
            let (function, user_data) = (self.score.function, self.score.user_data);
            // SAFETY: the plugin registered the function for this data; values, their texts and the place of the score
            // stay until it returns.
            unsafe { function(user_data, context, features.as_ptr(), features.len(), &raw mut score) }
        });
        if self.plugin.verdict(outcome, budget)? || !score.is_finite() {
            return Err(Error::new(Code::PluginFault).plugin(&self.plugin.id).rule("a score"));
        }
        Ok(json!({"score": score, "reasons": said.reasons}))
    }
}
