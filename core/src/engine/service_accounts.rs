//! Service accounts: programs that sign in by a token, have roles as anybody has, and are nobody's superior.
//!
//! A token is made by the engine from random bits, shown once, and kept as a hash with the moment at which it ends. A
//! session that was opened by one ends with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::access::{PositionHolder, User, UserKind, position_holder, user};
use crate::base::{Code, Error, RecordId, Result, Timestamp};
use crate::engine::credentials::are_equal;
use crate::engine::{BeforeSave, Crm, EntryKind, Save, Session, Transaction, WriteOptions};
use crate::records::note;
use crate::schema::EntityType;
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// Where tokens lie, by user and token: hash of the secret (32), when it was issued (8), when it ends (8, the greatest
/// number for never), then what it is for, in UTF-8.
const PREFIX: &[u8] = b"token.";
/// What the text of a token begins with.
const TEXT: &str = "guanxi";
/// Random bytes of a secret.
const SECRET: usize = 32;
/// Most tokens of one account.
const MAX_TOKENS: usize = 100;
/// Longest text that says what a token is for, in bytes.
const MAX_LABEL: usize = 200;
/// Who is named in an entry where nobody has the token.
const NOBODY: RecordId = RecordId::from_bytes([0; 16]);

/// A token that was just issued. It prints nothing of itself; wiped on drop.
pub struct ServiceToken {
    /// By what it is revoked.
    pub id: RecordId,
    /// Until when it is good; without end if nothing is said.
    pub until: Option<Timestamp>,
    text: Zeroizing<String>,
}

impl std::fmt::Debug for ServiceToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ServiceToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ServiceToken {
    /// The text that the program gives to sign in. This is the only way to it: the database keeps its hash alone.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        self.text.clone()
    }
}

/// A token that was issued and not taken back, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    /// By what it is revoked.
    pub id: RecordId,
    /// What it is for.
    pub label: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// Until when it is good; without end if nothing is said.
    pub until: Option<Timestamp>,
    /// Whether it is good now.
    pub holds: bool,
}

/// A token as it is kept.
struct Kept {
    hash: [u8; 32],
    issued: Timestamp,
    until: Option<Timestamp>,
    label: String,
}

impl Kept {
    fn read(stored: &[u8]) -> Result<Self> {
        let damaged = || Error::new(Code::Damaged).rule("token");
        let (hash, rest) = stored.split_first_chunk::<32>().ok_or_else(damaged)?;
        let (issued, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let (until, label) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let until = Some(i64::from_be_bytes(*until)).filter(|until| *until != i64::MAX);
        Ok(Self {
            hash: *hash,
            issued: Timestamp::from_micros(i64::from_be_bytes(*issued)),
            until: until.map(Timestamp::from_micros),
            label: String::from_utf8(label.to_vec()).map_err(|_| damaged())?,
        })
    }

    fn write(&self) -> Vec<u8> {
        let until = self.until.map_or(i64::MAX, Timestamp::micros);
        let head = [&self.hash[..], &self.issued.micros().to_be_bytes(), &until.to_be_bytes()].concat();
        [&head[..], self.label.as_bytes()].concat()
    }

    fn holds_at(&self, moment: Timestamp) -> bool {
        self.until.is_none_or(|until| moment < until)
    }
}

/// What the text of a token says: the account, the token, the secret.
fn said(text: &str) -> Option<(RecordId, RecordId, Zeroizing<Vec<u8>>)> {
    let mut parts = text.trim().split('.');
    let (head, user, id, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if head != TEXT || parts.next().is_some() || secret.len() != 2 * SECRET {
        return None;
    }
    let secret = secret.as_bytes().to_vec();
    Some((user.parse().ok()?, id.parse().ok()?, Zeroizing::new(secret)))
}

/// A secret has 256 random bits, so a plain hash of it tells nothing.
fn hash_of(user: RecordId, id: RecordId, secret: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"guanxi.service-token.v1").chain_update(user.as_bytes());
    hash.chain_update(id.as_bytes()).chain_update(secret).finalize().into()
}

fn key(user: RecordId, id: RecordId) -> Vec<u8> {
    [PREFIX, user.as_bytes(), id.as_bytes()].concat()
}

/// The tokens of an account, in the order in which they were issued.
fn tokens_of(snapshot: &dyn Snapshot, user: RecordId) -> Result<Vec<(RecordId, Kept)>> {
    let range = RangeRequest::prefix(Keyspace::Meta, &[PREFIX, user.as_bytes()].concat(), MAX_TOKENS);
    let rows = snapshot.scan(&range)?.rows;
    let tokens = rows.into_iter().filter_map(|(key, value)| Some((RecordId::from_suffix(&key)?, value)));
    tokens.map(|(id, value)| Ok((id, Kept::read(&value)?))).collect()
}

impl Crm {
    /// Signs a program in by the token of its service account. The session ends when the token does, or is revoked.
    ///
    /// # Errors
    /// `access.sign_in_failed`, alike for a token that nobody has issued, one that is over or revoked, and one of an
    /// account that may not sign in.
    pub fn sign_in_by_token(&self, token: &str) -> Result<Session> {
        let (user, right) = {
            let snapshot = self.snapshot()?;
            let policy = self.policy(snapshot.as_ref())?;
            self.token_in(snapshot.as_ref(), token, &|user| {
                policy.is_active(user) && policy.is_service(user)
            })?
        };
        let Some((id, until)) = right else {
            self.refused_sign_in(user.unwrap_or(NOBODY))?;
            return Err(Error::new(Code::SignInFailed));
        };
        let user = user.unwrap_or(NOBODY);
        self.enter_note(user, EntryKind::SignIn, "sign_in", &format!("token {id}"))?;
        let locale = self.session_locale(user)?;
        Ok(Session::by_token(self.clone(), user, locale, Some((id, until))))
    }

