//! SQL of agents and of the tokens by which they join.

use lastmile_protocol::ids::{AgentId, BranchId, JoinTokenId, PopId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::parse;
use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] =
    &[BY_KEY, GET, LIST, INSERT, COUNT, TOUCH, REVOKE, REVOKED, TOKEN_INSERT, TOKEN_USE, TOKEN_LOOK, TOKEN_GET];

const BY_KEY: &str = "SELECT a.id, a.pop_id, a.branch_id, a.name, a.version, a.joined_at_ms, a.last_contact_at_ms, \
     a.revoked_at_ms, p.name AS pop_name, b.time_zone FROM agents a JOIN pops p ON p.id = a.pop_id \
     JOIN branches b ON b.id = a.branch_id WHERE a.key_hash = $1";

const GET: &str = "SELECT a.id, a.pop_id, a.branch_id, a.name, a.version, a.joined_at_ms, a.last_contact_at_ms, \
     a.revoked_at_ms, p.name AS pop_name, b.time_zone FROM agents a JOIN pops p ON p.id = a.pop_id \
     JOIN branches b ON b.id = a.branch_id \
     WHERE a.id = $2 AND ($1 = '*' OR $1 LIKE '%,' || a.branch_id || ',%')";

const LIST: &str = "SELECT a.id, a.pop_id, a.branch_id, a.name, a.version, a.joined_at_ms, a.last_contact_at_ms, \
     a.revoked_at_ms, p.name AS pop_name, b.time_zone FROM agents a JOIN pops p ON p.id = a.pop_id \
     JOIN branches b ON b.id = a.branch_id \
     WHERE ($1 = '*' OR $1 LIKE '%,' || a.branch_id || ',%') AND a.id > $2 ORDER BY a.id LIMIT $3";

const INSERT: &str = "INSERT INTO agents (id, pop_id, branch_id, name, key_hash, version, joined_at_ms, \
     last_contact_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";

const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS agents FROM agents WHERE pop_id = $1";

const TOUCH: &str = "UPDATE agents SET last_contact_at_ms = $2, version = $3 WHERE id = $1";

const REVOKE: &str = "UPDATE agents SET revoked_at_ms = $3, revoked_by = $4 \
     WHERE id = $2 AND revoked_at_ms IS NULL AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%')";

const REVOKED: &str = "SELECT id FROM agents WHERE revoked_at_ms >= $1";

const TOKEN_INSERT: &str = "INSERT INTO join_tokens (id, pop_id, branch_id, secret_hash, created_at_ms, expires_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6)";

const TOKEN_USE: &str = "UPDATE join_tokens SET used_at_ms = $2, agent_id = $3 \
     WHERE secret_hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2 RETURNING pop_id, branch_id";

const TOKEN_LOOK: &str = "SELECT used_at_ms FROM join_tokens WHERE secret_hash = $1";

const TOKEN_GET: &str = "SELECT t.expires_at_ms, t.used_at_ms, t.agent_id FROM join_tokens t \
     WHERE t.id = $2 AND ($1 = '*' OR $1 LIKE '%,' || t.branch_id || ',%')";

/// An agent as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Id.
    pub id: AgentId,
    /// The POP that its key opens.
    pub pop: PopId,
    /// Name of the POP.
    pub pop_name: String,
    /// Whose it is.
    pub branch: BranchId,
    /// Time zone of the branch.
    pub time_zone: String,
    /// Name, for people.
    pub name: String,
    /// Program version it said last.
    pub version: String,
    /// When it joined, milliseconds since 1970 UTC.
    pub joined_ms: i64,
    /// When it was last heard of.
    pub last_contact_ms: Option<i64>,
    /// When its key was revoked.
    pub revoked_ms: Option<i64>,
}

fn agent(row: &AnyRow) -> Result<Agent, Fault> {
    Ok(Agent {
        id: parse(row.try_get("id")?, "an agent id")?,
        pop: parse(row.try_get("pop_id")?, "a POP id")?,
        pop_name: row.try_get("pop_name")?,
        branch: parse(row.try_get("branch_id")?, "a branch id")?,
        time_zone: row.try_get("time_zone")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        joined_ms: row.try_get("joined_at_ms")?,
        last_contact_ms: row.try_get("last_contact_at_ms")?,
        revoked_ms: row.try_get("revoked_at_ms")?,
    })
}

/// The agent of this key, revoked or not. The one lookup without a caller's scope: the key is the caller.
pub(in super::super) async fn by_key(tx: &mut Tx, key_hash: &str) -> Result<Option<Agent>, Fault> {
    let row = sqlx::query(BY_KEY).bind(key_hash).fetch_optional(tx.conn()).await?;
    row.as_ref().map(agent).transpose()
}

