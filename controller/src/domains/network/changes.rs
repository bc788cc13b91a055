//! Reading what an agent needs: desired lines that changed since its generation, and the poll plan.

use lastmile_protocol::downlink::{Access, DesiredLine, Generation, PollPlan, Profile, RouterPlan, digest};
use lastmile_protocol::ids::{LineId, LineNo, PopId};

use super::store;
use super::store::lines::{Line, StoredAccess};
use super::store::routers::Router;
use crate::db::Tx;
use crate::kernel::Fault;
use crate::secrets::Keyring;

/// The most routers of one POP.
const ROUTERS_MAX: i64 = 1_000;
/// Seconds between polls, when a POP has no router that says otherwise.
const POLL_SECONDS: u16 = 60;

/// Desired lines that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The generation from which this is the difference; counter 0 = everything.
    pub since: Generation,
    /// The generation afterwards.
    pub until: Generation,
    /// Changed or new lines, by number.
    pub lines: Vec<DesiredLine>,
    /// Removed lines.
    pub tombstones: Vec<(LineNo, LineId)>,
    /// Lines of the whole desired state.
    pub count: u32,
    /// Digest of the whole desired state.
    pub digest: [u8; 32],
    /// Held lines among `lines` whose hold a person approved.
    pub approved_holds: u32,
}

/// What changed at a POP since a generation. Everything, when that generation is of another life of the database or
/// lies ahead of it.
///
/// # Errors
/// Unknown POP, a password that does not open, or the database fails.
pub async fn changes_since(tx: &mut Tx, keyring: &Keyring, pop: PopId, since: Generation) -> Result<Changes, Fault> {
    let row = store::pops::get(tx, pop).await?.ok_or(Fault::NotFound { what: "pop" })?;
    let incarnation = store::pops::incarnation(tx).await?;
    let until = Generation { incarnation, counter: row.counter };
    let known = since.incarnation == incarnation && since.counter <= row.counter;
    let since = Generation { incarnation, counter: if known { since.counter } else { 0 } };
    let numbers = store::lines::numbers(tx, pop).await?;
    let mut changes = Changes {
        since,
        until,
        lines: Vec::new(),
        tombstones: Vec::new(),
        count: u32::try_from(numbers.len()).unwrap_or(u32::MAX),
        digest: digest(numbers),
        approved_holds: 0,
    };
    if since == until && since.counter > 0 {
        return Ok(changes);
    }
    for line in store::lines::changed(tx, pop, since.counter).await? {
        if line.removed {
            changes.tombstones.push((line.no, line.id));
            continue;
        }
        changes.approved_holds += u32::from(line.approved_hold && !line.open);
        changes.lines.push(desired(keyring, line)?);
    }
    Ok(changes)
}

fn desired(keyring: &Keyring, line: Line) -> Result<DesiredLine, Fault> {
    let broken = || Fault::internal(format!("line {} is not removed and has no router", line.id));
    let access = match line.access {
        StoredAccess::Pppoe { username, password_sealed } => Access::Pppoe {
            username: username.into_bytes(),
            password: super::desired::open(keyring, line.id, &password_sealed)?,
        },
        StoredAccess::Static { address, interface } => Access::Static { address, interface },
    };
    Ok(DesiredLine {
        no: line.no,
        id: line.id,
        counter: line.counter,
        router: line.router.ok_or_else(broken)?,
        access,
        profile: Profile { name: line.profile, down_bps: line.down_bps, up_bps: line.up_bps },
        open: line.open,
    })
}

/// The poll plan of a POP, unless its version is `have`.
///
/// # Errors
/// Unknown POP, a password that does not open, or the database fails.
pub async fn poll_plan(
    tx: &mut Tx,
    keyring: &Keyring,
    pop: PopId,
    have: u64,
    interval_seconds: u16,
) -> Result<Option<PollPlan>, Fault> {
    let row = store::pops::get(tx, pop).await?.ok_or(Fault::NotFound { what: "pop" })?;
    if row.plan_version == have {
        return Ok(None);
    }
    let routers = store::routers::list(tx, Some(pop), "", ROUTERS_MAX).await?;
    Ok(Some(PollPlan {
        version: row.plan_version,
        poll_seconds: routers.iter().map(|r| r.poll_seconds).min().unwrap_or(POLL_SECONDS),
        interval_seconds,
        routers: routers.into_iter().map(|router| planned(keyring, router)).collect::<Result<_, _>>()?,
    }))
}

fn planned(keyring: &Keyring, router: Router) -> Result<RouterPlan, Fault> {
    Ok(RouterPlan {
        password: super::routers::open(keyring, router.id, &router.password_sealed)?,
        router: router.id,
        name: router.name,
        kind: router.kind,
        host: router.host,
        port: router.port,
        username: router.username.into_bytes(),
        line_rate_bps: router.line_rate_bps,
        enforce: router.enforce,
    })
}

/// Ids of a POP's lines by number. Numbers are given upwards and never again, so the table only grows.
#[derive(Debug, Clone, Default)]
pub struct LineNames {
    ids: Vec<Option<LineId>>,
}

impl LineNames {
    /// The line of this number, if the POP has ever had one.
    #[must_use]
    pub fn get(&self, no: LineNo) -> Option<LineId> {
        self.ids.get(usize::try_from(no.0).ok()?).copied().flatten()
    }

    /// The first number that is not known yet.
    #[must_use]
    pub fn end(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }

    /// Reads lines that were added since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh(&mut self, tx: &mut Tx, pop: PopId) -> Result<(), Fault> {
        for (no, id) in store::lines::names(tx, pop, self.end()).await? {
            let at = usize::try_from(no.0).unwrap_or(usize::MAX);
            self.ids.resize(at.max(self.ids.len()), None);
            self.ids.push(Some(id));
        }
        Ok(())
    }
}
