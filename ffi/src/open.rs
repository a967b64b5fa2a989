//! Creating, opening and closing a database.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use guanxi_core::base::{Clock, Random};
use guanxi_core::engine::TextExtractor;
use guanxi_core::{Code, Crm, Durability, Error, Key, Locale, Options, Result};
use guanxi_plugin_abi::guanxi_status;
use zeroize::Zeroizing;

use crate::arguments::{Out, begin_structure, optional_text, structure, text};
use crate::error::guanxi_error;
use crate::extractor::{Extractor, guanxi_extract_function};
use crate::guard::{self, Call, Outcome};
use crate::handle::{self, State};
use crate::health;
use crate::log::{self, GUANXI_LOG_ERROR, GUANXI_LOG_INFO, GUANXI_LOG_WARN};
use crate::sources::{self, guanxi_clock_function, guanxi_random_function};

/// An open database. Any thread, also several at once. Closed with guanxi_close.
pub struct guanxi_engine {
    _opaque: [u8; 0],
}

/// Open flag: the host may name its users without their passwords, with guanxi_session_for.
pub const GUANXI_OPEN_TRUST_HOST: u64 = 1;
/// Open flag: every page is checked when the database is opened.
pub const GUANXI_OPEN_VERIFY: u64 = 2;
/// Open flag: no record is kept in memory as it was decoded; every read finds and decodes what it reads.
pub const GUANXI_OPEN_NO_RECORD_CACHE: u64 = 4;

/// Durability of open options: a write is durable when it returns.
pub const GUANXI_DURABILITY_DURABLE: u64 = 0;
/// Durability of open options: a write is durable a little later. A power cut may take back the newest
/// ones, at most 1,000 of them or 1 MiB; guanxi_call with `database.flush` makes all of them durable.
pub const GUANXI_DURABILITY_RELAXED: u64 = 1;

/// How a database is created or opened. Grows at the end; begin with GUANXI_OPEN_OPTIONS_INIT or
/// guanxi_open_options_init, which set the size and zeros. Everything in it is the caller's, and is
/// read before the call returns. Since 0.1.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct guanxi_open_options {
    /// Size in bytes of this structure. Since 0.1.
    pub struct_size: usize,
    /// The directory of the database, by convention `name.guanxi`. UTF-8, required. Since 0.1.
    pub path: *const c_char,
    /// A key of 32 bytes from the host's own key store; or NULL with a passphrase. Since 0.1.
    pub key: *const u8,
    /// Length of the key in bytes: 32, or 0 with a passphrase. Since 0.1.
    pub key_len: usize,
    /// A passphrase in UTF-8; or NULL with a key. Since 0.1.
    pub passphrase: *const c_char,
    /// Memory for pages and records in bytes; 0 for the default of 16 MiB. Since 0.1.
    pub cache_bytes: usize,
    /// Sum of GUANXI_OPEN_* flags; others are refused. Since 0.1.
    pub flags: u64,
    /// Language of sessions that choose none and of errors before there is one, as a BCP 47 tag such
    /// as `zh-Hans`; NULL for English. Since 0.1.
    pub locale: *const c_char,
    /// Name of the first user, who administers the new database; guanxi_create alone, required there.
    /// Since 0.1.
    pub administrator_name: *const c_char,
    /// Password of the first user, at least 8 characters; guanxi_create alone, required there.
    /// Since 0.1.
    pub administrator_password: *const c_char,
    /// When a write is durable: one of GUANXI_DURABILITY_*. It was not in the first layout of this
    /// structure, which is taken as 0. Since 0.1.
    pub durability: u64,
    /// How much of the memory of `cache_bytes` is for records that are read often and kept as they were
    /// decoded, in bytes; 0 for the default of an eighth of it, and with GUANXI_OPEN_NO_RECORD_CACHE. It was
    /// not in the first layouts of this structure, which are taken as 0. Since 0.1.
    pub record_cache_bytes: u64,
    /// Where the present moment comes from; NULL for the system's clock. It must stay until guanxi_close has
    /// succeeded. Since 0.1.
    pub clock: guanxi_clock_function,
    /// What the clock is handed. Since 0.1.
    pub clock_user_data: *mut c_void,
    /// Where random bytes come from; NULL for the system's. It must stay until guanxi_close has succeeded. Since 0.1.
    pub random: guanxi_random_function,
    /// What the random source is handed. Since 0.1.
    pub random_user_data: *mut c_void,
    /// Reads texts out of attachments, so that search finds records by them, when guanxi_search_extract is called; NULL
    /// for none. It must stay until guanxi_close has succeeded. Since 0.1.
    pub extractor: guanxi_extract_function,
    /// What the extractor is handed. Since 0.1.
    pub extractor_user_data: *mut c_void,
    /// The media types that the extractor reads, with commas between them; one that ends in `*` is a
    /// beginning. Required with an extractor. Since 0.1.
    pub extractor_media_types: *const c_char,
    /// Largest content in bytes that the extractor is handed; 0 for the default of 32 MiB. Larger ones have no text.
    /// Since 0.1.
    pub extractor_max_bytes: u64,
}

