//! POPs and routers: what people write down of them.

use lastmile_protocol::downlink::RouterKind;
use lastmile_protocol::ids::{BranchId, PopId, RouterId};
use serde_json::json;

use super::rules::{self, RouterFields};
use super::store;
use super::store::pops::Pop;
use super::store::routers::Router;
use crate::db::error::on_violation;
use crate::db::{Nudge, Tx, Violation};
use crate::events::{self, Event};
use crate::kernel::{Actor, Fault};
use crate::secrets::Keyring;

/// Makes a POP.
///
/// # Errors
/// A wrong or taken name.
pub async fn add_pop(tx: &mut Tx, actor: &Actor, branch: BranchId, name: &str) -> Result<PopId, Fault> {
    if !tx.scope().covers(branch) {
        return Err(Fault::NotFound { what: "branch" });
    }
    let name = rules::name(name)?;
    let id = tx.new_id::<PopId>();
    store::pops::insert(tx, id, branch, &name).await.map_err(name_taken)?;
    let pop = Pop { id, branch, name, counter: 0, plan_version: 1 };
    record_pop(tx, actor, "pop.added", &pop).await?;
    Ok(id)
}

/// Gives a POP another name.
///
/// # Errors
/// Unknown POP, a wrong or taken name.
pub async fn rename_pop(tx: &mut Tx, actor: &Actor, id: PopId, name: &str) -> Result<(), Fault> {
    let mut pop = find_pop(tx, id).await?;
    pop.name = rules::name(name)?;
    store::pops::rename(tx, id, &pop.name).await.map_err(name_taken)?;
    record_pop(tx, actor, "pop.changed", &pop).await
}

/// Removes a POP that has nothing.
///
/// # Errors
/// Unknown POP, or it has routers, agents or lines.
pub async fn delete_pop(tx: &mut Tx, actor: &Actor, id: PopId) -> Result<(), Fault> {
    let pop = find_pop(tx, id).await?;
    store::pops::delete(tx, id).await.map_err(on_violation(Violation::ForeignKey, || {
        Fault::conflict("pop_in_use", "this POP has routers, agents or lines")
    }))?;
    record_pop(tx, actor, "pop.deleted", &pop).await
}

/// Routers of a branch, by id.
///
/// # Errors
/// When the database fails.
pub async fn routers_of(tx: &mut Tx, branch: BranchId) -> Result<Vec<Router>, Fault> {
    const PAGE: usize = 500;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = store::routers::list(tx, None, &after, 500).await?;
        let (full, last) = (page.len() == PAGE, page.last().map(|router| router.id.to_string()));
        found.extend(page.into_iter().filter(|router| router.branch == branch));
        match last {
            Some(last) if full => after = last,
            _ => return Ok(found),
        }
    }
}

/// A POP in scope.
///
/// # Errors
/// Unknown POP.
pub async fn find_pop(tx: &mut Tx, id: PopId) -> Result<Pop, Fault> {
    store::pops::get(tx, id).await?.ok_or(Fault::NotFound { what: "pop" })
}

/// The POP of this name.
///
/// # Errors
/// None, or more than one in the scope.
pub async fn pop_named(tx: &mut Tx, name: &str) -> Result<Pop, Fault> {
    let mut found = store::pops::by_name(tx, name).await?;
    match (found.pop(), found.is_empty()) {
        (Some(pop), true) => Ok(pop),
        (None, _) => Err(Fault::NotFound { what: "pop" }),
        (Some(_), false) => Err(Fault::conflict("ambiguous", format!("two branches have a POP named {name}"))),
    }
}

fn name_taken(error: sqlx::Error) -> Fault {
    on_violation(Violation::Unique, || Fault::taken("name_taken", "name", "this branch has a POP of this name"))(error)
}

