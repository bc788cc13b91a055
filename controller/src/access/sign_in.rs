//! Sign-in: password, then the second factor where there is one; invitations and resets end here too.
//!
//! Every way in compares exactly one password, whether the name is known, unknown, dismissed or invited, so that the
//! time of an answer tells nothing. Nothing is written before the password is proved.

use lastmile_protocol::ids::StaffId;
use serde_json::json;

use super::caller::{Caller, Client, StaffInfo};
use super::password::{self, Passwords};
use super::second_factor::{CHALLENGE_MS, Enrolment, TRIES, wrong_code};
use super::store::people::{self, Person, WithHash};
use super::store::{links, second_factor as factors, sessions};
use super::{Access, session, token_hash};
use crate::db::{Db, Tx};
use crate::events::{self, Event};
use crate::kernel::{Actor, ActorKind, At, Fault, Scope, ids::hex, rng};
use crate::secrets::Secret;

/// Longest sign-in name or address that is looked up.
const NAME_MAX: usize = 200;

/// Somebody signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session's secret, for the cookie.
    pub secret: Secret<String>,
    /// Who.
    pub staff: StaffInfo,
    /// Recovery codes, when a second factor was set up on the way. Shown once.
    pub recovery_codes: Vec<String>,
}

/// What is still owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SecondFactorKind)]
pub enum ChallengeKind {
    /// A code of the app that is set up, or a recovery code.
    Totp,
    /// The role demands a second factor and there is none: it is set up now.
    Enrol,
}

/// The password is proved; the second factor is not.
#[derive(Debug)]
pub struct Challenge {
    /// What the answer has to carry.
    pub secret: Secret<String>,
    /// What is owed.
    pub kind: ChallengeKind,
    /// What the app needs, where it is to be set up.
    pub enrolment: Option<Enrolment>,
}

/// How far somebody got.
#[derive(Debug)]
pub enum Outcome {
    /// In.
    Open(Box<SignedIn>),
    /// Half way.
    Challenge(Challenge),
}

/// Whom an invitation is for.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The person.
    pub staff: StaffInfo,
    /// Until when it works.
    pub expires_at: At,
}

/// With what somebody comes who has forgotten the password.
pub enum ResetProof<'a> {
    /// The secret of the link.
    Link(&'a str),
    /// The name and the short code.
    Code {
        /// Sign-in name or e-mail address.
        who: &'a str,
        /// As it was sent.
        code: &'a str,
    },
}