/// Size of the first layout, before `durability`.
const FIRST_SIZE: usize = std::mem::offset_of!(guanxi_open_options, durability);

/// An open database and what keeps it open.
pub(crate) struct Engine {
    pub crm: Crm,
    pub locale: Locale,
    /// Set when a write panicked: memory may no longer agree with the disk.
    stopped: AtomicBool,
    /// Sessions, with the transactions, cursors and subscriptions that keep theirs alive.
    pub sessions: AtomicUsize,
}

/// What the handle holds: sessions share the engine.
pub(crate) struct EngineHandle(pub Arc<Engine>);

impl State for EngineHandle {
    type Handle = guanxi_engine;
    const TAG: u32 = 2;
}

impl Engine {
    pub fn new(crm: Crm, locale: Locale) -> Self {
        Self { crm, locale, stopped: AtomicBool::new(false), sessions: AtomicUsize::new(0) }
    }

    /// Refuses once a write has panicked.
    ///
    /// # Errors
    /// `engine.panic`.
    pub fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Error::new(Code::Panic).rule("an earlier write failed; open the database again"));
        }
        Ok(())
    }

    /// Does something that may write. If it panics, the engine stops.
    pub fn writing<T>(&self, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            self.stopped.store(true, Ordering::SeqCst);
            health::note_panic();
            log::tell(GUANXI_LOG_ERROR, "engine.stopped", &self.crm.path().to_string_lossy());
            Err(Error::new(Code::Panic).into())
        })
    }
}

/// Writes `size` bytes of options: zeros, and the size. For languages that cannot use the macro.
///
/// `options` leads to `size` bytes, of which the size itself is one; NULL or fewer bytes are left as
/// they are. Any thread. Keeps no pointer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_open_options_init(options: *mut guanxi_open_options, size: usize) {
    // SAFETY: the caller keeps the rules of the header.
    unsafe { begin_structure(options, size) };
}

/// Creates a database and opens it. `*out` is the caller's until guanxi_close, and NULL on failure.
///
/// Errors: `storage.already_exists`, `storage.io`, `input.missing_parameter`, `access.weak_password`,
/// and those of the options. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_create(
    options: *const guanxi_open_options,
    out: *mut *mut guanxi_engine,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, out, given) = unsafe { (Call::to(err), Out::handle(out), Given::read(options)) };
    call.run(|call| {
        let (given, out) = (given?, out?);
        let administrator = given.administrator;
        open(call, given, (&out, "engine.created"), |options, path| {
            match administrator {
                (Some(name), Some(password)) => options.administrator(name, password),
                (name, _) => {
                    let missing =
                        if name.is_none() { "administrator_name" } else { "administrator_password" };
                    return Err(Error::new(Code::MissingParameter).field(missing));
                }
            }
            .create(path)
        })
    })
}

/// Opens a database. `*out` is the caller's until guanxi_close, and NULL on failure.
///
/// Errors: `storage.not_found`, `storage.wrong_key`, `storage.not_a_database`, `storage.damaged`,
/// `storage.newer_format`, `storage.locked`, `storage.io`, and those of the options. Any thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_open(
    options: *const guanxi_open_options,
    out: *mut *mut guanxi_engine,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, out, given) = unsafe { (Call::to(err), Out::handle(out), Given::read(options)) };
    call.run(|call| open(call, given?, (&out?, "engine.opened"), |options, path| options.open(path)))
}

