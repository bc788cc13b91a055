//! Who the agent is: its own key, and the controller's key hash that it was given with its token.
//!
//! One file, replaced whole: a key without its enrolment (or the reverse) would be an agent that can neither
//! connect nor join. Nothing in the program ever deletes it.

use std::io;
use std::path::{Path, PathBuf};

use lastmile_protocol::base64;
use lastmile_protocol::identity::KeyHash;
use lastmile_protocol::ids::{AgentId, PopId};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};

use crate::files;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not an identity.
    #[error("{path} is not an identity of this agent: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// No key can be made.
    #[error("no key can be made: {0}")]
    Key(#[from] rcgen::Error),
}

/// An Ed25519 key and a certificate around it.
pub struct AgentKey {
    pair: KeyPair,
}

impl AgentKey {
    /// A new key, from the system's chance.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self { pair: KeyPair::generate_for(&rcgen::PKCS_ED25519)? })
    }

    fn from_text(text: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from(base64::decode(text)?);
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).ok()?;
        Some(Self { pair })
    }

    fn to_text(&self) -> String {
        base64::encode(self.pair.serialized_der())
    }

    /// Certificate and key for TLS. Only the key in it counts.
    ///
    /// # Errors
    /// When no certificate can be made of it.
    pub fn for_tls(&self) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), IdentityError> {
        let certificate = CertificateParams::new(vec!["lastmile-agent".to_owned()])?.self_signed(&self.pair)?;
        let key = PrivatePkcs8KeyDer::from(self.pair.serialized_der().to_vec());
        Ok((certificate.der().clone(), key.into()))
    }
}

/// Where the agent belongs, as the controller said when it joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Key hash of the controller.
    pub controller: KeyHash,
    /// Where it listens, `host:port`, best first.
    pub addresses: Vec<String>,
    /// The agent's id.
    pub agent: AgentId,
    /// Its POP.
    pub pop: PopId,
    /// Name of the POP.
    pub pop_name: String,
}

/// Key and enrolment.
pub struct Identity {
    /// The agent's key.
    pub key: AgentKey,
    /// Where it belongs.
    pub enrolment: Enrolment,
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    key: String,
    controller: String,
    addresses: Vec<String>,
    agent: AgentId,
    pop: PopId,
    pop_name: String,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("identity.json")
}

/// A key that was shown to a controller, but whose welcome has not been written down: if the answer was lost
/// on the way, the same key tries again and is known.
fn joining(folder: &Path) -> PathBuf {
    folder.join("joining.key")
}

fn read(path: &Path) -> Result<Option<String>, IdentityError> {
    let bytes = files::read(path).map_err(|source| IdentityError::File { path: path.to_path_buf(), source })?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn write(path: &Path, text: &str) -> Result<(), IdentityError> {
    files::replace(path, text.as_bytes()).map_err(|source| IdentityError::File { path: path.to_path_buf(), source })
}

/// The identity in this folder, or `None` when the agent has not joined.
///
/// # Errors
/// When there is a file that cannot be read: it is left as it is.
pub fn load(folder: &Path) -> Result<Option<Identity>, IdentityError> {
    let path = file(folder);
    let Some(text) = read(&path)? else { return Ok(None) };
    let damaged = |reason: &str| IdentityError::Damaged { path: path.clone(), reason: reason.to_owned() };
    let disk: OnDisk = serde_json::from_str(&text).map_err(|e| damaged(&e.to_string()))?;
    let controller = base64::decode(&disk.controller).and_then(|bytes| bytes.try_into().ok().map(KeyHash));
    Ok(Some(Identity {
        key: AgentKey::from_text(&disk.key).ok_or_else(|| damaged("its key is not an Ed25519 key"))?,
        enrolment: Enrolment {
            controller: controller.ok_or_else(|| damaged("its controller is not a key hash"))?,
            addresses: disk.addresses,
            agent: disk.agent,
            pop: disk.pop,
            pop_name: disk.pop_name,
        },
    }))
}

/// Keeps the identity, on disk when this returns.
///
/// # Errors
/// When the disk refuses.
pub fn save(folder: &Path, identity: &Identity) -> Result<(), IdentityError> {
    let at = &identity.enrolment;
    let disk = OnDisk {
        key: identity.key.to_text(),
        controller: base64::encode(&at.controller.0),
        addresses: at.addresses.clone(),
        agent: at.agent,
        pop: at.pop,
        pop_name: at.pop_name.clone(),
    };
    let text = serde_json::to_string_pretty(&disk)
        .map_err(|e| IdentityError::Damaged { path: file(folder), reason: e.to_string() })?;
    write(&file(folder), &text)?;
    let _ = std::fs::remove_file(joining(folder));
    Ok(())
}

/// The key to join with: the one of a join that was cut off, or a new one that is on disk before it is shown.
///
/// # Errors
/// When the disk refuses, or no key can be made.
pub fn key_to_join(folder: &Path) -> Result<AgentKey, IdentityError> {
    let path = joining(folder);
    if let Some(key) = read(&path)?.as_deref().and_then(AgentKey::from_text) {
        return Ok(key);
    }
    let key = AgentKey::generate()?;
    write(&path, &key.to_text())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_returns_from_its_file_and_damage_is_named_not_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(load(folder.path()).expect("nothing there").is_none());
        let key = key_to_join(folder.path()).expect("a key");
        assert_eq!(key_to_join(folder.path()).expect("the same").to_text(), key.to_text());
        let enrolment = Enrolment {
            controller: KeyHash([3; 32]),
            addresses: vec!["a:1".into(), "b:2".into()],
            agent: AgentId::new(1, [1; 10]),
            pop: PopId::new(2, [2; 10]),
            pop_name: "সাভার".into(),
        };
        save(folder.path(), &Identity { key, enrolment: enrolment.clone() }).expect("kept");
        assert!(!joining(folder.path()).exists());
        let back = load(folder.path()).expect("readable").expect("there");
        assert_eq!(back.enrolment, enrolment);
        back.key.for_tls().expect("a certificate");

        std::fs::write(file(folder.path()), "{}").expect("damaged");
        assert!(matches!(load(folder.path()), Err(IdentityError::Damaged { .. })));
        assert!(file(folder.path()).exists());
    }
}