impl Access {
    /// Opens a session for whoever knows the password, or asks for the second factor. An unknown name takes exactly the
    /// way of a known one.
    ///
    /// # Errors
    /// [`Fault::Unauthorized`] for a wrong name or password, [`Fault::TooMany`] after many failures.
    pub async fn sign_in(
        &self,
        db: &Db,
        username: &str,
        given: Secret<String>,
        client: &Client,
    ) -> Result<Outcome, Fault> {
        let account = account(username);
        self.patience(&account, client)?;
        let possible = account.len() <= NAME_MAX && given.expose().len() <= password::LONGEST;
        let found = if possible { self.find(db, &account).await? } else { None };
        let (person, hash) = match self.compare(found, given.clone()).await? {
            Some(proved) => proved,
            None => return Err(self.refused(&account, client)),
        };
        self.backoff.succeeded(&account, &client.address, self.clock.mono_ms());
        let fresh = if Passwords::is_outdated(&hash) { Some(self.passwords.hash(given).await?) } else { None };
        let mut tx = db.begin(&Scope::All).await?;
        // Waiting for a turn to compare takes time, in which somebody may have been dismissed.
        let still = people::by_id(&mut tx, person.info.id)
            .await?
            .filter(|(now, stored)| now.active && stored.as_deref() == Some(&hash));
        let Some((person, _)) = still else { return Err(Fault::Unauthorized) };
        if let Some(fresh) = fresh {
            people::set_hash(&mut tx, person.info.id, &fresh).await?;
        }
        let outcome = self.enter(&mut tx, person, client, "password").await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Answers a challenge with a code.
    ///
    /// # Errors
    /// [`Fault::Unauthorized`] when the challenge is over (sign in again), a field error on `code` when the code is
    /// wrong, [`Fault::TooMany`] after many failures.
    pub async fn second_factor(
        &self,
        db: &Db,
        challenge: &str,
        code: &str,
        client: &Client,
    ) -> Result<SignedIn, Fault> {
        let hash = token_hash(challenge);
        let mut tx = db.begin(&Scope::All).await?;
        let since = tx.now_ms() - CHALLENGE_MS;
        let found = factors::try_challenge(&mut tx, &hash, TRIES, since).await?;
        let Some((staff, kind)) = found else { return Err(Fault::Unauthorized) };
        let person = people::by_id(&mut tx, staff).await?.map(|(person, _)| person).filter(|person| person.active);
        let Some(person) = person else { return Err(Fault::Unauthorized) };
        let proved = if kind == "enrol" {
            self.confirm(&mut tx, staff, code).await.map(|codes| ("totp", codes))
        } else {
            self.prove(&mut tx, staff, code).await.map(|proof| (proof.word(), Vec::new()))
        };
        match proved {
            Ok((factor, recovery_codes)) => {
                factors::close_challenge(&mut tx, &hash).await?;
                if kind == "enrol" {
                    let data = json!({"at": "sign_in"});
                    note(&mut tx, &person.info, client, "staff.second_factor_added", data).await?;
                }
                let mut signed_in = self.open(&mut tx, person, client, factor).await?;
                signed_in.recovery_codes = recovery_codes;
                tx.commit().await?;
                Ok(signed_in)
            }
            Err(Fault::Invalid(_)) => {
                // The try is used up, and that somebody knew the password stands in the record.
                note(&mut tx, &person.info, client, "staff.second_factor_refused", json!({})).await?;
                tx.commit().await?;
                Err(wrong_code())
            }
            Err(other) => Err(other),
        }
    }

    /// Sets another password for the caller, who knows the present one. All other sessions end, and this one gets a new
    /// secret.
    ///
    /// # Errors
    /// A field error on either password, [`Fault::TooMany`] after many failures.
    pub async fn change_password(
        &self,
        db: &Db,
        caller: &Caller,
        present: Secret<String>,
        new: Secret<String>,
        client: &Client,
    ) -> Result<Secret<String>, Fault> {
        caller.at_a_page()?;
        let staff = caller.staff.id;
        password::check("new_password", &new, &caller.staff)?;
        self.must_know(db, caller, present, client, "current_password").await?;
        let hash = self.passwords.hash(new).await?;
        let mut tx = db.begin(&Scope::All).await?;
        self.replace_password(&mut tx, staff, &hash).await?;
        let secret = session::open(&mut tx, staff, client).await?;
        note(&mut tx, &caller.staff, client, "staff.password_changed", json!({})).await?;
        tx.commit().await?;
        Ok(Secret::new(secret))
    }

    /// Refuses unless this is the caller's own password: before what a stranger at an open browser must not do.
    ///
    /// # Errors
    /// A field error on `field`, [`Fault::TooMany`] after many failures.
    pub async fn must_know(
        &self,
        db: &Db,
        caller: &Caller,
        given: Secret<String>,
        client: &Client,
        field: &str,
    ) -> Result<(), Fault> {
        let account = account(&caller.staff.username);
        self.patience(&account, client)?;
        let possible = given.expose().len() <= password::LONGEST;
        let found = if possible { self.find(db, &account).await? } else { None };
        if self.compare(found, given).await?.is_none() {
            self.backoff.failed(&account, &client.address, self.clock.mono_ms());
            return Err(Fault::field(field, "this is not your password"));
        }
        Ok(())
    }

    /// Whom an invitation is for.
    ///
    /// # Errors
    /// Not found when it is used, over or unknown.
    pub async fn invitation(&self, tx: &mut Tx, secret: &str) -> Result<Invited, Fault> {
        let (person, expires_at) = person_of_link(tx, secret, super::links::INVITATION).await?;
        Ok(Invited { staff: person.info, expires_at })
    }

    /// Takes an invitation: sets the first password and signs in, or asks to set up the second factor that the role
    /// demands.
    ///
    /// # Errors
    /// As [`Access::invitation`]; a field error on `password`.
    pub async fn accept_invitation(
        &self,
        db: &Db,
        secret: &str,
        new: Secret<String>,
        client: &Client,
    ) -> Result<Outcome, Fault> {
        let mut tx = db.read(&Scope::All).await?;
        let (person, _) = person_of_link(&mut tx, secret, super::links::INVITATION).await?;
        tx.rollback().await?;
        password::check("password", &new, &person.info)?;
        let hash = self.passwords.hash(new).await?;
        let mut tx = db.begin(&Scope::All).await?;
        // Hashing took a moment: somebody else may have been quicker, or the person was dismissed.
        let (person, _) = person_of_link(&mut tx, secret, super::links::INVITATION).await?;
        if !links::use_up(&mut tx, &token_hash(secret)).await? {
            return Err(gone());
        }
        self.replace_password(&mut tx, person.info.id, &hash).await?;
        note(&mut tx, &person.info, client, "staff.invitation_accepted", json!({})).await?;
        let outcome = self.enter(&mut tx, person, client, "invitation").await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Who asks for a new password, if there is such a person who can be reached and has a password to forget. Slows
    /// down who asks often, for a known name and for an unknown one alike.
    ///
    /// # Errors
    /// [`Fault::TooMany`].
    pub async fn asks_for_reset(&self, tx: &mut Tx, who: &str, client: &Client) -> Result<Option<StaffInfo>, Fault> {
        let account = account(who);
        let now = self.clock.mono_ms();
        let wait = self.asked.wait_ms(&account, &client.address, now);
        if wait > 0 {
            return Err(Fault::TooMany { retry_after_seconds: wait.div_ceil(1_000) });
        }
        self.asked.failed(&account, &client.address, now);
        let found = by_name_or_email(tx, &account).await?;
        let found = found.filter(|(person, hash)| person.active && hash.is_some()).map(|(person, _)| person.info);
        Ok(found.filter(|staff| !staff.phone.is_empty() || !staff.email.is_empty()))
    }

    /// Whether a reset's link still works, and whose it is.
    ///
    /// # Errors
    /// Not found.
    pub async fn reset(&self, tx: &mut Tx, secret: &str) -> Result<Invited, Fault> {
        let (person, expires_at) = person_of_link(tx, secret, super::links::RESET).await?;
        Ok(Invited { staff: person.info, expires_at })
    }

    /// Sets a new password for whoever has the link or the code. All sessions end; a second factor stays as it is.
    ///
    /// # Errors
    /// Not found for a link that is over, a field error on `code` or `password`, [`Fault::TooMany`].
    pub async fn reset_password(
        &self,
        db: &Db,
        proof: ResetProof<'_>,
        new: Secret<String>,
        client: &Client,
    ) -> Result<(), Fault> {
        let (person, hash_of_link) = match proof {
            ResetProof::Link(secret) => {
                let mut tx = db.read(&Scope::All).await?;
                (person_of_link(&mut tx, secret, super::links::RESET).await?.0, token_hash(secret))
            }
            ResetProof::Code { who, code } => self.person_of_code(db, who, code, client).await?,
        };
        password::check("password", &new, &person.info)?;
        let hash = self.passwords.hash(new).await?;
        let mut tx = db.begin(&Scope::All).await?;
        let person = people::by_id(&mut tx, person.info.id).await?.map(|(person, _)| person);
        let Some(person) = person.filter(|person| person.active) else { return Err(gone()) };
        if !links::use_up(&mut tx, &hash_of_link).await? {
            return Err(gone());
        }
        self.replace_password(&mut tx, person.info.id, &hash).await?;
        note(&mut tx, &person.info, client, "staff.password_reset", json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn person_of_code(&self, db: &Db, who: &str, code: &str, client: &Client) -> Result<(Person, String), Fault> {
        let account = account(who);
        let counted = format!("reset:{account}");
        self.patience(&counted, client)?;
        let mut tx = db.begin(&Scope::All).await?;
        let found = by_name_or_email(&mut tx, &account).await?.filter(|(person, _)| person.active);
        let link = match &found {
            Some((person, _)) => self.reset_by_code(&mut tx, person.info.id, code).await?,
            None => None,
        };
        // The try that it took stays taken.
        tx.commit().await?;
        match found.zip(link) {
            Some(((person, _), link)) => Ok((person, link)),
            None => {
                self.backoff.failed(&counted, &client.address, self.clock.mono_ms());
                Err(Fault::field("code", "this code is wrong or too old"))
            }
        }
    }

    /// Refuses who must still wait.
    fn patience(&self, account: &str, client: &Client) -> Result<(), Fault> {
        match self.backoff.wait_ms(account, &client.address, self.clock.mono_ms()) {
            0 => Ok(()),
            wait => Err(Fault::TooMany { retry_after_seconds: wait.div_ceil(1_000) }),
        }
    }

    fn refused(&self, account: &str, client: &Client) -> Fault {
        self.backoff.failed(account, &client.address, self.clock.mono_ms());
        tracing::info!("a sign-in was refused");
        Fault::Unauthorized
    }

    async fn find(&self, db: &Db, account: &str) -> Result<Option<WithHash>, Fault> {
        let mut tx = db.read(&Scope::All).await?;
        let found = people::by_name(&mut tx, account).await?;
        tx.rollback().await?;
        Ok(found)
    }

    /// Compares exactly one password, whoever was found. Gives the person and the hash when it fits.
    async fn compare(&self, found: Option<WithHash>, given: Secret<String>) -> Result<Option<(Person, String)>, Fault> {
        let found = found.filter(|(person, _)| person.active);
        let stored = found.as_ref().and_then(|(_, hash)| hash.clone());
        let fits = self.passwords.verify(given, stored).await?;
        Ok(found.filter(|_| fits).and_then(|(person, hash)| hash.map(|hash| (person, hash))))
    }

    /// The password is proved: opens a session, or a challenge where a second factor is owed.
    async fn enter(&self, tx: &mut Tx, person: Person, client: &Client, by: &str) -> Result<Outcome, Fault> {
        let kind = match (person.info.second_factor, person.info.second_factor_required) {
            (true, _) => ChallengeKind::Totp,
            (false, true) => ChallengeKind::Enrol,
            (false, false) => return Ok(Outcome::Open(Box::new(self.open(tx, person, client, by).await?))),
        };
        let enrolment = match kind {
            ChallengeKind::Totp => None,
            ChallengeKind::Enrol => Some(self.enrol(tx, person.info.id, &person.info.username).await?),
        };
        let secret = hex(&rng::bytes::<16>(tx.rng()));
        let word = if kind == ChallengeKind::Totp { "totp" } else { "enrol" };
        factors::open_challenge(tx, &token_hash(&secret), person.info.id, word).await?;
        Ok(Outcome::Challenge(Challenge { secret: secret.into(), kind, enrolment }))
    }

    async fn open(&self, tx: &mut Tx, person: Person, client: &Client, by: &str) -> Result<SignedIn, Fault> {
        let now = tx.now_ms();
        people::signed_in(tx, person.info.id, now).await?;
        let secret = session::open(tx, person.info.id, client).await?;
        note(tx, &person.info, client, "staff.signed_in", json!({"by": by})).await?;
        let mut staff = person.info;
        staff.second_factor |= by == "totp";
        Ok(SignedIn { secret: secret.into(), staff, recovery_codes: Vec::new() })
    }

    /// Writes a password and ends what stood on the old one: sessions, half-finished sign-ins, links.
    async fn replace_password(&self, tx: &mut Tx, staff: StaffId, hash: &str) -> Result<(), Fault> {
        people::set_hash(tx, staff, hash).await?;
        sessions::end_all(tx, staff, None).await?;
        factors::end_challenges(tx, staff).await?;
        links::end(tx, staff, super::links::RESET).await?;
        links::end(tx, staff, super::links::INVITATION).await
    }
}

/// The form in which names are stored and counted.
fn account(given: &str) -> String {
    given.trim().to_lowercase()
}

fn gone() -> Fault {
    Fault::NotFound { what: "link, or it was used, or it is too old" }
}

async fn person_of_link(tx: &mut Tx, secret: &str, kind: &str) -> Result<(Person, At), Fault> {
    let link = links::find(tx, &token_hash(secret), kind).await?.ok_or_else(gone)?;
    let person = people::by_id(tx, link.staff).await?.map(|(person, _)| person);
    Ok((person.filter(|person| person.active).ok_or_else(gone)?, link.expires_at))
}

async fn by_name_or_email(tx: &mut Tx, account: &str) -> Result<Option<WithHash>, Fault> {
    if account.is_empty() || account.len() > NAME_MAX {
        return Ok(None);
    }
    match people::by_name(tx, account).await? {
        Some(found) => Ok(Some(found)),
        None => people::by_email(tx, account).await,
    }
}

/// Records what somebody did with their own access.
pub(super) async fn note(
    tx: &mut Tx,
    staff: &StaffInfo,
    client: &Client,
    kind: &'static str,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let actor = Actor { kind: ActorKind::Staff(staff.id), name: staff.name.clone(), from: client.address.clone() };
    let event = Event {
        kind,
        subject_kind: "staff",
        subject_id: staff.id.to_string(),
        branch_id: staff.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, &actor, event).await.map(|_| ())
}