/// Closes a database and frees its handle. On any error the handle stays as it was.
///
/// Errors: `storage.busy` while a session, transaction, cursor or subscription lives; `engine.forked`;
/// `input.invalid_handle` for one that is closed already; NULL is no error. Any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_close(
    engine: *mut guanxi_engine,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header.
    let (call, entered) = unsafe { (Call::to(err), handle::shared::<EngineHandle>(engine)) };
    call.run(|call| {
        if engine.is_null() {
            return Ok(());
        }
        let entered = entered?;
        call.speaks(entered.0.locale);
        if entered.0.sessions.load(Ordering::SeqCst) > 0 {
            return Err(Error::new(Code::Busy)
                .rule("sessions, transactions, cursors and subscriptions are freed first")
                .into());
        }
        let path = entered.0.crm.path().to_owned();
        // SAFETY: as above; the state goes when `entered` leaves.
        unsafe { guard::free::<EngineHandle>(engine) };
        drop(entered);
        log::tell(GUANXI_LOG_INFO, "engine.closed", &path.to_string_lossy());
        Ok(())
    })
}

fn open(
    call: &Call,
    given: Given<'_>,
    (out, event): (&Out<*mut guanxi_engine>, &str),
    open: impl FnOnce(Options, &str) -> Result<Crm>,
) -> Outcome {
    let locale = given.locale.map_or(Ok(Locale::default()), Locale::parse)?;
    call.speaks(locale);
    log::keep_panics_quiet();
    let crm = open(given.options(locale)?, given.path)?;
    log::tell(GUANXI_LOG_INFO, event, given.path);
    let mended = crm.recovery();
    if mended.repaired || mended.upgraded_from.is_some() {
        log::tell(GUANXI_LOG_WARN, "engine.recovered", given.path);
    }
    out.set(handle::create(EngineHandle(Arc::new(Engine::new(crm, locale)))));
    Ok(())
}

/// The options as the caller gave them.
struct Given<'a> {
    path: &'a str,
    key: Option<Zeroizing<[u8; 32]>>,
    passphrase: Option<&'a str>,
    cache_bytes: usize,
    flags: u64,
    locale: Option<&'a str>,
    administrator: (Option<&'a str>, Option<&'a str>),
    durability: u64,
    record_cache_bytes: u64,
    clock: Option<Arc<dyn Clock>>,
    random: Option<Arc<dyn Random>>,
    extractor: Option<Arc<dyn TextExtractor>>,
}

