//! The keys that seal columns: one seals, all of them open.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{digest, hmac};

use crate::events::seal::Stamp;
use crate::kernel::ids::hex;
use crate::kernel::{Fault, Rng, rng};

/// First byte of a sealed value: this layout.
const LAYOUT: u8 = 1;
const KEY_LEN: usize = 32;
const ID_LEN: usize = 4;
/// Bytes before the ciphertext: layout, id of the key, nonce.
const HEAD: usize = 1 + ID_LEN + NONCE_LEN;
/// A key file holds a few lines, no more.
const FILE_MAX: u64 = 4_096;

/// Why a key could not be had or a value not be opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file could not be read or made.
    #[error("cannot use the key file {file}: {source}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a key.
    #[error("{place}: a key is 64 hexadecimal digits, one a line")]
    BadKey {
        /// Where it came from.
        place: String,
    },
    /// The value was sealed with a key that is not here.
    #[error("sealed with key {wanted}, which is not among the keys here ({present})")]
    MissingKey {
        /// Id of the key that sealed it.
        wanted: String,
        /// Ids of the keys that are here.
        present: String,
    },
    /// The value is damaged, or belongs to another row or column.
    #[error("the sealed value of {place} is damaged or belongs elsewhere")]
    Damaged {
        /// Table, row and column.
        place: String,
    },
    /// Sealing failed.
    #[error("sealing failed")]
    Seal,
}

impl From<KeyringError> for Fault {
    fn from(error: KeyringError) -> Self {
        Self::internal(error)
    }
}

struct Key {
    id: [u8; ID_LEN],
    seal: LessSafeKey,
    mac: hmac::Key,
}

/// The keys. The first seals; all open.
pub struct Keyring {
    first: Key,
    older: Vec<Key>,
    rng: Arc<dyn Rng>,
}

impl Keyring {
    /// The keys of a file, one a line in hexadecimal, newest first.
    ///
    /// # Errors
    /// When the file is missing or holds something else.
    pub fn from_file(file: &Path, rng: Arc<dyn Rng>) -> Result<Self, KeyringError> {
        let failed = |source| KeyringError::File { file: file.to_path_buf(), source };
        if std::fs::metadata(file).map_err(failed)?.len() > FILE_MAX {
            return Err(KeyringError::BadKey { place: file.display().to_string() });
        }
        let text = std::fs::read_to_string(file).map_err(failed)?;
        Self::from_text(&text, &file.display().to_string(), rng)
    }

    /// The keys of a text, one a line. `place` says in errors where the text came from.
    ///
    /// # Errors
    /// When a line is no key.
    pub fn from_text(text: &str, place: &str, rng: Arc<dyn Rng>) -> Result<Self, KeyringError> {
        let bad = || KeyringError::BadKey { place: place.to_owned() };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut keys = lines.map(|line| Key::parse(line).ok_or_else(bad)).collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(Self { first: keys.next().ok_or_else(bad)?, older: keys.collect(), rng })
    }

    /// Makes a key file (readable by its owner alone) unless there is one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn ensure_file(file: &Path, rng: &dyn Rng) -> Result<(), KeyringError> {
        let failed = |source| KeyringError::File { file: file.to_path_buf(), source };
        let key: [u8; KEY_LEN] = rng::bytes(rng);
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
            Ok(mut open) => {
                open.write_all(format!("{}\n", hex(&key)).as_bytes()).map_err(failed)?;
                open.sync_all().map_err(failed)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Puts a new key first in a key file; the older ones stay, so that what they sealed still opens. The file is whole
    /// at every moment.
    ///
    /// # Errors
    /// When the file holds no keys, has no room, or cannot be written.
    pub fn add_to_file(file: &Path, rng: &Arc<dyn Rng>) -> Result<Self, KeyringError> {
        let failed = |source| KeyringError::File { file: file.to_path_buf(), source };
        Self::from_file(file, Arc::clone(rng))?;
        let key: [u8; KEY_LEN] = rng::bytes(&**rng);
        let text = format!("{}\n{}", hex(&key), std::fs::read_to_string(file).map_err(failed)?);
        let draft = file.with_extension("draft");
        let write = || {
            let mut open =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            open.write_all(text.as_bytes())?;
            open.sync_all()?;
            std::fs::rename(&draft, file)
        };
        if text.len() as u64 > FILE_MAX {
            return Err(KeyringError::BadKey { place: format!("{} has no room for another key", file.display()) });
        }
        write().map_err(failed)?;
        Self::from_file(file, Arc::clone(rng))
    }

    /// Id of the key that seals, in hexadecimal: tells keys apart without telling anything about them.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.first.id)
    }

