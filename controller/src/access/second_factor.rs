//! The second factor: an authenticator app, and recovery codes for the day the telephone is lost.
//!
//! A code counts once, a recovery code counts once; both are used up by a conditional update, so that two requests with
//! the same code cannot both pass. Failures are counted for the person, wherever they come from: whoever gets here knows
//! the password.

use lastmile_protocol::ids::StaffId;
use qrcodegen::{QrCode, QrCodeEcc};

use super::store::second_factor as store;
use super::{Access, token_hash, totp};
use crate::db::Tx;
use crate::kernel::{At, Fault, rng};

/// Tries of one half-finished sign-in.
pub(super) const TRIES: i64 = 5;
/// How long a half-finished sign-in waits for its code.
pub(super) const CHALLENGE_MS: i64 = 10 * 60 * 1_000;
const RECOVERY_CODES: usize = 10;
/// 80 random bits: a plain digest of them cannot be reversed.
const RECOVERY_LEN: usize = 10;
/// Characters of a recovery code without its dashes.
const RECOVERY_CHARS: usize = 16;
const TABLE: &str = "staff_totp";
const COLUMN: &str = "seed_sealed";

/// What an authenticator app needs. Shown once, while it is being set up.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Enrolment {
    /// The seed in base 32, for typing.
    pub secret: String,
    /// The same for the app: `otpauth://totp/…`.
    pub uri: String,
    /// The same as a picture.
    pub qr: Qr,
}

/// A QR code as the path of an SVG: `<svg viewBox="0 0 SIZE SIZE"><path d="PATH"/></svg>`.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Qr {
    /// Modules on a side, the quiet border of 4 included.
    pub size: i32,
    /// The dark modules.
    pub path: String,
}

/// How it stands with somebody's second factor.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct SecondFactorInfo {
    /// Whether one is set up.
    pub enrolled: bool,
    /// Since when.
    pub enrolled_at: Option<At>,
    /// Whether the role demands one.
    pub required: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: i64,
}

/// With what somebody proved the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A code of the app.
    Totp,
    /// One of the recovery codes.
    Recovery,
}

impl Proof {
    /// The word in events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery_code",
        }
    }
}

impl Access {
    /// Makes a new seed for somebody who has none, to be proved by [`Access::confirm`].
    ///
    /// # Errors
    /// `second_factor_exists`.
    pub async fn enrol(&self, tx: &mut Tx, staff: StaffId, account: &str) -> Result<Enrolment, Fault> {
        let seed: [u8; totp::SEED_LEN] = rng::bytes(tx.rng());
        let sealed = self.keyring.seal(TABLE, &staff.to_string(), COLUMN, &seed)?;
        if !store::put_seed(tx, staff, &sealed).await? {
            return Err(Fault::conflict("second_factor_exists", "a second factor is set up; remove it first"));
        }
        let uri = totp::uri(&self.limits.issuer, account, &seed);
        Ok(Enrolment { secret: totp::base32(&seed), qr: picture(&uri)?, uri })
    }

    /// Proves that the app has the seed; gives the recovery codes, which are not kept.
    ///
    /// # Errors
    /// A field error on `code`; `no_enrolment` when none was begun.
    pub async fn confirm(&self, tx: &mut Tx, staff: StaffId, code: &str) -> Result<Vec<String>, Fault> {
        let row = store::seed(tx, staff).await?.filter(|row| row.confirmed_ms.is_none());
        let Some(row) = row else {
            return Err(Fault::conflict("no_enrolment", "begin to set up a second factor first"));
        };
        let seed = self.open_seed(staff, &row.sealed)?;
        let Some(step) = totp::matching_step(&seed, &digits(code), tx.now_ms(), row.last_step) else {
            return Err(wrong_code());
        };
        if !store::confirm(tx, staff, step).await? {
            return Err(wrong_code());
        }
        recovery_codes(tx, staff).await
    }

    /// Checks a code of the app or a recovery code, and uses it up. A wrong one makes the next try wait: the caller
    /// commits what else it has written.
    ///
    /// # Errors
    /// A field error on `code`, [`Fault::TooMany`] after many failures.
    pub async fn prove(&self, tx: &mut Tx, staff: StaffId, code: &str) -> Result<Proof, Fault> {
        let account = format!("second factor:{staff}");
        let now = self.clock.mono_ms();
        let wait = self.backoff.wait_ms(&account, "", now);
        if wait > 0 {
            return Err(Fault::TooMany { retry_after_seconds: wait.div_ceil(1_000) });
        }
        if let Some(proof) = self.fits(tx, staff, code).await? {
            self.backoff.succeeded(&account, "", now);
            return Ok(proof);
        }
        self.backoff.failed(&account, "", now);
        Err(wrong_code())
    }

