//! Log-in: the plain one of 6.43 and later, and the challenge of before.

use md5::{Digest as _, Md5};

use super::reply::Trap;
use super::router::Router;
use super::sentence::Sentence;

/// How the router answers a log-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Let in.
    Welcome,
    /// Answer this challenge (hexadecimal).
    Challenge(String),
    /// Refused.
    Refused(Trap),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `00` and the hexadecimal MD5 of a zero byte, the password and the challenge.
fn response(password: &[u8], challenge: &[u8]) -> String {
    let mut digest = Md5::new();
    digest.update([0]);
    digest.update(password);
    digest.update(challenge);
    format!("00{}", hex(&digest.finalize()))
}

/// Judges a `/login`. `challenge` is the one that this connection was given, if any.
pub(super) fn judge(router: &mut Router, sentence: &Sentence, challenge: &mut Option<Vec<u8>>) -> Login {
    let refused = if router.options.modern_login() {
        Login::Refused(Trap::plain("invalid user name or password (6)"))
    } else {
        Login::Refused(Trap::plain("cannot log in"))
    };
    let known = sentence.get("name") == Some(router.options.user.as_bytes()) && !router.faults.wrong_password;
    if let (Some(answer), Some(given)) = (sentence.get("response"), challenge.take()) {
        let right = response(router.options.password.as_bytes(), &given);
        return if known && answer == right.as_bytes() { Login::Welcome } else { refused };
    }
    if router.options.legacy_login {
        let given = router.rng.bits().to_be_bytes().repeat(2);
        let text = hex(&given);
        *challenge = Some(given);
        return Login::Challenge(text);
    }
    if known && sentence.get("password") == Some(router.options.password.as_bytes()) { Login::Welcome } else { refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_of_the_published_vector() {
        assert_eq!(response(b"passTest", &[0xab, 0xc1, 0x23]), "0021277bff9ac7caf06aa608e46616d47f");
    }
}
