//! A command to a router, written as words while it is built.

use super::codec::put_word;

/// One command sentence without its tag, which the connection gives it.
#[derive(Clone)]
pub struct Command {
    path: &'static str,
    words: Vec<u8>,
}

impl Command {
    /// A command of this path, as `/ppp/secret/add`.
    #[must_use]
    pub fn new(path: &'static str) -> Self {
        let mut words = Vec::with_capacity(128);
        put_word(&mut words, &[path.as_bytes()]);
        Self { path, words }
    }

    /// Adds `=name=value`. The value is bytes, as the router has them.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        put_word(&mut self.words, &[b"=", name.as_bytes(), b"=", value.as_ref()]);
        self
    }

    /// Adds the properties that are wanted of each row; without it the router sends all, the slow ones too.
    #[must_use]
    pub fn columns(self, names: &str) -> Self {
        self.with(".proplist", names)
    }

    /// Adds the query word `?name=value`.
    #[must_use]
    pub fn equal(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        put_word(&mut self.words, &[b"?", name.as_bytes(), b"=", value.as_ref()]);
        self
    }

    /// Adds the query word that joins the two results before it by *or*.
    #[must_use]
    pub fn or(mut self) -> Self {
        put_word(&mut self.words, &[b"?#|"]);
        self
    }

    /// Its path.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The whole sentence with its tag.
    #[must_use]
    pub fn sentence(mut self, tag: u32) -> Vec<u8> {
        put_word(&mut self.words, &[b".tag=", tag.to_string().as_bytes()]);
        self.words.push(0);
        self.words
    }
}

impl core::fmt::Debug for Command {
    /// Only the path: the words hold passwords.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Command({})", self.path)
    }
}