impl Given<'_> {
    /// Reads the options.
    ///
    /// # Safety
    /// The pointer is null or leads to as many bytes as its first member says, and every pointer in
    /// them is null or leads to what its description says.
    unsafe fn read(options: *const guanxi_open_options) -> Result<Self> {
        if options.is_null() {
            return Err(Error::new(Code::NullArgument).field("options"));
        }
        // SAFETY: the caller's promise is the same, and zeros are valid options.
        let options = unsafe { structure(options, FIRST_SIZE) }?;
        // SAFETY: the promise about the pointers is the caller's.
        unsafe {
            Ok(Self {
                path: text(options.path, "path")?,
                key: key(options.key, options.key_len)?,
                passphrase: optional_text(options.passphrase, "passphrase")?,
                cache_bytes: options.cache_bytes,
                flags: options.flags,
                locale: optional_text(options.locale, "locale")?,
                administrator: (
                    optional_text(options.administrator_name, "administrator_name")?,
                    optional_text(options.administrator_password, "administrator_password")?,
                ),
                durability: options.durability,
                record_cache_bytes: options.record_cache_bytes,
                clock: sources::clock(options.clock, options.clock_user_data),
                random: sources::random(options.random, options.random_user_data),
                extractor: Extractor::of(
                    (options.extractor, options.extractor_user_data),
                    optional_text(options.extractor_media_types, "extractor_media_types")?,
                    options.extractor_max_bytes,
                )?
                .map(|extractor| Arc::new(extractor) as Arc<dyn TextExtractor>),
            })
        }
    }

    fn options(&self, locale: Locale) -> Result<Options> {
        let unknown =
            self.flags & !(GUANXI_OPEN_TRUST_HOST | GUANXI_OPEN_VERIFY | GUANXI_OPEN_NO_RECORD_CACHE);
        if unknown != 0 {
            return Err(Error::new(Code::InvalidArgument).field("flags").value(&unknown.to_string()));
        }
        let keeps_none = self.flags & GUANXI_OPEN_NO_RECORD_CACHE != 0;
        if keeps_none && self.record_cache_bytes != 0 {
            let refused = Error::new(Code::InvalidArgument).field("record_cache_bytes");
            return Err(refused.rule("0 with GUANXI_OPEN_NO_RECORD_CACHE"));
        }
        let key = match (&self.key, self.passphrase) {
            (Some(bytes), None) => Key::raw(**bytes),
            (None, Some(words)) => Key::from_passphrase(words),
            _ => return Err(Error::new(Code::MissingParameter).field("key").rule("a key or a passphrase")),
        };
        let mut options = guanxi_core::options().key(key).locale(locale);
        if self.cache_bytes != 0 {
            options = options.cache_bytes(self.cache_bytes);
        }
        if keeps_none || self.record_cache_bytes != 0 {
            let bytes = usize::try_from(self.record_cache_bytes).unwrap_or(usize::MAX);
            options = options.record_cache_bytes(bytes);
        }
        if self.flags & GUANXI_OPEN_TRUST_HOST != 0 {
            options = options.trust_host();
        }
        let durability = match self.durability {
            GUANXI_DURABILITY_DURABLE => Durability::Durable,
            GUANXI_DURABILITY_RELAXED => Durability::Relaxed,
            other => {
                return Err(Error::new(Code::InvalidArgument).field("durability").value(&other.to_string()));
            }
        };
        let mut options = options.durability(durability);
        if let Some(clock) = &self.clock {
            options = options.clock(Arc::clone(clock));
        }
        if let Some(random) = &self.random {
            options = options.random(Arc::clone(random));
        }
        if let Some(extractor) = &self.extractor {
            options = options.text_extractor(Arc::clone(extractor));
        }
        Ok(options.verify_on_open(self.flags & GUANXI_OPEN_VERIFY != 0))
    }
}

