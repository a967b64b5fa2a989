//! An extractor of a plugin: reads texts out of attachments when the host drives the engine to it.

use std::sync::Arc;

use guanxi::base::{Code, Error, Result};
use guanxi::engine::{ExtractedText, TextExtractor};
use guanxi_plugin_abi::{guanxi_extract, guanxi_str};

use crate::contain::Plugin;
use crate::frame::{Callback, Extracts, Scene, call};

/// An extractor of a plugin.
pub(crate) struct Extractor {
    pub plugin: Arc<Plugin>,
    pub reads: Extracts,
    pub work: Callback<guanxi_extract>,
}

impl TextExtractor for Extractor {
    fn takes(&self, media_type: &str) -> bool {
        let plain = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        self.reads.media_types.iter().any(|known| match known.strip_suffix('*') {
            Some(kind) => plain.starts_with(kind),
            None => plain == *known,
        })
    }

    fn most_bytes(&self) -> u64 {
        self.reads.most_bytes
    }

    fn extract(&self, media_type: &str, content: &[u8], text: &mut ExtractedText<'_>) -> Result<()> {
        self.plugin.check()?;
        let budget = self.plugin.budgets.1;
        let scene = Scene::Extracting(std::ptr::from_mut(text).cast::<ExtractedText<'static>>());
        let (outcome, _) = call(&self.plugin, scene, budget, |context, _| {
            let (function, user_data) = (self.work.function, self.work.user_data);
            let media_type = guanxi_str::of(media_type);
            // SAFETY: the plugin registered the function for this data; the context is good, and both borrows stay until
            // it returns.
            unsafe { function(user_data, context, media_type, content.as_ptr(), content.len()) }
        });
        match self.plugin.verdict(outcome, budget)? {
            true => Err(Error::new(Code::PluginFault).plugin(&self.plugin.id)),
            false => Ok(()),
        }
    }
}