async fn record_pop(tx: &mut Tx, actor: &Actor, kind: &'static str, pop: &Pop) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "pop",
        subject_id: pop.id.to_string(),
        branch_id: pop.branch,
        customer_id: None,
        data: json!({ "name": pop.name }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await?;
    tx.nudge(Nudge::Network { pop: pop.id, branch: pop.branch });
    tx.nudge(Nudge::Pop(pop.id));
    Ok(())
}

/// What a person writes down of a router.
#[derive(Clone)]
pub struct RouterInput {
    /// Name, unique in the POP.
    pub name: String,
    /// What it is.
    pub kind: RouterKind,
    /// Host or address; empty for the Linux host of the agent.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Log-in name.
    pub username: String,
    /// Log-in password; None keeps the one that it has.
    pub password: Option<String>,
    /// The most that a line can carry, bit/s.
    pub line_rate_bps: u64,
    /// Whether the agent may write on it.
    pub enforce: bool,
    /// Seconds between polls.
    pub poll_seconds: u16,
}

impl RouterInput {
    fn check(&self) -> Result<(), Fault> {
        rules::router(&RouterFields {
            name: &self.name,
            kind: self.kind,
            host: &self.host,
            port: i64::from(self.port),
            username: &self.username,
            password: self.password.as_deref(),
            line_rate_bps: i64::try_from(self.line_rate_bps).unwrap_or(i64::MAX),
            poll_seconds: i64::from(self.poll_seconds),
        })
    }

    fn fill(self, mut router: Router, keyring: &Keyring) -> Result<Router, Fault> {
        if let Some(password) = &self.password {
            router.password_sealed = seal(keyring, router.id, password)?;
        }
        router.name = self.name.trim().to_owned();
        router.kind = self.kind;
        router.host = self.host;
        router.port = self.port;
        router.username = self.username;
        router.line_rate_bps = self.line_rate_bps;
        router.enforce = self.enforce;
        router.poll_seconds = self.poll_seconds;
        Ok(router)
    }
}

/// Adds a router to a POP.
///
/// # Errors
/// Unknown POP, wrong fields, a taken name.
pub async fn add_router(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    pop: PopId,
    input: RouterInput,
) -> Result<Router, Fault> {
    let pop = find_pop(tx, pop).await?;
    input.check()?;
    let id = tx.new_id::<RouterId>();
    let blank = Router {
        id,
        pop: pop.id,
        branch: pop.branch,
        name: String::new(),
        kind: input.kind,
        host: String::new(),
        port: 0,
        username: String::new(),
        password_sealed: seal(keyring, id, "")?,
        line_rate_bps: 0,
        enforce: false,
        poll_seconds: 0,
    };
    let router = input.fill(blank, keyring)?;
    store::routers::insert(tx, &router).await?;
    changed(tx, actor, "router.added", &router).await?;
    Ok(router)
}

/// Changes a router.
///
/// # Errors
/// Unknown router, wrong fields, a taken name, another kind while it serves lines.
pub async fn change_router(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    id: RouterId,
    input: RouterInput,
) -> Result<Router, Fault> {
    let router = find_router(tx, id).await?;
    input.check()?;
    if input.kind != router.kind && store::routers::lines(tx, id).await? > 0 {
        return Err(Fault::conflict("router_in_use", "lines of this router would not fit another kind of router"));
    }
    let router = input.fill(router, keyring)?;
    store::routers::update(tx, &router).await?;
    changed(tx, actor, "router.changed", &router).await?;
    Ok(router)
}

/// Removes a router that serves no line.
///
/// # Errors
/// Unknown router, or lines are served by it.
pub async fn delete_router(tx: &mut Tx, actor: &Actor, id: RouterId) -> Result<(), Fault> {
    let router = find_router(tx, id).await?;
    let lines = store::routers::lines(tx, id).await?;
    let in_use = |detail: String| Fault::conflict("router_in_use", detail);
    if lines > 0 {
        return Err(in_use(format!("{lines} line(s) are served by this router: move or end them first")));
    }
    store::routers::delete(tx, id)
        .await
        .map_err(on_violation(Violation::ForeignKey, || in_use("this router is in use".to_owned())))?;
    changed(tx, actor, "router.deleted", &router).await
}

/// A router in scope.
///
/// # Errors
/// Unknown router.
pub async fn find_router(tx: &mut Tx, id: RouterId) -> Result<Router, Fault> {
    store::routers::get(tx, id).await?.ok_or(Fault::NotFound { what: "router" })
}

async fn changed(tx: &mut Tx, actor: &Actor, kind: &'static str, router: &Router) -> Result<(), Fault> {
    store::pops::next_plan(tx, router.pop).await?;
    let event = Event {
        kind,
        subject_kind: "router",
        subject_id: router.id.to_string(),
        branch_id: router.branch,
        customer_id: None,
        data: json!({
            "name": router.name, "kind": store::routers::kind_word(router.kind), "host": router.host,
            "port": router.port, "username": router.username, "enforce": router.enforce,
        }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await?;
    tx.nudge(Nudge::Network { pop: router.pop, branch: router.branch });
    tx.nudge(Nudge::Pop(router.pop));
    Ok(())
}

fn seal(keyring: &Keyring, id: RouterId, password: &str) -> Result<Vec<u8>, Fault> {
    Ok(keyring.seal("routers", &id.to_string(), "password_sealed", password.as_bytes())?)
}

/// The log-in password of a router.
pub(super) fn open(keyring: &Keyring, id: RouterId, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok(keyring.open("routers", &id.to_string(), "password_sealed", sealed)?)
}