    /// Whether the key of this id is here.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.all().any(|key| hex(&key.id) == id)
    }

    /// Seals a value for this place.
    ///
    /// # Errors
    /// [`KeyringError::Seal`] when the value is too large to be sealed.
    pub fn seal(&self, table: &str, row: &str, column: &str, clear: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let nonce: [u8; NONCE_LEN] = rng::bytes(&*self.rng);
        let mut sealed = clear.to_vec();
        self.first
            .seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place(table, row, column)),
                &mut sealed,
            )
            .map_err(|_| KeyringError::Seal)?;
        let mut out = Vec::with_capacity(HEAD + sealed.len());
        out.push(LAYOUT);
        out.extend_from_slice(&self.first.id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// When it was sealed with another key or for another place, or is damaged.
    pub fn open(&self, table: &str, row: &str, column: &str, sealed: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let damaged = || KeyringError::Damaged { place: format!("{table}.{column} of {row}") };
        let (head, body) = sealed.split_at_checked(HEAD).ok_or_else(damaged)?;
        let (layout, head) = head.split_first().ok_or_else(damaged)?;
        let (id, nonce) = head.split_at_checked(ID_LEN).ok_or_else(damaged)?;
        if *layout != LAYOUT {
            return Err(damaged());
        }
        let key = self.all().find(|key| key.id.as_slice() == id).ok_or_else(|| KeyringError::MissingKey {
            wanted: hex(id),
            present: self.all().map(|key| hex(&key.id)).collect::<Vec<_>>().join(", "),
        })?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut clear = body.to_vec();
        let length = key
            .seal
            .open_in_place(nonce, Aad::from(place(table, row, column)), &mut clear)
            .map_err(|_| damaged())?
            .len();
        clear.truncate(length);
        Ok(clear)
    }

    /// Whether a value was sealed under one of the older keys.
    #[must_use]
    pub fn is_older(&self, sealed: &[u8]) -> bool {
        let id = sealed.get(1..=ID_LEN).unwrap_or_default();
        sealed.first() == Some(&LAYOUT) && self.older.iter().any(|key| key.id.as_slice() == id)
    }

    /// A message authentication code with a key of its own for each purpose.
    #[must_use]
    pub fn mac(&self, purpose: &str, message: &[u8]) -> Vec<u8> {
        let own = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.first.mac, purpose.as_bytes()).as_ref());
        hmac::sign(&own, message).as_ref().to_vec()
    }

    /// Whether a code was made by [`Keyring::mac`] for this purpose and message, with any of the keys.
    #[must_use]
    pub fn mac_fits(&self, purpose: &str, message: &[u8], code: &[u8]) -> bool {
        self.all().any(|key| {
            let own = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key.mac, purpose.as_bytes()).as_ref());
            hmac::verify(&own, message, code).is_ok()
        })
    }

    /// A key for one purpose and salt, from the key that seals: its id and the derived bytes.
    #[must_use]
    pub fn derive(&self, purpose: &str, salt: &[u8]) -> (String, [u8; KEY_LEN]) {
        (self.id(), self.first.derive(purpose, salt))
    }

    /// The same from the key of this id, or `None` if it is not here.
    #[must_use]
    pub fn derive_as(&self, id: &str, purpose: &str, salt: &[u8]) -> Option<[u8; KEY_LEN]> {
        self.all().find(|key| hex(&key.id) == id).map(|key| key.derive(purpose, salt))
    }

    /// Ids of all keys, the one that seals first.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.all().map(|key| hex(&key.id)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.older)
    }
}

