//! Signing in with the engine's own credentials: proof by password, passwords that are to be changed, and recovery by
//! a code that works once.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::base::{Code, Error, RecordId, Result, Timestamp};
use crate::engine::credentials::{self, PasswordRules, Setting};
use crate::engine::{Crm, EntryKind, Session, Transaction, WriteOptions};
use crate::records::note;
use crate::storage::{RecoveryKey, Snapshot};

/// Who is named in an entry where nobody has the name.
const NOBODY: RecordId = RecordId::from_bytes([0; 16]);

/// Whether what somebody gave proves them to be a user, or takes as long for nobody.
type Proof<'p> = &'p dyn Fn(&dyn Snapshot, Option<RecordId>) -> Result<bool>;

/// A code by which a user who has lost a password sets a new one, once. It prints nothing of itself; wiped on drop.
#[derive(Debug, Clone)]
pub struct RecoveryCode {
    code: RecoveryKey,
    /// Until when it is good.
    pub until: Timestamp,
}

impl RecoveryCode {
    /// The text to hand over: six groups of six characters with hyphens between them, 160 random bits and a check.
    /// This is the only way to it; whoever has the text signs in as the user.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        self.code.reveal()
    }
}

impl Crm {
    /// Signs a user in with name and password. Every sign-in is an entry of the ledger, and so are the first ten
    /// refusals of a person, or of names that nobody has, within a minute; further ones are counted in one entry.
    /// After ten failures a name waits a second, and twice as long after each further one, up to 15 minutes;
    /// whoever signs in, or does not try for that long, begins anew.
    ///
    /// # Errors
    /// `access.sign_in_failed`, alike for an unknown name, a wrong password and a suspended user;
    /// `access.sign_in_waits`, alike for every name, while it has to wait, whatever the password is;
    /// `access.password_expired` for the right password where the rules of the organisation
    /// (`passwords.max_age_days`, `passwords.change_after_reset`) want another one first: see
    /// [`Crm::sign_in_with_new_password`].
    ///
    /// A service account signs in with its name and, in place of a password, a token: see [`Crm::sign_in_by_token`].
    pub fn sign_in(&self, name: &str, password: &str) -> Result<Session> {
        if let Some(session) = self.sign_in_as_service(name, password)? {
            return Ok(session);
        }
        let user = self.prove_by_password(name, password)?;
        let is_due = credentials::is_due(self.snapshot()?.as_ref(), user, self.password_rules(), self.now())?;
        if is_due {
            self.refused_sign_in(user)?;
            return Err(Error::new(Code::PasswordExpired));
        }
        self.enter_note(user, EntryKind::SignIn, "sign_in", "password")?;
        self.session_of(user)
    }

    /// Signs a user in who sets another password in the same call, be it because the old one is to be changed or not.
    ///
    /// # Errors
    /// Those of [`Crm::sign_in`] but for `access.password_expired`; `access.password_reused` for the same password;
    /// those of [`Session::set_password`]. The old password stays then, and nobody is signed in.
    pub fn sign_in_with_new_password(&self, name: &str, password: &str, new: &str) -> Result<Session> {
        let user = self.prove_by_password(name, password)?;
        if new == password {
            return Err(Error::new(Code::PasswordReused).rule("the last 1"));
        }
        let session = self.session_of(user)?;
        session.set_password(user, new)?;
        self.enter_note(user, EntryKind::SignIn, "sign_in", "password")?;
        Ok(session)
    }

    /// Signs a user in by a recovery code, which is used up, and sets the password. A code that is wrong counts as a
    /// sign-in that failed.
    ///
    /// # Errors
    /// `input.invalid_argument` for a code with a slip of the pen; `access.sign_in_failed`, alike for an unknown name,
    /// a suspended user, and a code that is wrong, used up or over; `access.sign_in_waits`; those of
    /// [`Session::set_password`], after which the code is good as before.
    pub fn recover(&self, name: &str, code: &str, new: &str) -> Result<Session> {
        let code = RecoveryKey::read(code).map_err(|error| error.field("code"))?;
        let user = self.prove(name, &|snapshot, user| match user {
            Some(user) => credentials::is_code_of(snapshot, user, &code, self.now()),
            None => Ok(false),
        })?;
        let session = self.session_of(user)?;
        let options = || WriteOptions::default().cause("user.recover");
        session.write_with(options(), |transaction| {
            // Of two who use it at the same time one comes second, and finds it used up.
            if !credentials::is_code_of(transaction.view(), user, &code, self.now())? {
                return Err(Error::new(Code::SignInFailed));
            }
            transaction.set_password(user, new)
        })?;
        self.enter_note(user, EntryKind::SignIn, "sign_in", "recovery code")?;
        Ok(session)
    }

