//! Writing what a line has to be. Every change moves the counter of its POP; a put that changes nothing moves nothing.

use std::fmt;

use lastmile_protocol::downlink::{Profile, RouterKind};
use lastmile_protocol::ids::{LineId, LineNo, RouterId};

use super::rules;
use super::store;
use super::store::lines::{Line, StoredAccess};
use super::store::routers::Router;
use crate::db::{Nudge, Tx};
use crate::kernel::Fault;
use crate::secrets::Keyring;

/// How the customer comes in, as the caller wants it.
#[derive(Clone)]
pub enum AccessInput {
    /// A PPP secret.
    Pppoe {
        /// Name of the secret.
        username: String,
        /// Its password; None keeps the one that the line has.
        password: Option<String>,
    },
    /// A fixed address behind an interface of a Linux router.
    Static {
        /// IPv4 address.
        address: String,
        /// Interface.
        interface: String,
    },
}

impl AccessInput {
    /// Whether a router of this kind can serve it.
    #[must_use]
    pub fn fits(&self, kind: RouterKind) -> bool {
        match self {
            Self::Pppoe { .. } => kind == RouterKind::RouterOs,
            Self::Static { .. } => kind == RouterKind::Linux,
        }
    }
}

impl fmt::Debug for AccessInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pppoe { username, .. } => write!(f, "Pppoe({username})"),
            Self::Static { address, interface } => write!(f, "Static({address} on {interface})"),
        }
    }
}

/// What a line has to be.
#[derive(Debug, Clone)]
pub struct DesiredInput {
    /// The line; None makes a new one.
    pub line: Option<LineId>,
    /// The router that serves it.
    pub router: RouterId,
    /// How the customer comes in.
    pub access: AccessInput,
    /// Speed.
    pub profile: Profile,
    /// Open, or held.
    pub open: bool,
    /// A person approved this hold: the agent's brake lets it pass.
    pub approved_hold: bool,
}

/// Writes what a line has to be and returns its id. A line that moves to a router of another POP gets a new id there;
/// the old one becomes a tombstone.
///
/// # Errors
/// Unknown line or router, wrong fields, a username or address that another line of the POP has.
pub async fn put_line(tx: &mut Tx, keyring: &Keyring, input: DesiredInput) -> Result<LineId, Fault> {
    let router = store::routers::get(tx, input.router).await?.ok_or(Fault::NotFound { what: "router" })?;
    check(&input, &router)?;
    lock(tx, router.pop).await?;
    let Some(id) = input.line else { return insert(tx, keyring, &router, input).await };
    let line = live_line(tx, id).await?;
    if line.pop != router.pop {
        let input = with_password(keyring, &line, input)?;
        remove_line(tx, id).await?;
        return insert(tx, keyring, &router, input).await;
    }
    change(tx, keyring, line, input).await?;
    Ok(id)
}

/// Opens or holds a line and leaves everything else as it is; true when that changed something.
///
/// # Errors
/// Unknown or removed line.
pub async fn set_open(tx: &mut Tx, line: LineId, open: bool, approved_hold: bool) -> Result<bool, Fault> {
    let found = live_line(tx, line).await?;
    lock(tx, found.pop).await?;
    let mut found = live_line(tx, line).await?;
    if found.open == open {
        return Ok(false);
    }
    (found.open, found.approved_hold) = (open, approved_hold && !open);
    write(tx, found).await?;
    Ok(true)
}

/// Makes a line its own tombstone: the agent removes it from the router. Removing it again changes nothing.
///
/// # Errors
/// Unknown line.
pub async fn remove_line(tx: &mut Tx, line: LineId) -> Result<(), Fault> {
    let Some(found) = store::lines::get(tx, line).await? else { return Err(Fault::NotFound { what: "line" }) };
    lock(tx, found.pop).await?;
    let removed = store::lines::get(tx, line).await?.is_none_or(|line| line.removed);
    if removed {
        return Ok(());
    }
    let counter = store::pops::next_counter(tx, found.pop).await?;
    store::lines::remove(tx, line, counter).await?;
    announce(tx, &found);
    Ok(())
}

/// On PostgreSQL two writers could otherwise read the same row and both believe that they change it.
async fn lock(tx: &mut Tx, pop: lastmile_protocol::ids::PopId) -> Result<(), Fault> {
    Ok(tx.lock(&format!("pop:{pop}")).await?)
}

async fn live_line(tx: &mut Tx, id: LineId) -> Result<Line, Fault> {
    store::lines::get(tx, id).await?.filter(|line| !line.removed).ok_or(Fault::NotFound { what: "line" })
}

fn check(input: &DesiredInput, router: &Router) -> Result<(), Fault> {
    let mut wrong = match &input.access {
        AccessInput::Pppoe { username, password } => rules::pppoe(username, password.as_deref()),
        AccessInput::Static { address, interface } => rules::fixed(address, interface),
    };
    let fits = input.access.fits(router.kind);
    let mut add = |ok: bool, field: &str, message: &str| {
        if !ok {
            wrong.push(crate::kernel::FieldError { field: field.to_owned(), message: message.to_owned() });
        }
    };
    add(fits, "router_id", "PPPoE lines need a RouterOS router, static addresses a Linux router");
    add(rules::name(&input.profile.name).is_ok(), "profile", "a profile name has 1 to 64 characters");
    if wrong.is_empty() { Ok(()) } else { Err(Fault::Invalid(wrong)) }
}