    async fn fits(&self, tx: &mut Tx, staff: StaffId, code: &str) -> Result<Option<Proof>, Fault> {
        let row = store::seed(tx, staff).await?.filter(|row| row.confirmed_ms.is_some());
        let Some(row) = row else { return Ok(None) };
        let typed = digits(code);
        if typed.len() == totp::DIGITS {
            let seed = self.open_seed(staff, &row.sealed)?;
            let step = totp::matching_step(&seed, &typed, tx.now_ms(), row.last_step);
            return match step {
                Some(step) if store::use_step(tx, staff, step).await? => Ok(Some(Proof::Totp)),
                _ => Ok(None),
            };
        }
        let Some(recovery) = recovery_form(code) else { return Ok(None) };
        Ok(store::use_code(tx, staff, &token_hash(&recovery)).await?.then_some(Proof::Recovery))
    }

    /// How it stands with somebody's second factor.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn second_factor_of(
        &self,
        tx: &mut Tx,
        staff: StaffId,
        required: bool,
    ) -> Result<SecondFactorInfo, Fault> {
        let since = store::seed(tx, staff).await?.and_then(|row| row.confirmed_ms);
        let recovery_codes_left = store::codes_left(tx, staff).await?;
        Ok(SecondFactorInfo { enrolled: since.is_some(), enrolled_at: since.map(At), required, recovery_codes_left })
    }

    fn open_seed(&self, staff: StaffId, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(self.keyring.open(TABLE, &staff.to_string(), COLUMN, sealed)?)
    }
}

/// Makes new recovery codes; the old ones are void.
///
/// # Errors
/// When the database fails.
pub async fn recovery_codes(tx: &mut Tx, staff: StaffId) -> Result<Vec<String>, Fault> {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| totp::base32(&rng::bytes::<RECOVERY_LEN>(tx.rng()))).collect();
    let hashes: Vec<String> = codes.iter().map(|code| token_hash(code)).collect();
    store::put_codes(tx, staff, &hashes).await?;
    Ok(codes.iter().map(|code| dashed(code)).collect())
}

/// Removes somebody's second factor with its recovery codes, and every half-finished sign-in. Says whether there was
/// one.
///
/// # Errors
/// When the database fails.
pub async fn remove_second_factor(tx: &mut Tx, staff: StaffId) -> Result<bool, Fault> {
    store::end_challenges(tx, staff).await?;
    store::remove(tx, staff).await
}

/// Removes half-finished sign-ins that nobody will finish.
pub(super) async fn purge(tx: &mut Tx) -> Result<u64, Fault> {
    let before = tx.now_ms() - CHALLENGE_MS;
    store::purge_challenges(tx, before).await
}

pub(super) fn wrong_code() -> Fault {
    Fault::field("code", "this code is wrong, too old, or was used already")
}

/// What people type around six digits.
fn digits(typed: &str) -> String {
    typed.chars().take(40).filter(|c| !c.is_whitespace()).collect()
}

/// A recovery code without what makes it readable, if it can be one.
fn recovery_form(typed: &str) -> Option<String> {
    let bare: String = typed.chars().take(60).filter(|c| c.is_ascii_alphanumeric()).collect();
    (bare.len() == RECOVERY_CHARS).then(|| bare.to_ascii_uppercase())
}

fn dashed(code: &str) -> String {
    let mut out = String::with_capacity(code.len() + code.len() / 4);
    for (place, c) in code.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            out.push('-');
        }
        out.push(c);
    }
    out
}

/// The quiet border that readers want, in modules.
const BORDER: i32 = 4;

fn picture(text: &str) -> Result<Qr, Fault> {
    use std::fmt::Write as _;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|error| Fault::internal(error.to_string()))?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let from = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            if x > from {
                let _ = write!(path, "M{} {}h{}v1h-{}z", from + BORDER, y + BORDER, x - from, x - from);
            }
            x += 1;
        }
    }
    Ok(Qr { size: code.size() + 2 * BORDER, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        assert_eq!(dashed("ABCDEFGHIJKLMNOP"), "ABCD-EFGH-IJKL-MNOP");
        for typed in ["ABCD-EFGH-IJKL-MNOP", "abcd efgh ijkl mnop", " abcdEFGHijklMNOP\n"] {
            assert_eq!(recovery_form(typed).as_deref(), Some("ABCDEFGHIJKLMNOP"), "{typed}");
        }
        for typed in ["", "123456", "ABCD-EFGH-IJKL-MNO", "ABCD-EFGH-IJKL-MNOPQ"] {
            assert_eq!(recovery_form(typed), None, "{typed}");
        }
    }

    #[test]
    fn the_picture_has_every_dark_module_once() {
        let text = totp::uri("Lastmile", "rahim", b"12345678901234567890");
        let qr = picture(&text).unwrap();
        let code = QrCode::encode_text(&text, QrCodeEcc::Medium).unwrap();
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        let drawn: usize = qr
            .path
            .split('h')
            .skip(1)
            .filter_map(|part| part.split_once('v').and_then(|(width, _)| width.parse::<usize>().ok()))
            .sum();
        assert_eq!((drawn, qr.size), (dark, code.size() + 8));
    }
}