    fn prove_by_password(&self, name: &str, password: &str) -> Result<RecordId> {
        let cost = self.inner.key_cost;
        self.prove(name, &|snapshot, user| credentials::verify_password(snapshot, user, password, cost))
    }

    /// The user whom somebody proves to be. What is wrong is counted and entered, alike for every name.
    fn prove(&self, name: &str, proves: Proof<'_>) -> Result<RecordId> {
        if self.inner.failed.waits(name, self.now()) {
            let user = self.user_named(self.snapshot()?.as_ref(), name)?;
            self.refused_sign_in(user.unwrap_or(NOBODY))?;
            return Err(Error::new(Code::SignInWaits));
        }
        let (user, right) = {
            let snapshot = self.snapshot()?;
            let user = self.user_named(snapshot.as_ref(), name)?;
            let active = user
                .filter(|user| self.policy(snapshot.as_ref()).is_ok_and(|policy| policy.is_active(*user)));
            (user, proves(snapshot.as_ref(), active)?)
        };
        match user {
            Some(user) if right => {
                self.inner.failed.forget(name);
                Ok(user)
            }
            _ => {
                self.inner.failed.count(name, self.now());
                self.refused_sign_in(user.unwrap_or(NOBODY))?;
                Err(Error::new(Code::SignInFailed))
            }
        }
    }
}

impl Session {
    /// Sets a user's password: one's own, or that of a user whom one administers and who has no right that one does
    /// not have. The user's other sessions end at their next call.
    ///
    /// # Errors
    /// As [`Transaction::set_password`].
    pub fn set_password(&self, user: RecordId, password: &str) -> Result<()> {
        let options = WriteOptions::default().cause("user.set_password");
        self.write_with(options, |transaction| transaction.set_password(user, password))
    }

    /// Makes a code by which a user sets a new password, once and within `passwords.recovery_minutes`: oneself, or a
    /// user whose password one may set. It takes the place of an earlier code; the password stays good until then.
    /// How the code reaches the user, by mail or by a note, is the host's part.
    ///
    /// # Errors
    /// As [`Session::set_password`].
    pub fn issue_recovery_code(&self, user: RecordId) -> Result<RecoveryCode> {
        let options = WriteOptions::default().cause("user.issue_recovery_code");
        self.write_with(options, |transaction| transaction.issue_recovery_code(user))
    }
}

impl Transaction<'_> {
    /// Sets a user's password: one's own, or that of a user whom one administers and who has no right that one does
    /// not have. A recovery code of the user is void from then on.
    ///
    /// # Errors
    /// `access.not_permitted`, `access.four_eyes` for somebody who approves what needs a second person,
    /// `access.weak_password`, `access.password_reused` for one of one's own last passwords
    /// (`passwords.remembered`), `input.limit_exceeded` for more than 1,024 bytes, `record.not_found`; at the commit
    /// `access.beyond_own_rights` for somebody who may do more.
    pub fn set_password(&mut self, user: RecordId, password: &str) -> Result<()> {
        self.check_sets_password(user)?;
        self.check_credential_of(user)?;
        self.check_is_person(user)?;
        let crm = self.crm();
        let random = Arc::clone(&crm.inner.random);
        let setting = Setting {
            rules: crm.password_rules(),
            cost: crm.inner.key_cost,
            random: random.as_ref(),
            now: crm.now(),
            by_other: user != self.user() && !self.is_founding(),
        };
        credentials::set_password(self.view_mut(), user, password, &setting)?;
        self.enter_credential(user, "password");
        self.renew_sessions_of(user);
        Ok(())
    }

    fn issue_recovery_code(&mut self, user: RecordId) -> Result<RecoveryCode> {
        self.check_sets_password(user)?;
        self.check_credential_of(user)?;
        self.check_is_person(user)?;
        let crm = self.crm();
        let code = RecoveryKey::generate(crm.inner.random.as_ref());
        let (rules, now): (PasswordRules, Timestamp) = (crm.password_rules(), crm.now());
        let until = credentials::put_code(self.view_mut(), user, &code, rules, now);
        self.enter_credential(user, "recovery code");
        Ok(RecoveryCode { code, until })
    }

    fn enter_credential(&mut self, user: RecordId, text: &str) {
        let context = self.context().clone();
        note(self.view_mut(), &context, EntryKind::Credential, user, text);
    }
}
