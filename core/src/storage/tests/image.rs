//! The bytes of one file in chunks that copies share until one of them writes.

use std::sync::Arc;

/// Bytes of a chunk.
const CHUNK: usize = 16 * 1_024;

/// The content of a file. A clone costs as much as its list of chunks.
#[derive(Clone, Default)]
pub(super) struct Image {
    chunks: Vec<Arc<[u8; CHUNK]>>,
    length: usize,
}

impl Image {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut image = Self::default();
        image.resize(bytes.len());
        image.write(0, bytes);
        image
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Cuts, or extends with zeros.
    pub(super) fn resize(&mut self, length: usize) {
        let cut = length % CHUNK;
        if length < self.length && cut > 0 {
            // What a later extension shows again is zeros.
            Arc::make_mut(&mut self.chunks[length / CHUNK])[cut..].fill(0);
        }
        let chunks = length.div_ceil(CHUNK);
        if chunks > self.chunks.len() {
            let zeros = Arc::new([0; CHUNK]);
            self.chunks.resize_with(chunks, || Arc::clone(&zeros));
        }
        self.chunks.truncate(chunks);
        self.length = length;
    }

    /// Writes inside the length.
    pub(super) fn write(&mut self, mut at: usize, mut bytes: &[u8]) {
        assert!(at + bytes.len() <= self.length);
        while !bytes.is_empty() {
            let within = at % CHUNK;
            let (piece, rest) = bytes.split_at((CHUNK - within).min(bytes.len()));
            Arc::make_mut(&mut self.chunks[at / CHUNK])[within..within + piece.len()].copy_from_slice(piece);
            at += piece.len();
            bytes = rest;
        }
    }

    /// Fills a buffer; says whether the image is as long as that takes.
    pub(super) fn read(&self, mut at: usize, mut buffer: &mut [u8]) -> bool {
        if at + buffer.len() > self.length {
            return false;
        }
        while !buffer.is_empty() {
            let within = at % CHUNK;
            let length = (CHUNK - within).min(buffer.len());
            let (piece, rest) = buffer.split_at_mut(length);
            piece.copy_from_slice(&self.chunks[at / CHUNK][within..within + length]);
            at += length;
            buffer = rest;
        }
        true
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        self.read(0, &mut bytes);
        bytes
    }
}
