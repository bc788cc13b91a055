//! Links that work once: the invitation of somebody new, and a way back in for who has forgotten the password.
//!
//! The secret is 128 random bits and only its hash is kept. A new link ends the older one of its kind. A reset carries a
//! short code too, for whoever reads it on a telephone: five tries, and its MAC needs a key from outside the database.

use lastmile_protocol::ids::{BranchId, StaffId};

use super::store::links::{self as store, NewLink};
use super::{Access, token_hash};
use crate::db::Tx;
use crate::kernel::{At, Fault, Rng, ids::hex, rng};
use crate::secrets::Secret;

/// The word of an invitation in the database.
pub(super) const INVITATION: &str = "invitation";
/// The word of a password reset.
pub(super) const RESET: &str = "reset";
/// Tries of a reset's code.
pub(super) const CODE_TRIES: i64 = 5;
/// Digits of a reset's code.
const CODE_DIGITS: usize = 8;
const CODE_PURPOSE: &str = "password reset code";

/// A link that was made; its secret is not kept.
#[derive(Debug, Clone)]
pub struct Link {
    /// The secret in the link.
    pub secret: Secret<String>,
    /// Where it leads: `https://isp.example/invitation/…`.
    pub url: Secret<String>,
    /// The short code of a reset.
    pub code: Option<Secret<String>>,
    /// Until when it works.
    pub expires_at: At,
}

impl Access {
    /// Makes an invitation for somebody; an older one works no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_invitation(&self, tx: &mut Tx, staff: StaffId, branch: BranchId) -> Result<Link, Fault> {
        let secret = secret(tx.rng());
        let expires_at = At(tx.now_ms() + self.limits.invitation_ms);
        let (hash, kind) = (token_hash(&secret), INVITATION);
        let new = NewLink { hash: &hash, kind, staff, branch, code_mac: None, expires_ms: expires_at.0 };
        store::replace(tx, new).await?;
        Ok(Link { url: self.url("invitation", &secret), secret: secret.into(), code: None, expires_at })
    }

    /// Makes a password reset for somebody; an older one works no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_reset(&self, tx: &mut Tx, staff: StaffId, branch: BranchId) -> Result<Link, Fault> {
        let (secret, code) = (secret(tx.rng()), code(tx.rng()));
        let expires_at = At(tx.now_ms() + self.limits.reset_ms);
        let (hash, mac) = (token_hash(&secret), self.keyring.mac(CODE_PURPOSE, message(staff, &code).as_bytes()));
        let new = NewLink { hash: &hash, kind: RESET, staff, branch, code_mac: Some(mac), expires_ms: expires_at.0 };
        store::replace(tx, new).await?;
        Ok(Link {
            url: self.url("password-reset", &secret),
            secret: secret.into(),
            code: Some(code.into()),
            expires_at,
        })
    }

    /// Whether this is the code of somebody's open reset; takes one of its tries. Gives the hash of the link.
    pub(super) async fn reset_by_code(&self, tx: &mut Tx, staff: StaffId, code: &str) -> Result<Option<String>, Fault> {
        let Some(link) = store::open_of(tx, staff, RESET).await? else { return Ok(None) };
        let typed: String = code.chars().take(40).filter(char::is_ascii_digit).collect();
        if !store::try_code(tx, &link.hash, CODE_TRIES).await? {
            return Ok(None);
        }
        let mac = link.code_mac.unwrap_or_default();
        let fits = self.keyring.mac_fits(CODE_PURPOSE, message(staff, &typed).as_bytes(), &mac);
        Ok(fits.then_some(link.hash))
    }

    /// Links are made from the configured address alone: what a request calls us by is the requester's choice.
    fn url(&self, page: &str, secret: &str) -> Secret<String> {
        Secret::new(format!("{}/{page}/{secret}", self.limits.base_url))
    }
}

/// Ends the open invitation and the open reset of somebody.
///
/// # Errors
/// When the database fails.
pub async fn end_links(tx: &mut Tx, staff: StaffId) -> Result<(), Fault> {
    store::end(tx, staff, INVITATION).await?;
    store::end(tx, staff, RESET).await
}

/// Until when somebody's open invitation works, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn open_invitation_of(tx: &mut Tx, staff: StaffId) -> Result<Option<At>, Fault> {
    Ok(store::open_of(tx, staff, INVITATION).await?.map(|link| link.expires_at))
}

/// Removes links that are over.
pub(super) async fn purge(tx: &mut Tx) -> Result<u64, Fault> {
    let now = tx.now_ms();
    store::purge(tx, now).await
}

fn secret(source: &dyn Rng) -> String {
    hex(&rng::bytes::<16>(source))
}

/// Eight random digits. The bias of a 64-bit number taken modulo 10^8 is far below one in 10^11.
fn code(source: &dyn Rng) -> String {
    let number = u64::from_be_bytes(rng::bytes(source)) % 10u64.pow(8);
    format!("{number:0CODE_DIGITS$}")
}

fn message(staff: StaffId, code: &str) -> String {
    format!("{staff}:{code}")
}