    /// The account that a text speaks of, if there is one, and the token and its end if it is right.
    #[expect(clippy::type_complexity, reason = "a pair of what may be there")]
    fn token_in(
        &self,
        snapshot: &dyn Snapshot,
        text: &str,
        may: &dyn Fn(RecordId) -> bool,
    ) -> Result<(Option<RecordId>, Option<(RecordId, Option<Timestamp>)>)> {
        let Some((user, id, secret)) = said(text) else { return Ok((None, None)) };
        let known = self.policy(snapshot)?.partition_of(user).map(|_| user);
        let Some(kept) = snapshot.get(Keyspace::Meta, &key(user, id))? else { return Ok((known, None)) };
        let kept = Kept::read(&kept)?;
        let right = are_equal(&kept.hash, &hash_of(user, id, &secret));
        let right = right && kept.holds_at(self.moment_of_access()) && may(user);
        Ok((known, right.then_some((id, kept.until))))
    }

    /// Signs a program in that gives its token in the place of a password; nothing where the text is no token.
    pub(super) fn sign_in_as_service(&self, name: &str, token: &str) -> Result<Option<Session>> {
        let Some((user, _, _)) = said(token) else { return Ok(None) };
        let named = self.user_named(self.snapshot()?.as_ref(), name)?;
        if named != Some(user) {
            self.refused_sign_in(named.unwrap_or(NOBODY))?;
            return Err(Error::new(Code::SignInFailed));
        }
        self.sign_in_by_token(token).map(Some)
    }

    /// Ends the sessions that were opened by some tokens.
    pub(super) fn end_sessions_by(&self, tokens: &BTreeSet<RecordId>) {
        if !tokens.is_empty() {
            self.inner.sessions.end(|ticket| ticket.token.is_some_and(|(id, _)| tokens.contains(&id)));
        }
    }
}

impl Session {
    /// Issues a token to a service account, until a moment if one is said. Its text is told this once.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the account, and for oneself: no token makes another
    /// one; `input.invalid_argument` for who is no service account, and for a moment that has come;
    /// `access.four_eyes`; `input.limit_exceeded` beyond 100 tokens; at the commit `access.beyond_own_rights` for an
    /// account that may do more.
    pub fn issue_token(
        &self,
        account: RecordId,
        label: &str,
        until: Option<Timestamp>,
    ) -> Result<ServiceToken> {
        let options = WriteOptions::default().cause("token.issue");
        self.write_with(options, |transaction| transaction.issue_token(account, label, until))
    }

    /// The tokens of a service account that were not taken back.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the account.
    pub fn tokens(&self, account: RecordId) -> Result<Vec<KnownToken>> {
        let now = self.crm().moment_of_access();
        // Whoever may issue tokens may know of them; nothing is written.
        let mut transaction = self.begin(WriteOptions::default().cause("token.list"))?;
        transaction.check_sets_password(account)?;
        let kept = tokens_of(transaction.view(), account)?;
        let known = kept.into_iter().map(|(id, kept)| KnownToken {
            id,
            holds: kept.holds_at(now),
            label: kept.label,
            issued: kept.issued,
            until: kept.until,
        });
        Ok(known.collect())
    }

