//! Sessions: who speaks, in which language, and how long each call may take.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use guanxi_core::{CancelToken, Error, Locale, Patience, Result, Session};
use guanxi_plugin_abi::guanxi_status;

use crate::arguments::{Out, id_out, text};
use crate::error::guanxi_error;
use crate::guard::{self, Call};
use crate::handle::{self, Shared, State};
use crate::listener::{Listener, guanxi_progress_function, told, within};
use crate::open::{Engine, EngineHandle, guanxi_engine};

/// A signed-in user. Any thread, also several at once. Freed with guanxi_session_free; it keeps the
/// database open.
pub struct guanxi_session {
    _opaque: [u8; 0],
}

/// A session, what was set for its calls, and how many of them run.
pub(crate) struct Speaker {
    pub engine: Arc<Engine>,
    session: Session,
    token: CancelToken,
    /// Milliseconds that each call may take; 0 is without end.
    timeout: AtomicU64,
    chinese: AtomicBool,
    running: AtomicUsize,
    listener: RwLock<Option<Listener>>,
}

/// What the handle holds: transactions and cursors share the session.
pub(crate) struct SessionHandle(pub Arc<Speaker>);

impl State for SessionHandle {
    type Handle = guanxi_session;
    const TAG: u32 = 3;
}

/// One call of a session that runs; it can be interrupted until it is dropped.
pub(crate) struct Running<'a> {
    pub session: Session,
    speaker: &'a Speaker,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.speaker.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Speaker {
    fn new(engine: Arc<Engine>, session: &Session) -> Self {
        let token = CancelToken::new();
        engine.sessions.fetch_add(1, Ordering::SeqCst);
        Self {
            session: session.with_patience(Patience::with_token(token.clone())),
            token,
            timeout: AtomicU64::new(0),
            chinese: AtomicBool::new(engine.locale == Locale::SimplifiedChinese),
            running: AtomicUsize::new(0),
            listener: RwLock::new(None),
            engine,
        }
    }

    pub fn locale(&self) -> Locale {
        if self.chinese.load(Ordering::Relaxed) { Locale::SimplifiedChinese } else { Locale::English }
    }

    /// Begins a call, with the session's own timeout.
    ///
    /// # Errors
    /// `engine.panic` once the engine has stopped.
    pub fn enter(&self) -> Result<Running<'_>> {
        self.enter_within(0)
    }

    /// Begins a call with a timeout in milliseconds; 0 is the session's own.
    ///
    /// # Errors
    /// As [`Speaker::enter`].
    pub fn enter_within(&self, timeout: u64) -> Result<Running<'_>> {
        self.engine.check()?;
        // An interruption ends what runs. What begins later, when nothing runs, is not meant by it.
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 {
            self.token.reset();
        }
        let millis = if timeout == 0 { self.timeout.load(Ordering::Relaxed) } else { timeout };
        let patience = within(Patience::with_token(self.token.clone()), millis);
        let listener = *self.listener.read().unwrap_or_else(PoisonError::into_inner);
        let session = self.session.with_locale(self.locale()).with_patience(told(patience, listener));
        Ok(Running { session, speaker: self })
    }

    /// The session for what runs beside its calls: neither their timeout nor an interruption of theirs ends it.
    ///
    /// # Errors
    /// As [`Speaker::enter`].
    pub fn aside(&self, patience: Patience) -> Result<Session> {
        self.engine.check()?;
        Ok(self.session.with_locale(self.locale()).with_patience(patience))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.engine.sessions.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The session of a call, whose language the call's error will have.
pub(crate) fn speaker(call: &Call, entered: Result<Shared<SessionHandle>>) -> Result<Arc<Speaker>> {
    let speaker = Arc::clone(&entered.map_err(|error| error.field("session"))?.0);
    call.speaks(speaker.locale());
    Ok(speaker)
}

fn sign_in(
    call: Call,
    engine: Result<Shared<EngineHandle>>,
    out: Result<Out<*mut guanxi_session>>,
    prove: impl FnOnce(&Engine) -> Result<Session>,
) -> guanxi_status {
    call.run(|call| {
        let engine = engine.map_err(|error| error.field("engine"))?;
        let (engine, out) = (&engine.0, out?);
        call.speaks(engine.locale);
        engine.check()?;
        let session = engine.writing(|| Ok(prove(engine)?))?;
        out.set(handle::create(SessionHandle(Arc::new(Speaker::new(Arc::clone(engine), &session)))));
        Ok(())
    })
}

/// Signs a user in by name and password. `*out` is the caller's until guanxi_session_free, and NULL
/// on failure.
///
/// Errors: `access.sign_in_failed`, alike for an unknown name, a wrong password and a suspended user.
/// Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_sign_in(
    engine: *mut guanxi_engine,
    name: *const c_char,
    password: *const c_char,
    out: *mut *mut guanxi_session,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, engine, name, password, out) = unsafe {
        let texts = (text(name, "name"), text(password, "password"));
        (Call::to(err), handle::shared::<EngineHandle>(engine), texts.0, texts.1, Out::handle(out))
    };
    sign_in(call, engine, out, |engine| engine.crm.sign_in(name?, password?))
}

/// Signs a user in who sets another password in the same call: needed where guanxi_sign_in answers
/// `access.password_expired`, and allowed at any time. `*out` is the caller's until guanxi_session_free, and NULL
/// on failure; the old password stays then.
///
/// Errors: those of guanxi_sign_in; `access.password_reused`, `access.weak_password`. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_sign_in_with_new_password(
    engine: *mut guanxi_engine,
    name: *const c_char,
    password: *const c_char,
    new_password: *const c_char,
    out: *mut *mut guanxi_session,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, engine, texts, out) = unsafe {
        let texts = (text(name, "name"), text(password, "password"), text(new_password, "new_password"));
        (Call::to(err), handle::shared::<EngineHandle>(engine), texts, Out::handle(out))
    };
    sign_in(call, engine, out, |engine| {
        let (name, password, new) = (texts.0?, texts.1?, texts.2?);
        engine.crm.sign_in_with_new_password(name, password, new)
    })
}