pub(in super::super) async fn get(tx: &mut Tx, id: AgentId) -> Result<Option<Agent>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(GET).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(agent).transpose()
}

pub(in super::super) async fn list(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Agent>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST).bind(branches).bind(after).bind(limit).fetch_all(tx.conn()).await?;
    rows.iter().map(agent).collect()
}

/// A new agent's row.
pub(in super::super) struct NewAgent<'a> {
    pub id: AgentId,
    pub pop: PopId,
    pub branch: BranchId,
    pub name: &'a str,
    pub key_hash: &'a str,
    pub version: &'a str,
}

pub(in super::super) async fn insert(tx: &mut Tx, new: NewAgent<'_>) -> Result<(), sqlx::Error> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.pop.to_string())
        .bind(new.branch.to_string())
        .bind(new.name)
        .bind(new.key_hash)
        .bind(new.version)
        .bind(now)
        .execute(tx.conn())
        .await
        .map(|_| ())
}

/// Agents that a POP has had.
pub(in super::super) async fn count(tx: &mut Tx, pop: PopId) -> Result<i64, sqlx::Error> {
    sqlx::query(COUNT).bind(pop.to_string()).fetch_one(tx.conn()).await?.try_get("agents")
}

pub(in super::super) async fn touch(tx: &mut Tx, id: AgentId, at_ms: i64, version: &str) -> Result<(), sqlx::Error> {
    sqlx::query(TOUCH).bind(id.to_string()).bind(at_ms).bind(version).execute(tx.conn()).await.map(|_| ())
}

/// Revokes a key; false when there is none in scope that is not revoked yet.
pub(in super::super) async fn revoke(tx: &mut Tx, id: AgentId, by: &str) -> Result<bool, sqlx::Error> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(REVOKE).bind(branches).bind(id.to_string()).bind(now).bind(by).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Agents whose keys were revoked since a moment.
pub(in super::super) async fn revoked_since(tx: &mut Tx, since_ms: i64) -> Result<Vec<AgentId>, Fault> {
    let rows = sqlx::query(REVOKED).bind(since_ms).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| parse(row.try_get("id")?, "an agent id")).collect()
}

/// A new join token's row.
pub(in super::super) struct NewToken<'a> {
    pub id: JoinTokenId,
    pub pop: PopId,
    pub branch: BranchId,
    pub secret_hash: &'a str,
    pub expires_ms: i64,
}

pub(in super::super) async fn insert_token(tx: &mut Tx, new: NewToken<'_>) -> Result<(), sqlx::Error> {
    let now = tx.now_ms();
    sqlx::query(TOKEN_INSERT)
        .bind(new.id.to_string())
        .bind(new.pop.to_string())
        .bind(new.branch.to_string())
        .bind(new.secret_hash)
        .bind(now)
        .bind(new.expires_ms)
        .execute(tx.conn())
        .await
        .map(|_| ())
}

/// Uses a token up, if it is there, unused and young enough: the POP and branch that it opens.
pub(in super::super) async fn use_token(
    tx: &mut Tx,
    secret_hash: &str,
    agent: AgentId,
) -> Result<Option<(PopId, BranchId)>, Fault> {
    let now = tx.now_ms();
    let row =
        sqlx::query(TOKEN_USE).bind(secret_hash).bind(now).bind(agent.to_string()).fetch_optional(tx.conn()).await?;
    row.map(|row| Ok((parse(row.try_get("pop_id")?, "a POP id")?, parse(row.try_get("branch_id")?, "a branch id")?)))
        .transpose()
}

/// Whether a token exists, and whether it was used.
pub(in super::super) async fn token_used(tx: &mut Tx, secret_hash: &str) -> Result<Option<bool>, sqlx::Error> {
    let row = sqlx::query(TOKEN_LOOK).bind(secret_hash).fetch_optional(tx.conn()).await?;
    row.map(|row| row.try_get::<Option<i64>, _>("used_at_ms").map(|used| used.is_some())).transpose()
}

/// When a token ends, and the agent that used it.
pub(in super::super) async fn token(tx: &mut Tx, id: JoinTokenId) -> Result<Option<(i64, Option<AgentId>)>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(TOKEN_GET).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.map(|row| {
        let agent: Option<String> = row.try_get("agent_id")?;
        let agent = agent.map(|text| parse(&text, "an agent id")).transpose()?;
        Ok((row.try_get("expires_at_ms")?, agent))
    })
    .transpose()
}