    /// Takes a token back. Sessions that were opened by it end at their next call.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the account; `record.not_found`.
    pub fn revoke_token(&self, account: RecordId, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("token.revoke");
        self.write_with(options, |transaction| transaction.revoke_token(account, id))
    }
}

impl Transaction<'_> {
    fn issue_token(
        &mut self,
        account: RecordId,
        label: &str,
        until: Option<Timestamp>,
    ) -> Result<ServiceToken> {
        let error = |code: Code| Error::new(code).entity(User::NAME).record(account);
        if account == self.user() {
            return Err(error(Code::NotPermitted).rule("no token makes another one"));
        }
        self.check_sets_password(account)?;
        self.check_credential_of(account)?;
        if !self.is_service(account)? {
            return Err(error(Code::InvalidArgument).rule("a service account"));
        }
        self.check_no_plugins(account)?;
        let now = self.crm().moment_of_access();
        if until.is_some_and(|until| until <= now) {
            return Err(error(Code::InvalidArgument).field("until").rule("later than now"));
        }
        if label.len() > MAX_LABEL || tokens_of(self.view(), account)?.len() >= MAX_TOKENS {
            return Err(error(Code::LimitExceeded).rule("100 tokens, each with a label of 200 bytes"));
        }
        let id = self.crm().new_id();
        let mut bytes = Zeroizing::new([0_u8; SECRET]);
        self.crm().inner.random.fill(bytes.as_mut_slice());
        let secret: Zeroizing<String> =
            Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        let hash = hash_of(account, id, secret.as_bytes());
        let kept = Kept { hash, issued: now, until, label: label.to_owned() };
        self.view_mut().put(Keyspace::Meta, key(account, id), kept.write());
        self.enter_token(account, &format!("token {id} issued"));
        let text = Zeroizing::new(format!("{TEXT}.{account}.{id}.{}", secret.as_str()));
        Ok(ServiceToken { id, until, text })
    }

    fn revoke_token(&mut self, account: RecordId, id: RecordId) -> Result<()> {
        self.check_sets_password(account)?;
        if self.view().get(Keyspace::Meta, &key(account, id))?.is_none() {
            return Err(Error::new(Code::RecordNotFound).rule("token").record(id));
        }
        self.view_mut().remove(Keyspace::Meta, key(account, id));
        self.revoked.insert(id);
        self.enter_token(account, &format!("token {id} revoked"));
        Ok(())
    }

    pub(super) fn revoke_all_tokens(&mut self, account: RecordId) -> Result<()> {
        for (id, _) in tokens_of(self.view(), account)? {
            self.view_mut().remove(Keyspace::Meta, key(account, id));
            self.revoked.insert(id);
        }
        Ok(())
    }

    fn enter_token(&mut self, account: RecordId, text: &str) {
        let context = self.context().clone();
        note(self.view_mut(), &context, EntryKind::Credential, account, text);
    }

    /// Whether tokens of an account stand.
    pub(super) fn has_tokens(&self, account: RecordId) -> Result<bool> {
        Ok(!tokens_of(self.view(), account)?.is_empty())
    }

    /// Whether a user is a service account, one of this transaction's making too.
    pub(super) fn is_service(&self, id: RecordId) -> Result<bool> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(User::NAME)?;
        let kind = entity.field(user::KIND.selector())?.id();
        let found = crate::records::get_for_rule(self.view(), entity.id(), id)?;
        Ok(found.is_some_and(|user| user.peek(kind).as_text() == Some(UserKind::Service.code())))
    }

    /// Programs have no passwords.
    pub(super) fn check_is_person(&self, id: RecordId) -> Result<()> {
        if self.is_service(id)? {
            let refused = Error::new(Code::InvalidArgument).entity(User::NAME).record(id);
            return Err(refused.rule("a service account signs in by a token"));
        }
        Ok(())
    }
}

/// A service account stays one, is nobody's superior, and holds no position, by which it would become one.
pub(super) struct CheckService;

impl BeforeSave for CheckService {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let is_service = |save: &Save<'_>, id: RecordId| -> Result<bool> {
            let kind = save.value_of(User::NAME, id, user::KIND)?;
            Ok(kind.as_text() == Some(UserKind::Service.code()))
        };
        let (field, named) = match save.entity() {
            PositionHolder::NAME => ("user", save.value(position_holder::USER)?.as_id()),
            _ => {
                let kind = |value: &crate::base::Value| value.as_text() == Some(UserKind::Service.code());
                let (old, new) = (save.old_value(user::KIND)?, save.value(user::KIND)?);
                if !save.is_new() && kind(&old) != kind(&new) {
                    return Err(Error::new(Code::ReadOnlyField).field("kind"));
                }
                if !save.changes(user::REPORTS_TO)? {
                    return Ok(());
                }
                ("reports_to", save.value(user::REPORTS_TO)?.as_id())
            }
        };
        match named {
            Some(named) if is_service(save, named)? => {
                let refused = Error::new(Code::InvalidArgument).field(field).value(&named.to_string());
                Err(refused.rule("a person"))
            }
            _ => Ok(()),
        }
    }
}
