//! The controller's own key: made at the first start, then never changed by itself. Agents know it by its hash.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use lastmile_protocol::identity::KeyHash;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Name of the key's file in the data directory.
const KEY_FILE: &str = "fleet.key";
/// Name of the certificate's file.
const CERTIFICATE_FILE: &str = "fleet.crt";

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("cannot {act} {}", path.display())]
    File {
        /// `read` or `write`.
        act: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is damaged: restore it from the backup, since agents trust no other key", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// The key is missing beside its certificate.
    #[error("{} is missing beside its certificate: restore it from the backup, since agents trust no other key", path.display())]
    Half {
        /// Which.
        path: PathBuf,
    },
    /// No key can be made.
    #[error("cannot make the controller's key")]
    Make(#[from] rcgen::Error),
}

/// Key and certificate.
pub struct Identity {
    /// Self-signed certificate.
    pub certificate: CertificateDer<'static>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// What agents pin.
    pub hash: KeyHash,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.hash)
    }
}

impl Identity {
    /// Reads the key from the data directory, or makes it when neither half is there.
    ///
    /// # Errors
    /// Unreadable, damaged or half files.
    pub fn load_or_make(dir: &Path) -> Result<Self, IdentityError> {
        let (key_path, certificate_path) = (dir.join(KEY_FILE), dir.join(CERTIFICATE_FILE));
        match (key_path.exists(), certificate_path.exists()) {
            (true, true) => {}
            (false, false) => {
                let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
                write(&key_path, key.serialize_pem().as_bytes())?;
                certify(&key, &certificate_path)?;
            }
            // The certificate says nothing but the key: a lost one is made again, and agents see no difference.
            (true, false) => {
                let pem = String::from_utf8_lossy(&read(&key_path)?).into_owned();
                let key =
                    rcgen::KeyPair::from_pem(&pem).map_err(|_| IdentityError::Damaged { path: key_path.clone() })?;
                certify(&key, &certificate_path)?;
            }
            (false, true) => return Err(IdentityError::Half { path: key_path }),
        }
        let damaged = |path: &Path| IdentityError::Damaged { path: path.to_owned() };
        let certificate =
            CertificateDer::from_pem_slice(&read(&certificate_path)?).map_err(|_| damaged(&certificate_path))?;
        let key = PrivateKeyDer::from_pem_slice(&read(&key_path)?).map_err(|_| damaged(&key_path))?;
        let hash = KeyHash::of_certificate(&certificate).map_err(|_| damaged(&certificate_path))?;
        Ok(Self { certificate, key, hash })
    }
}

fn certify(key: &rcgen::KeyPair, path: &Path) -> Result<(), IdentityError> {
    let certificate = rcgen::CertificateParams::new(vec!["lastmile".to_owned()])?.self_signed(key)?;
    write(path, certificate.pem().as_bytes())
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| IdentityError::File { act: "read", path: path.to_owned(), source })
}

/// Writes a file that is whole or not there, readable by nobody else.
fn write(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    let draft = path.with_extension("draft");
    let done = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |dir| std::fs::File::open(dir)?.sync_all())
    })();
    done.map_err(|source| IdentityError::File { act: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_half_of_it_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::load_or_make(dir.path()).unwrap();
        assert_eq!(Identity::load_or_make(dir.path()).unwrap().hash, first.hash);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_file(dir.path().join(CERTIFICATE_FILE)).unwrap();
        assert_eq!(Identity::load_or_make(dir.path()).unwrap().hash, first.hash);
        std::fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
        assert!(matches!(Identity::load_or_make(dir.path()), Err(IdentityError::Half { .. })));
    }
}
