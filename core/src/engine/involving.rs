//! Taking part in a decision about a record: whoever does so reads the record for as long as the process is open.
//!
//! It is a share of the level `read` that names the process, so that it is bounded, told, explained and kept in history as
//! every share is; it opens a record and no kind of work, and what is forbidden stays so. It is taken back when the
//! process ends: by the engine, where the process is one of its own or its record is deleted, and by whoever runs it
//! otherwise.

use std::sync::Arc;

use crate::access::{Process, ShareFact, ShareLevel, Sharee, Update};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Session, Transaction, WriteOptions};
use crate::records::{self, Record};
use crate::schema::Entity;

impl Session {
    /// Lets somebody who takes part in a process read a record. See [`Transaction::involve`].
    ///
    /// # Errors
    /// As [`Transaction::involve`].
    pub fn involve(&self, entity: &str, id: RecordId, with: Sharee, process: &Process) -> Result<RecordId> {
        let options = WriteOptions::default().cause("record.involve");
        self.write_with(options, |transaction| transaction.involve(entity, id, with, process))
    }

    /// Ends what people read because they take part in a process. See [`Transaction::end_involvement`].
    ///
    /// # Errors
    /// As [`Transaction::end_involvement`].
    pub fn end_involvement(&self, process: &Process) -> Result<usize> {
        let options = WriteOptions::default().cause("record.end_involvement");
        self.write_with(options, |transaction| transaction.end_involvement(process))
    }
}

impl Transaction<'_> {
    /// Lets a user or a team that takes part in a process read a record until the process ends, and gives the id of the
    /// share that says so. Once said it stands, however often it is said again. The process is a record, such as an
    /// approval, that this user may change; of the record that it is about it takes the right to share.
    ///
    /// # Errors
    /// Those of [`Transaction::share_record`] at the level `read`; `record.not_found` and `access.not_permitted` for a
    /// process that this user does not see, or may not change.
    pub fn involve(
        &mut self,
        entity: &str,
        id: RecordId,
        with: Sharee,
        process: &Process,
    ) -> Result<RecordId> {
        let process = self.process_of(process)?.1;
        self.involve_in((entity, id), with, &process)
    }

    /// Lets somebody read a record until a process ends that this user may let others take part in.
    pub(super) fn involve_in(
        &mut self,
        (entity, id): (&str, RecordId),
        with: Sharee,
        process: &Process,
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let fact = ShareFact {
            id,
            entity: entity.id(),
            record: id,
            with,
            level: ShareLevel::Read,
            from: None,
            until: None,
            process: Some(process.clone()),
        };
        self.reader().check_share(&fact)?;
        self.put_involvement((entity, id), with, process)
    }

    /// Ends what people read because they take part in a process, and gives how many shares that were. It is for who may
    /// change the record of the process.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`.
    pub fn end_involvement(&mut self, process: &Process) -> Result<usize> {
        let (record, process) = self.process_of(process)?;
        self.take_involvements(&process, record.envelope.partition)
    }

    /// The record of a process that this user may change, and the process by the name that its entity has now.
    fn process_of(&self, process: &Process) -> Result<(Record, Process)> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(&process.entity)?;
        let record = self.readable(entity, process.id)?;
        let permit = self.policy.decide::<Update>(self.user(), entity.id(), &entity.api_name)?;
        match permit.allows(record.id, &record.envelope.access_class()) {
            true => Ok((record, Process { entity: entity.api_name.clone(), id: process.id })),
            false => {
                let refused = Error::new(Code::NotPermitted).entity(&entity.api_name).record(process.id);
                Err(refused.rule("update"))
            }
        }
    }

    /// Lets this user read a record for as long as a process of the engine's own is open.
    pub(super) fn take_part(&mut self, (name, id): (&str, RecordId), process: &Process) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let Ok(entity) = registry.entity(name) else { return Ok(()) };
        let user = self.session().delegator().unwrap_or(self.user());
        let Some(record) = records::get_for_rule(self.view(), entity.id(), id)? else { return Ok(()) };
        // Nothing crosses partitions.
        if self.policy.partition_of(user) != Some(record.envelope.partition) {
            return Ok(());
        }
        self.put_involvement((entity, id), Sharee::User(user), process).map(drop)
    }

    /// A record that goes is no process any more.
    pub(super) fn end_with_process(&mut self, entity: &Entity, old: &Record) -> Result<()> {
        let process = Process { entity: entity.api_name.clone(), id: old.id };
        self.take_involvements(&process, old.envelope.partition).map(drop)
    }
}