/// Signs a user in by a code of the method `user.issue_recovery_code`, which is used up, and sets the password.
/// `*out` is the caller's until guanxi_session_free, and NULL on failure.
///
/// Errors: `access.sign_in_failed`, alike for an unknown name and a code that is wrong, used up or over;
/// `access.sign_in_waits`, `access.password_reused`, `access.weak_password`, `input.invalid_argument`. Any
/// thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_recover(
    engine: *mut guanxi_engine,
    name: *const c_char,
    code: *const c_char,
    new_password: *const c_char,
    out: *mut *mut guanxi_session,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, engine, texts, out) = unsafe {
        let texts = (text(name, "name"), text(code, "code"), text(new_password, "new_password"));
        (Call::to(err), handle::shared::<EngineHandle>(engine), texts, Out::handle(out))
    };
    sign_in(call, engine, out, |engine| {
        let (name, code, new) = (texts.0?, texts.1?, texts.2?);
        engine.crm.recover(name, code, new)
    })
}

/// A session for a user whom the host vouches for, in a database opened with GUANXI_OPEN_TRUST_HOST.
/// `*out` is the caller's until guanxi_session_free, and NULL on failure.
///
/// Errors: `access.host_trust_required`, `access.sign_in_failed`. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_for(
    engine: *mut guanxi_engine,
    name: *const c_char,
    out: *mut *mut guanxi_session,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, engine, name, out) = unsafe {
        (Call::to(err), handle::shared::<EngineHandle>(engine), text(name, "name"), Out::handle(out))
    };
    sign_in(call, engine, out, |engine| engine.crm.session_for(name?))
}

/// The id of the session's user, as 16 bytes. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_user(
    session: *mut guanxi_session,
    id: *mut u8,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, id) =
        unsafe { (Call::to(err), handle::shared::<SessionHandle>(session), id_out(id)) };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let id = id.ok_or_else(|| Error::new(guanxi_core::Code::NullArgument).field("id"))?;
        id.set(*speaker.session.user().as_bytes());
        Ok(())
    })
}

/// Sets the language of messages by a BCP 47 tag, `en` or `zh-Hans`, from the next call on.
///
/// Errors: `input.invalid_argument` for another language. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_set_locale(
    session: *mut guanxi_session,
    locale: *const c_char,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session, tag) =
        unsafe { (Call::to(err), handle::shared::<SessionHandle>(session), text(locale, "locale")) };
    call.run(|call| {
        let speaker = speaker(call, session)?;
        let locale = Locale::parse(tag?)?;
        speaker.chinese.store(locale == Locale::SimplifiedChinese, Ordering::Relaxed);
        Ok(())
    })
}

/// Sets how long each call of the session may take, in milliseconds; 0 is without end. A call that
/// takes longer gives `engine.deadline_exceeded`. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_set_timeout_ms(
    session: *mut guanxi_session,
    timeout_ms: u64,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session) = unsafe { (Call::to(err), handle::shared::<SessionHandle>(session)) };
    call.run(|call| {
        speaker(call, session)?.timeout.store(timeout_ms, Ordering::Relaxed);
        Ok(())
    })
}

/// Has a function told how far the long calls of the session are, such as guanxi_call with
/// `database.verify`, `database.compact` or `backup.create`; NULL for nobody. It holds for calls that begin
/// from now on, so function and `user_data` must stay until the calls that know them have ended. They are
/// used on the thread of each call. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_set_progress(
    session: *mut guanxi_session,
    function: guanxi_progress_function,
    user_data: *mut c_void,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session) = unsafe { (Call::to(err), handle::shared::<SessionHandle>(session)) };
    call.run(|call| {
        let listener = Listener::new(function, user_data);
        *speaker(call, session)?.listener.write().unwrap_or_else(PoisonError::into_inner) = listener;
        Ok(())
    })
}

/// Ends the calls of this session that run now; each gives `engine.cancelled` at its next check. A call
/// that begins when none runs is not touched. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_interrupt(
    session: *mut guanxi_session,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, session) = unsafe { (Call::to(err), handle::shared::<SessionHandle>(session)) };
    call.run(|call| {
        speaker(call, session)?.token.cancel();
        Ok(())
    })
}

/// Frees a session; its transactions and cursors live on. NULL and a session that was freed already
/// are left alone. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_session_free(session: *mut guanxi_session) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { guard::free::<SessionHandle>(session) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use guanxi_core::{Code, Key, KeyCost};

    #[test]
    fn an_interruption_ends_what_runs_and_spares_what_comes_after() {
        let folder = tempfile::tempdir().unwrap();
        let crm = guanxi_core::options()
            .key(Key::raw([7; 32]))
            .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
            .trust_host()
            .administrator("lin@jiaxi.cn", "a long password")
            .create(folder.path().join("test.guanxi"))
            .unwrap();
        let session = crm.session_for("lin@jiaxi.cn").unwrap();
        let speaker = Speaker::new(Arc::new(Engine::new(crm, Locale::English)), &session);
        let first = speaker.enter().unwrap();
        speaker.token.cancel();
        let second = speaker.enter().unwrap();
        assert_eq!(first.session.patience().check().unwrap_err().code(), Code::Cancelled);
        assert_eq!(second.session.patience().check().unwrap_err().code(), Code::Cancelled);
        drop((first, second));
        speaker.token.cancel();
        assert!(speaker.enter().unwrap().session.patience().check().is_ok());
    }
}
