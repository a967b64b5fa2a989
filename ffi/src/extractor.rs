//! Texts of attachments, if a host has a function that reads them out.

use std::ffi::{CString, c_char, c_void};
use std::slice;

use guanxi_core::engine::{ExtractedText, TextExtractor, USUAL_CONTENT_BYTES};
use guanxi_core::{Code, Error, Result};
use guanxi_plugin_abi::{GUANXI_OK, guanxi_status};

use crate::error::{c_text, code_of, guanxi_error};
use crate::guard::Call;
use crate::log::{self, GUANXI_LOG_WARN};

/// Takes the text of an attachment, piece by piece, with guanxi_extraction_append. It is the library's, and good on the
/// thread of the function that it was given to, until that returns.
pub struct guanxi_extraction {
    _opaque: [u8; 0],
}

/// A function that reads the text out of a content, hands it to `text` with guanxi_extraction_append in the order of reading,
/// and returns GUANXI_OK, also where there is no text. Anything else is a content that it could not read: what it
/// handed over is dropped, the log is told `attachment.unread`, and it is asked again by later calls of
/// guanxi_search_extract, three times in all. It runs on the thread of that call, outside of every transaction, on
/// several at once if the host does that, and may not call the library but for guanxi_extraction_append. The content is the
/// library's, until the function returns. Since 0.1.
pub type guanxi_extract_function = Option<
    unsafe extern "C" fn(
        media_type: *const c_char,
        content: *const u8,
        content_len: usize,
        text: *mut guanxi_extraction,
        user_data: *mut c_void,
    ) -> guanxi_status,
>;

type Function = unsafe extern "C" fn(
    *const c_char,
    *const u8,
    usize,
    *mut guanxi_extraction,
    *mut c_void,
) -> guanxi_status;

/// The function of a host, and what it reads.
pub(crate) struct Extractor {
    function: Function,
    user_data: *mut c_void,
    /// Media types; one that ends in `*` is a beginning.
    media_types: Vec<String>,
    /// Largest content, in bytes; 0 for the engine's own.
    most_bytes: u64,
}

// SAFETY: whoever gives the function promises that it may be called with its data on any thread.
unsafe impl Send for Extractor {}
// SAFETY: as above, also on several threads at once.
unsafe impl Sync for Extractor {}

impl Extractor {
    /// The function with its media types, which have commas between them; nothing where there is no function.
    ///
    /// # Errors
    /// `input.missing_parameter` for a function without media types.
    pub fn of(
        (function, user_data): (guanxi_extract_function, *mut c_void),
        media_types: Option<&str>,
        most_bytes: u64,
    ) -> Result<Option<Self>> {
        let Some(function) = function else { return Ok(None) };
        let all = media_types.unwrap_or_default().split(',').map(|one| one.trim().to_ascii_lowercase());
        let media_types: Vec<String> = all.filter(|one| !one.is_empty()).collect();
        if media_types.is_empty() {
            return Err(Error::new(Code::MissingParameter).field("extractor_media_types"));
        }
        Ok(Some(Self { function, user_data, media_types, most_bytes }))
    }
}

impl TextExtractor for Extractor {
    fn takes(&self, media_type: &str) -> bool {
        let media_type = media_type.to_ascii_lowercase();
        // What stands behind a semicolon is a parameter of the type (RFC 6838).
        let kind = media_type.split(';').next().unwrap_or_default().trim();
        self.media_types.iter().any(|known| match known.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => kind == known,
        })
    }

    fn most_bytes(&self) -> u64 {
        if self.most_bytes == 0 { USUAL_CONTENT_BYTES } else { self.most_bytes }
    }

    fn extract(&self, media_type: &str, content: &[u8], text: &mut ExtractedText<'_>) -> Result<()> {
        let media_type: CString = c_text(media_type);
        let text = (&raw mut *text).cast::<guanxi_extraction>();
        // SAFETY: the function and its data are the host's, as promised; content and text outlive the call.
        let status = unsafe {
            (self.function)(media_type.as_ptr(), content.as_ptr(), content.len(), text, self.user_data)
        };
        if status == GUANXI_OK {
            return Ok(());
        }
        log::tell(GUANXI_LOG_WARN, "attachment.unread", &media_type.to_string_lossy());
        Err(Error::new(code_of(status).unwrap_or(Code::InvalidArgument)).rule("the host's extractor"))
    }
}

/// Takes a piece of the text of an attachment: `length` bytes of UTF-8, which are copied. A text has at most 1,048,576
/// bytes: of a longer one what fits is kept, the piece that does not fit and all behind it are answered by
/// `input.limit_exceeded`, and the function may as well return.
///
/// Errors: `input.null_argument`, `input.invalid_utf8`, `input.limit_exceeded`, `engine.cancelled`,
/// `engine.deadline_exceeded`. The thread of the function that `text` was given to. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn guanxi_extraction_append(
    text: *mut guanxi_extraction,
    piece: *const c_char,
    length: usize,
    err: *mut *mut guanxi_error,
) -> guanxi_status {
    // SAFETY: the caller keeps the rules of the header: the text is the one that its function was given.
    let (call, text) = unsafe { (Call::to(err), text.cast::<ExtractedText<'_>>().as_mut()) };
    // SAFETY: the caller promised so many bytes.
    let piece = (!piece.is_null()).then(|| unsafe { slice::from_raw_parts(piece.cast::<u8>(), length) });
    call.run(|_| {
        let null = |name| Error::new(Code::NullArgument).field(name);
        let text = text.ok_or_else(|| null("text"))?;
        let piece = match piece {
            None if length == 0 => b"",
            piece => piece.ok_or_else(|| null("piece"))?,
        };
        let piece = std::str::from_utf8(piece);
        Ok(text.push(piece.map_err(|_| Error::new(Code::InvalidUtf8).field("piece"))?)?)
    })
}
