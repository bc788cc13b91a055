//! Replies of one command, encoded as they are made and cut into chunks of whole sentences, so that
//! the replies of several commands can be interleaved on the connection.

use super::word::{put_attribute, put_word};

/// Octets after which a chunk is closed.
const CHUNK: usize = 8 << 10;

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trap {
    pub(super) category: Option<u8>,
    pub(super) message: String,
}

impl Trap {
    /// A refusal with a category of the manual (0 missing item, 1 argument value, …).
    pub(super) fn new(category: u8, message: impl Into<String>) -> Self {
        Self { category: Some(category), message: message.into() }
    }

    /// A refusal without a category.
    pub(super) fn plain(message: impl Into<String>) -> Self {
        Self { category: None, message: message.into() }
    }
}

/// The replies of one command.
#[derive(Debug, Default)]
pub(super) struct Reply {
    tag: Option<Vec<u8>>,
    tag_first: bool,
    chunks: Vec<Vec<u8>>,
    current: Vec<u8>,
    rows: usize,
    cut_after: Option<usize>,
    cut: bool,
}

impl Reply {
    /// Replies that carry this tag, before or after the other words: both are seen on real routers.
    pub(super) fn new(tag: Option<Vec<u8>>, tag_first: bool) -> Self {
        Self { tag, tag_first, ..Self::default() }
    }

    /// Lets the connection break in the middle of the row after `rows` whole ones.
    pub(super) fn cut_after(&mut self, rows: usize) {
        self.cut_after = Some(rows);
    }

    /// Whether the reply breaks off: the connection must be closed after its chunks.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    fn sentence(&mut self, kind: &[u8], body: impl FnOnce(&mut Vec<u8>)) {
        if self.cut {
            return;
        }
        let start = self.current.len();
        put_word(&mut self.current, kind);
        let tag = self.tag.as_ref().map(|tag| [b".tag=", tag.as_slice()].concat());
        if let (Some(tag), true) = (&tag, self.tag_first) {
            put_word(&mut self.current, tag);
        }
        body(&mut self.current);
        if let (Some(tag), false) = (&tag, self.tag_first) {
            put_word(&mut self.current, tag);
        }
        self.current.push(0);
        if kind == b"!re" {
            self.rows += 1;
            if self.cut_after.is_some_and(|rows| self.rows > rows) {
                let half = start + (self.current.len() - start) / 2;
                self.current.truncate(half);
                self.cut = true;
            }
        }
        if self.current.len() >= CHUNK {
            self.chunks.push(std::mem::take(&mut self.current));
        }
    }

    /// A row; the closure writes its attribute words.
    pub(super) fn row(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        self.sentence(b"!re", body);
    }

    /// The end of the command.
    pub(super) fn done(&mut self, ret: Option<&[u8]>) {
        self.sentence(b"!done", |out| {
            if let Some(ret) = ret {
                put_attribute(out, "ret", ret);
            }
        });
    }

    /// Says that there is nothing to say (RouterOS 7.18 and later).
    pub(super) fn empty(&mut self) {
        self.sentence(b"!empty", |_| {});
    }

    /// An error. The command still ends with `!done`.
    pub(super) fn trap(&mut self, trap: &Trap) {
        self.sentence(b"!trap", |out| {
            if let Some(category) = trap.category {
                put_attribute(out, "category", category.to_string().as_bytes());
            }
            put_attribute(out, "message", trap.message.as_bytes());
        });
    }

    /// The end of the connection: a bare word, no tag.
    pub(super) fn fatal(message: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_word(&mut out, b"!fatal");
        put_word(&mut out, message.as_bytes());
        out.push(0);
        out
    }

    /// The chunks, each of whole sentences (but for the last one of a reply that breaks off).
    pub(super) fn into_chunks(mut self) -> Vec<Vec<u8>> {
        if !self.current.is_empty() {
            self.chunks.push(self.current);
        }
        self.chunks
    }
}
