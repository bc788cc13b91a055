//! Files that hold passwords of routers and customers: encrypted with a key that lies beside them, readable
//! by the agent's user only. It keeps the passwords out of backups of single files, of logs and of careless
//! eyes; who reads the whole folder as that user can read them, as the agent itself must.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::clock::{NoRandom, Rng};
use crate::files;

const MAGIC: &[u8; 8] = b"lmseal01";

/// Why a sealed file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The disk refuses.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It was not written with the key that lies beside it.
    #[error("{0} cannot be opened with the key beside it")]
    Foreign(PathBuf),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

/// Sealed files of one folder.
pub struct SealedFiles {
    folder: PathBuf,
    key: LessSafeKey,
    rng: Arc<dyn Rng>,
}

impl SealedFiles {
    /// The files of `folder`; its key is made when there is none.
    ///
    /// # Errors
    /// When the key can be neither read nor made.
    pub fn open(folder: &Path, rng: Arc<dyn Rng>) -> Result<Self, SealedError> {
        let path = folder.join("local.key");
        let failed = |source| SealedError::File { path: path.clone(), source };
        let bytes = match files::read(&path).map_err(failed)? {
            Some(bytes) => bytes,
            None => {
                let mut bytes = [0; 32];
                rng.fill(&mut bytes)?;
                files::replace(&path, &bytes).map_err(failed)?;
                bytes.to_vec()
            }
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| SealedError::Foreign(path.clone()))?;
        Ok(Self { folder: folder.to_path_buf(), key: LessSafeKey::new(key), rng })
    }

    /// Where a file lies.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Replaces a file, on disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses or there is no chance to be had.
    pub fn write(&self, name: &str, plain: Vec<u8>) -> Result<(), SealedError> {
        let path = self.path(name);
        let mut nonce = [0; NONCE_LEN];
        self.rng.fill(&mut nonce)?;
        let mut body = plain;
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name.as_bytes()), &mut body)
            .map_err(|_| SealedError::Foreign(path.clone()))?;
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        files::replace(&path, &out).map_err(|source| SealedError::File { path, source })
    }

    /// What a file holds, or `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or was changed, renamed or written with another key.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SealedError> {
        let path = self.path(name);
        let Some(bytes) = files::read(&path).map_err(|source| SealedError::File { path: path.clone(), source })? else {
            return Ok(None);
        };
        let open = || {
            let (nonce, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<NONCE_LEN>()?;
            let mut body = body.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let length = self.key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut body).ok()?.len();
            body.truncate(length);
            Some(body)
        };
        open().map(Some).ok_or(SealedError::Foreign(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRng;

    #[test]
    fn a_file_returns_and_nothing_of_it_can_be_read_changed_or_swapped() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = SealedFiles::open(folder.path(), Arc::new(SystemRng::new())).expect("a key");
        assert!(files.read("a").expect("none").is_none());
        files.write("a", b"canary-password".to_vec()).expect("written");
        files.write("b", b"another".to_vec()).expect("written");
        let again = SealedFiles::open(folder.path(), Arc::new(SystemRng::new())).expect("the same key");
        assert_eq!(again.read("a").expect("opens").as_deref(), Some(&b"canary-password"[..]));

        let bytes = std::fs::read(files.path("a")).expect("read");
        assert!(!bytes.windows(6).any(|part| part == b"canary"));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(files.path("a"), changed).expect("written");
            assert!(files.read("a").is_err(), "byte {at}");
        }
        std::fs::copy(files.path("b"), files.path("a")).expect("swapped");
        assert!(files.read("a").is_err());
    }
}
