//! What extensions can do when they are asked by name: actions, which a user calls as any method, and jobs, which the
//! extension does on its own account when the host says that it is time.
//!
//! An action acts in the right of whoever calls it and has no right of its own. There is no clock in this room: the
//! schedule of a job is told to the host, and the host calls.

use std::sync::{Arc, PoisonError};

use serde_json::Value as Json;

use crate::access::{Action, Role};
use crate::base::{Code, Error, Label, Result};
use crate::engine::connectors::DeclaredConnector;
use crate::engine::{Crm, Registrar, Session};
use crate::schema::EntityType;

/// What an extension does by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDefinition {
    /// The name, which begins with the id of the extension and a point: `cn.example.score.renew`.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What it does, and which parameters it takes, for who calls it.
    pub help: Label,
    /// What its caller must be allowed: an action on an entity, by API name. Nothing for every user.
    pub needs: Option<(String, Action)>,
    /// What it is for, so that a host can show each kind in its place.
    pub kind: PerformKind,
}

/// What something that is called by name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PerformKind {
    /// It does something.
    #[default]
    Action,
    /// It answers with a report, and takes nothing.
    Report,
    /// It scores a record, which it takes.
    Model,
}

impl PerformKind {
    /// The name: `action`, `report`, `model`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Report => "report",
            Self::Model => "model",
        }
    }
}

/// What an extension does when its time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDefinition {
    /// The name, which begins with the id of the extension and a point.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// When it is due: a rule of RFC 5545, or the five fields of crontab (IEEE Std 1003.1), by the clocks of the
    /// organisation.
    pub schedule: String,
}

/// The work of an action or a job.
pub trait Perform: Send + Sync {
    /// Does it in a session, with parameters as JSON, and answers in JSON.
    ///
    /// # Errors
    /// What the extension refuses; those of what it does.
    fn perform(&self, session: &Session, parameters: &Json) -> Result<Json>;
}

/// An action or a job with its work.
#[derive(Clone)]
pub(super) struct Declared<D> {
    pub extension: String,
    pub definition: D,
    pub work: Arc<dyn Perform>,
}

/// The actions, jobs and connectors of a database that is open.
#[derive(Clone, Default)]
pub(super) struct Performers {
    actions: Vec<Declared<ActionDefinition>>,
    jobs: Vec<Declared<JobDefinition>>,
    pub connectors: Vec<DeclaredConnector>,
}

impl Performers {
    /// These and those that a registrar has collected.
    ///
    /// # Errors
    /// `schema.invalid_definition` for a name outside of the extension's namespace, `schema.duplicate_definition` for
    /// one that is taken.
    pub fn with(&self, registrar: &mut Registrar) -> Result<Self> {
        let mut all = self.clone();
        for action in std::mem::take(&mut registrar.actions) {
            all.check(&action.extension, &action.definition.name)?;
            all.actions.push(action);
        }
        for job in std::mem::take(&mut registrar.jobs) {
            all.check(&job.extension, &job.definition.name)?;
            all.jobs.push(job);
        }
        for connector in std::mem::take(&mut registrar.connectors) {
            all.check(&connector.extension, &connector.definition.name)?;
            all.connectors.push(connector);
        }
        Ok(all)
    }

    fn check(&self, extension: &str, name: &str) -> Result<()> {
        let own = name.strip_prefix(extension).and_then(|rest| rest.strip_prefix('.'));
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        if !own.is_some_and(is_word) {
            let error = Error::new(Code::InvalidDefinition).field("name").value(name);
            return Err(error.rule(&format!("{extension}.<name> in lower case")));
        }
        let actions = self.actions.iter().map(|known| &known.definition.name);
        let jobs = self.jobs.iter().map(|known| &known.definition.name);
        let connectors = self.connectors.iter().map(|known| &known.definition.name);
        if actions.chain(jobs).chain(connectors).any(|known| known == name) {
            return Err(Error::new(Code::DuplicateDefinition).field("name").value(name));
        }
        Ok(())
    }
}

