//! A command as the client wrote it: path, attributes, tag, query words in their order.

/// One command sentence.
#[derive(Debug, Clone, Default)]
pub(super) struct Sentence {
    /// The command word, for example `/ppp/secret/print`.
    pub(super) command: Vec<u8>,
    /// `=name=value` words.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// `?…` words without their question mark.
    pub(super) queries: Vec<Vec<u8>>,
    /// The `.tag`, if it is not empty.
    pub(super) tag: Option<Vec<u8>>,
}

fn split(word: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match word.iter().position(|byte| *byte == b'=') {
        Some(at) => (word[..at].to_vec(), word[at + 1..].to_vec()),
        None => (word.to_vec(), Vec::new()),
    }
}

impl Sentence {
    /// Sorts the words of a sentence by their kind. Words of no known kind are dropped, as the router does.
    pub(super) fn parse(words: Vec<Vec<u8>>) -> Self {
        let mut words = words.into_iter();
        let mut sentence = Self { command: words.next().unwrap_or_default(), ..Self::default() };
        for word in words {
            match word.split_first() {
                Some((b'=', rest)) => sentence.attributes.push(split(rest)),
                Some((b'?', rest)) => sentence.queries.push(rest.to_vec()),
                _ => {
                    if let Some(tag) = word.strip_prefix(b".tag=")
                        && !tag.is_empty()
                    {
                        sentence.tag = Some(tag.to_vec());
                    }
                }
            }
        }
        sentence
    }

    /// The value of an attribute; the last one wins.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.attributes.iter().rev().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }
}