/// The key, if one is given.
///
/// # Safety
/// The pointer is null or leads to so many bytes.
unsafe fn key(pointer: *const u8, length: usize) -> Result<Option<Zeroizing<[u8; 32]>>> {
    if pointer.is_null() && length == 0 {
        return Ok(None);
    }
    if pointer.is_null() || length != 32 {
        return Err(Error::new(Code::InvalidArgument).field("key").rule("a key has 32 bytes"));
    }
    // SAFETY: the caller promised 32 bytes, and bytes need no alignment.
    Ok(Some(Zeroizing::new(unsafe { pointer.cast::<[u8; 32]>().read() })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Fault;
    use guanxi_core::KeyCost;

    fn engine(folder: &std::path::Path) -> Engine {
        let options = guanxi_core::options()
            .key(Key::raw([7; 32]))
            .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
            .administrator("lin@jiaxi.cn", "a long password");
        Engine::new(options.create(folder.join("test.guanxi")).unwrap(), Locale::English)
    }

    #[test]
    fn a_panic_in_a_write_stops_the_engine_and_an_error_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path());
        let refused = engine.writing::<()>(|| Err(Error::new(Code::Required).into()));
        assert!(matches!(refused, Err(Fault::Engine(error)) if error.code() == Code::Required));
        assert!(engine.check().is_ok());
        let panicked = engine.writing::<()>(|| panic!("a fault planted by this test"));
        assert!(matches!(panicked, Err(Fault::Engine(error)) if error.code() == Code::Panic));
        assert_eq!(engine.check().unwrap_err().code(), Code::Panic);
    }

    #[test]
    fn options_of_a_later_version_are_taken_if_what_is_new_in_them_is_zero() {
        #[repr(C)]
        struct Later {
            known: guanxi_open_options,
            new: [u64; 2],
        }
        let mut later = std::mem::MaybeUninit::<Later>::uninit();
        // SAFETY: the place has the size that is said, and zeros are valid options.
        let mut later = unsafe {
            guanxi_open_options_init(later.as_mut_ptr().cast(), size_of::<Later>());
            later.assume_init()
        };
        later.known.path = c"somewhere".as_ptr();
        // SAFETY: the size that is said is that of `Later`.
        let taken = unsafe { Given::read((&raw const later).cast()) };
        assert_eq!(taken.unwrap().path, "somewhere");
        later.new = [0, 1];
        // SAFETY: as above.
        let refused = unsafe { Given::read((&raw const later).cast()) }.map(|_| ());
        assert_eq!(refused.unwrap_err().field_name(), Some("struct_size"));
    }

    #[test]
    fn options_of_the_first_layout_are_durable_and_what_stands_behind_them_is_not_read() {
        let mut options = std::mem::MaybeUninit::<guanxi_open_options>::uninit();
        // SAFETY: the place has the size that is said, and zeros are valid options.
        let mut options = unsafe {
            guanxi_open_options_init(options.as_mut_ptr(), size_of::<guanxi_open_options>());
            options.assume_init()
        };
        (options.path, options.passphrase) = (c"somewhere".as_ptr(), c"words".as_ptr());
        let durability = |size, durability| {
            (options.struct_size, options.durability) = (size, durability);
            // SAFETY: the size that is said is at most that of the structure.
            let given = unsafe { Given::read(&raw const options) };
            given.map(|given| (given.durability, given.options(Locale::English).is_ok()))
        };
        let mut durability = durability;
        assert_eq!(durability(FIRST_SIZE, 7).unwrap(), (0, true));
        assert_eq!(durability(size_of::<guanxi_open_options>(), 1).unwrap(), (1, true));
        assert_eq!(durability(size_of::<guanxi_open_options>(), 2).unwrap(), (2, false));
        assert_eq!(durability(FIRST_SIZE - 1, 0).unwrap_err().field_name(), Some("struct_size"));
    }

    #[test]
    fn options_without_a_size_of_the_record_cache_have_the_default_one() {
        let mut options = std::mem::MaybeUninit::<guanxi_open_options>::uninit();
        // SAFETY: the place has the size that is said, and zeros are valid options.
        let mut options = unsafe {
            guanxi_open_options_init(options.as_mut_ptr(), size_of::<guanxi_open_options>());
            options.assume_init()
        };
        options.path = c"somewhere".as_ptr();
        options.record_cache_bytes = 4_096;
        let mut read = |size: usize| {
            options.struct_size = size;
            // SAFETY: the size that is said is at most that of the structure.
            unsafe { Given::read(&raw const options) }.unwrap().record_cache_bytes
        };
        assert_eq!(read(size_of::<guanxi_open_options>()), 4_096);
        assert_eq!(read(std::mem::offset_of!(guanxi_open_options, record_cache_bytes)), 0);
        assert_eq!(read(FIRST_SIZE), 0);
    }

    #[test]
    fn the_options_of_version_0_1_have_their_layout() {
        use std::mem::offset_of;
        let word = size_of::<usize>();
        // The flags have 64 bits on every platform, so that members before them are padded alike.
        let flags = (6 * word).next_multiple_of(align_of::<u64>());
        assert_eq!(offset_of!(guanxi_open_options, struct_size), 0);
        assert_eq!(offset_of!(guanxi_open_options, path), word);
        assert_eq!(offset_of!(guanxi_open_options, key), 2 * word);
        assert_eq!(offset_of!(guanxi_open_options, key_len), 3 * word);
        assert_eq!(offset_of!(guanxi_open_options, passphrase), 4 * word);
        assert_eq!(offset_of!(guanxi_open_options, cache_bytes), 5 * word);
        assert_eq!(offset_of!(guanxi_open_options, flags), flags);
        assert_eq!(offset_of!(guanxi_open_options, locale), flags + 8);
        assert_eq!(offset_of!(guanxi_open_options, administrator_name), flags + 8 + word);
        assert_eq!(offset_of!(guanxi_open_options, administrator_password), flags + 8 + 2 * word);
        let end = flags + 8 + 3 * word;
        let durability = end.next_multiple_of(align_of::<u64>());
        assert_eq!(offset_of!(guanxi_open_options, durability), durability);
        assert_eq!(offset_of!(guanxi_open_options, record_cache_bytes), durability + 8);
    }
}