async fn insert(tx: &mut Tx, keyring: &Keyring, router: &Router, input: DesiredInput) -> Result<LineId, Fault> {
    let id = tx.new_id::<LineId>();
    let access = match input.access {
        AccessInput::Pppoe { password: None, .. } => {
            return Err(Fault::field("password", "a new line needs a password"));
        }
        AccessInput::Pppoe { username, password: Some(password) } => {
            StoredAccess::Pppoe { username, password_sealed: seal(keyring, id, &password)? }
        }
        AccessInput::Static { address, interface } => StoredAccess::Static { address, interface },
    };
    let (counter, no) = store::pops::next_line(tx, router.pop).await?;
    let line = Line {
        id,
        pop: router.pop,
        branch: router.branch,
        no: LineNo(u32::try_from(no).map_err(|_| Fault::internal("a POP has used up its line numbers"))?),
        router: Some(router.id),
        access,
        profile: input.profile.name,
        down_bps: input.profile.down_bps,
        up_bps: input.profile.up_bps,
        open: input.open,
        approved_hold: input.approved_hold && !input.open,
        removed: false,
        counter: u64::try_from(counter).unwrap_or(0),
        queued_ms: tx.now_ms(),
        sent_ms: None,
        applied_ms: None,
        verified_ms: None,
        failed_ms: None,
        failure: None,
        observed: None,
        withheld: false,
    };
    store::lines::insert(tx, &line).await?;
    announce(tx, &line);
    Ok(id)
}

async fn change(tx: &mut Tx, keyring: &Keyring, line: Line, input: DesiredInput) -> Result<(), Fault> {
    let mut wanted = line.clone();
    wanted.router = Some(input.router);
    wanted.access = access(keyring, &line, input.access)?;
    wanted.profile = input.profile.name;
    (wanted.down_bps, wanted.up_bps) = (input.profile.down_bps, input.profile.up_bps);
    wanted.open = input.open;
    // An approval belongs to the change that holds the line; it is no change by itself.
    let held = line.open && !input.open;
    wanted.approved_hold = if held { input.approved_hold } else { line.approved_hold && !input.open };
    if same(&line, &wanted) { Ok(()) } else { write(tx, wanted).await }
}

fn same(a: &Line, b: &Line) -> bool {
    let key = |l: &Line| (l.router, l.access.clone(), l.profile.clone(), l.down_bps, l.up_bps, l.open);
    key(a) == key(b)
}

async fn write(tx: &mut Tx, mut line: Line) -> Result<(), Fault> {
    line.counter = u64::try_from(store::pops::next_counter(tx, line.pop).await?).unwrap_or(0);
    line.queued_ms = tx.now_ms();
    store::lines::update(tx, &line).await?;
    announce(tx, &line);
    Ok(())
}

/// The access to store; an unchanged password keeps its sealed bytes, so that it counts as no change.
fn access(keyring: &Keyring, line: &Line, input: AccessInput) -> Result<StoredAccess, Fault> {
    let (username, password) = match input {
        AccessInput::Static { address, interface } => return Ok(StoredAccess::Static { address, interface }),
        AccessInput::Pppoe { username, password } => (username, password),
    };
    let password_sealed = match (&line.access, password) {
        (StoredAccess::Pppoe { password_sealed, .. }, None) => password_sealed.clone(),
        (StoredAccess::Pppoe { password_sealed, .. }, Some(password))
            if open(keyring, line.id, password_sealed)? == password.as_bytes() =>
        {
            password_sealed.clone()
        }
        (_, Some(password)) => seal(keyring, line.id, &password)?,
        (_, None) => return Err(Fault::field("password", "a PPPoE line needs a password")),
    };
    Ok(StoredAccess::Pppoe { username, password_sealed })
}

/// Brings the password of a line that moves along, when the caller does not give one.
fn with_password(keyring: &Keyring, line: &Line, mut input: DesiredInput) -> Result<DesiredInput, Fault> {
    if let (AccessInput::Pppoe { password: password @ None, .. }, StoredAccess::Pppoe { password_sealed, .. }) =
        (&mut input.access, &line.access)
    {
        let bytes = open(keyring, line.id, password_sealed)?;
        *password = Some(String::from_utf8(bytes).map_err(Fault::internal)?);
    }
    Ok(input)
}

fn seal(keyring: &Keyring, line: LineId, password: &str) -> Result<Vec<u8>, Fault> {
    Ok(keyring.seal("lines", &line.to_string(), "password_sealed", password.as_bytes())?)
}

/// The password of a line.
pub(super) fn open(keyring: &Keyring, line: LineId, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(keyring.open("lines", &line.to_string(), "password_sealed", sealed)?)
}

fn announce(tx: &mut Tx, line: &Line) {
    tx.nudge(Nudge::Pop(line.pop));
    tx.nudge(Nudge::Changed { kind: "line", id: line.id.to_string(), branch: line.branch });
}