/// What the key of the record's seals is derived for; part of the chain, never changed.
const RECORD: &str = "events";

impl Stamp for Keyring {
    fn stamp(&self, message: &[u8]) -> Vec<u8> {
        self.mac(RECORD, message)
    }

    fn fits(&self, message: &[u8], code: &[u8]) -> bool {
        self.mac_fits(RECORD, message, code)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Key {
    fn derive(&self, purpose: &str, salt: &[u8]) -> [u8; KEY_LEN] {
        let own = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.mac, purpose.as_bytes()).as_ref());
        let tag = hmac::sign(&own, salt);
        let mut out = [0; KEY_LEN];
        out.iter_mut().zip(tag.as_ref()).for_each(|(out, byte)| *out = *byte);
        out
    }

    fn parse(line: &str) -> Option<Self> {
        if line.len() != KEY_LEN * 2 || !line.is_ascii() {
            return None;
        }
        let bytes: Vec<u8> = line
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()))
            .collect::<Option<_>>()?;
        let hash = digest::digest(&digest::SHA256, &bytes);
        Some(Self {
            id: hash.as_ref().get(..ID_LEN)?.try_into().ok()?,
            seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?),
            mac: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        })
    }
}

/// Table, row and column with their lengths, so that no two places read the same.
fn place(table: &str, row: &str, column: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for part in [table, row, column] {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SeededRng;

    fn keyring(keys: &[&str]) -> Keyring {
        Keyring::from_text(&keys.join("\n"), "test", Arc::new(SeededRng::new(3))).unwrap()
    }

    fn key(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    #[test]
    fn a_value_opens_only_in_its_place() {
        let keys = keyring(&[&key('a')]);
        let sealed = keys.seal("routers", "R1", "password", b"s3cret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"s3cret"));
        assert_eq!(keys.open("routers", "R1", "password", &sealed).unwrap(), b"s3cret");
        for (table, row, column) in
            [("routers", "R2", "password"), ("routers", "R1", "other"), ("lines", "R1", "password")]
        {
            assert!(matches!(keys.open(table, row, column, &sealed), Err(KeyringError::Damaged { .. })));
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let old = keyring(&[&key('a')]);
        let sealed = old.seal("t", "r", "c", b"x").unwrap();
        let both = keyring(&[&key('b'), &key('a')]);
        assert_eq!(both.open("t", "r", "c", &sealed).unwrap(), b"x");
        let error = keyring(&[&key('b')]).open("t", "r", "c", &sealed).unwrap_err().to_string();
        assert!(error.contains(&old.id()), "{error}");
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let keys = keyring(&[&key('a')]);
        let sealed = keys.seal("t", "r", "c", b"value").unwrap();
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert!(keys.open("t", "r", "c", &broken).is_err(), "byte {at}");
        }
        assert!(keys.open("t", "r", "c", &[]).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret.key");
        let rng = Arc::new(SeededRng::new(5));
        Keyring::ensure_file(&file, &*rng).unwrap();
        let first = Keyring::from_file(&file, rng.clone()).unwrap().id();
        Keyring::ensure_file(&file, &*rng).unwrap();
        assert_eq!(Keyring::from_file(&file, rng.clone()).unwrap().id(), first);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let added = Keyring::add_to_file(&file, &(rng.clone() as Arc<dyn Rng>)).unwrap();
        assert_eq!((added.ids().len(), added.ids()[1].as_str()), (2, first.as_str()));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(matches!(Keyring::from_file(&file, rng), Err(KeyringError::BadKey { .. })));
    }
}