impl Registrar {
    /// Adds an action, which is called as a method of its name.
    pub fn action(&mut self, definition: ActionDefinition, work: Arc<dyn Perform>) {
        self.actions.push(Declared { extension: self.extension.clone(), definition, work });
    }

    /// Adds a job.
    pub fn job(&mut self, definition: JobDefinition, work: Arc<dyn Perform>) {
        self.jobs.push(Declared { extension: self.extension.clone(), definition, work });
    }
}

impl Crm {
    pub(super) fn performers(&self) -> Arc<Performers> {
        Arc::clone(&self.inner.performers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The jobs that extensions have, with when each is due.
    #[must_use]
    pub fn jobs(&self) -> Vec<JobDefinition> {
        self.performers().jobs.iter().map(|job| job.definition.clone()).collect()
    }

    /// The same, each with the extension whose job it is.
    pub(crate) fn jobs_of_extensions(&self) -> Vec<(String, JobDefinition)> {
        let performers = self.performers();
        performers.jobs.iter().map(|job| (job.extension.clone(), job.definition.clone())).collect()
    }
}

impl Session {
    /// The actions of extensions that this user may call.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn actions(&self) -> Result<Vec<ActionDefinition>> {
        let performers = self.crm().performers();
        self.read(|reader| {
            let allowed = |known: &&Declared<ActionDefinition>| {
                let needs = known.definition.needs.as_ref();
                needs.is_none_or(|(entity, action)| reader.may(entity, *action))
            };
            let allowed = performers.actions.iter().filter(allowed);
            Ok(allowed.map(|known| known.definition.clone()).collect())
        })
    }

    /// Has an extension do something by name, in the right of this user. A call by name of the api does the same.
    ///
    /// # Errors
    /// `input.unknown_method`; `access.not_permitted` without what the action needs; `engine.reentrant` within a
    /// transaction of this thread, which the action could only wait for; those of the action.
    pub fn run_action(&self, name: &str, parameters: &Json) -> Result<Json> {
        let performers = self.crm().performers();
        let action = performers.actions.iter().find(|known| known.definition.name == name);
        let action = action.ok_or_else(|| Error::new(Code::UnknownMethod).value(name))?;
        if let Some((entity, needed)) = &action.definition.needs {
            self.check_may(entity, *needed)?;
        }
        self.crm().check_outside()?;
        action.work.perform(self, parameters).map_err(|error| error.plugin(&action.extension))
    }

    /// Has an extension do a job now, on the extension's own account and in this user's name.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `input.unknown_method`;
    /// `plugin.not_admitted` for an extension that has no account; `engine.reentrant`; those of the job.
    pub fn run_job(&self, name: &str) -> Result<Json> {
        self.check_may(Role::NAME, Action::Administer)?;
        self.perform_job(None, name, &Json::Null)
    }

    /// Has an extension do a job with parameters, for whoever has found that it may be done; where it is said whose job
    /// it is, that of no other.
    ///
    /// # Errors
    /// As [`Session::run_job`].
    pub(crate) fn perform_job(&self, of: Option<&str>, name: &str, parameters: &Json) -> Result<Json> {
        let performers = self.crm().performers();
        let is_it = |known: &&Declared<JobDefinition>| {
            known.definition.name == name && of.is_none_or(|of| of == known.extension)
        };
        let job = performers.jobs.iter().find(is_it);
        let job = job.ok_or_else(|| Error::new(Code::UnknownMethod).value(name))?;
        let own = self.as_extension(&job.extension)?;
        job.work.perform(&own, parameters).map_err(|error| error.plugin(&job.extension))
    }

    /// A session of an extension on its own account, in this user's name.
    ///
    /// # Errors
    /// `plugin.not_admitted`; `engine.reentrant` within a transaction of this thread.
    pub(super) fn as_extension(&self, extension: &str) -> Result<Self> {
        self.crm().check_outside()?;
        self.crm().session_of_plugin(extension)?.on_behalf_of(self.user())
    }
}
