//! SQL of second factors: sealed seeds, recovery codes, and who owes one to finish a sign-in.

use lastmile_protocol::ids::StaffId;
use sqlx::Row as _;

use crate::db::{Columns as _, Tx};
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    SEED_PUT,
    SEED_FIND,
    CONFIRM,
    USE_STEP,
    SEED_DELETE,
    CODES_DELETE,
    CODE_INSERT,
    CODE_USE,
    CODES_LEFT,
    CHALLENGE_INSERT,
    CHALLENGE_TRY,
    CHALLENGE_DELETE,
    CHALLENGES_END,
    CHALLENGE_PURGE,
];

const SEED_PUT: &str = "INSERT INTO staff_totp (staff_id, seed_sealed, created_at_ms, confirmed_at_ms, last_step) \
     VALUES ($1, $2, $3, NULL, 0) ON CONFLICT (staff_id) DO UPDATE SET seed_sealed = excluded.seed_sealed, \
     created_at_ms = excluded.created_at_ms, last_step = 0 WHERE staff_totp.confirmed_at_ms IS NULL";
const SEED_FIND: &str = "SELECT seed_sealed, confirmed_at_ms, last_step FROM staff_totp WHERE staff_id = $1";
const CONFIRM: &str = "UPDATE staff_totp SET confirmed_at_ms = $2, last_step = $3 \
     WHERE staff_id = $1 AND confirmed_at_ms IS NULL";
// Whoever comes second with the same code changes no row.
const USE_STEP: &str = "UPDATE staff_totp SET last_step = $2 \
     WHERE staff_id = $1 AND confirmed_at_ms IS NOT NULL AND last_step < $2";
const SEED_DELETE: &str = "DELETE FROM staff_totp WHERE staff_id = $1";
const CODES_DELETE: &str = "DELETE FROM staff_recovery_codes WHERE staff_id = $1";
const CODE_INSERT: &str = "INSERT INTO staff_recovery_codes (staff_id, code_hash, created_at_ms) VALUES ($1, $2, $3)";
const CODE_USE: &str = "UPDATE staff_recovery_codes SET used_at_ms = $3 \
     WHERE staff_id = $1 AND code_hash = $2 AND used_at_ms IS NULL";
const CODES_LEFT: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM staff_recovery_codes WHERE staff_id = $1 AND used_at_ms IS NULL";
const CHALLENGE_INSERT: &str = "INSERT INTO sign_in_challenges (secret_hash, staff_id, kind, tries, created_at_ms) \
     VALUES ($1, $2, $3, 0, $4)";
// Takes one of the tries and reads in one statement: two tries at once are two tries.
const CHALLENGE_TRY: &str = "UPDATE sign_in_challenges SET tries = tries + 1 \
     WHERE secret_hash = $1 AND tries < $2 AND created_at_ms > $3 RETURNING staff_id, kind";
const CHALLENGE_DELETE: &str = "DELETE FROM sign_in_challenges WHERE secret_hash = $1";
const CHALLENGES_END: &str = "DELETE FROM sign_in_challenges WHERE staff_id = $1";
const CHALLENGE_PURGE: &str = "DELETE FROM sign_in_challenges WHERE created_at_ms < $1";

/// A seed as it is stored.
pub(in super::super) struct SeedRow {
    pub(in super::super) sealed: Vec<u8>,
    pub(in super::super) confirmed_ms: Option<i64>,
    pub(in super::super) last_step: i64,
}

/// Writes a seed that is to be proved; says no when one is confirmed already.
pub(in super::super) async fn put_seed(tx: &mut Tx, staff: StaffId, sealed: &[u8]) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(SEED_PUT).bind(staff.to_string()).bind(sealed).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(in super::super) async fn seed(tx: &mut Tx, staff: StaffId) -> Result<Option<SeedRow>, Fault> {
    let row = sqlx::query(SEED_FIND).bind(staff.to_string()).fetch_optional(tx.conn()).await?;
    row.map(|row| {
        Ok(SeedRow {
            sealed: row.try_get("seed_sealed")?,
            confirmed_ms: row.try_get("confirmed_at_ms")?,
            last_step: row.try_get("last_step")?,
        })
    })
    .transpose()
}

pub(in super::super) async fn confirm(tx: &mut Tx, staff: StaffId, step: i64) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(CONFIRM).bind(staff.to_string()).bind(now).bind(step).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the code of this step counts: it does once.
pub(in super::super) async fn use_step(tx: &mut Tx, staff: StaffId, step: i64) -> Result<bool, Fault> {
    let done = sqlx::query(USE_STEP).bind(staff.to_string()).bind(step).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the seed and the recovery codes; says whether there was a seed.
pub(in super::super) async fn remove(tx: &mut Tx, staff: StaffId) -> Result<bool, Fault> {
    sqlx::query(CODES_DELETE).bind(staff.to_string()).execute(tx.conn()).await?;
    Ok(sqlx::query(SEED_DELETE).bind(staff.to_string()).execute(tx.conn()).await?.rows_affected() == 1)
}

/// Replaces the recovery codes.
pub(in super::super) async fn put_codes(tx: &mut Tx, staff: StaffId, hashes: &[String]) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(CODES_DELETE).bind(staff.to_string()).execute(tx.conn()).await?;
    for hash in hashes {
        sqlx::query(CODE_INSERT).bind(staff.to_string()).bind(hash).bind(now).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Whether this recovery code counts: it does once.
pub(in super::super) async fn use_code(tx: &mut Tx, staff: StaffId, hash: &str) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(CODE_USE).bind(staff.to_string()).bind(hash).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(in super::super) async fn codes_left(tx: &mut Tx, staff: StaffId) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar(CODES_LEFT).bind(staff.to_string()).fetch_one(tx.conn()).await?)
}

pub(in super::super) async fn open_challenge(tx: &mut Tx, hash: &str, staff: StaffId, kind: &str) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(CHALLENGE_INSERT).bind(hash).bind(staff.to_string()).bind(kind).bind(now).execute(tx.conn()).await?;
    Ok(())
}

/// Takes a try: whose challenge it is and of which kind, while tries are left and it is not too old.
pub(in super::super) async fn try_challenge(
    tx: &mut Tx,
    hash: &str,
    tries_max: i64,
    created_after: i64,
) -> Result<Option<(StaffId, String)>, Fault> {
    let row =
        sqlx::query(CHALLENGE_TRY).bind(hash).bind(tries_max).bind(created_after).fetch_optional(tx.conn()).await?;
    row.map(|row| Ok((row.parsed("staff_id")?, row.try_get("kind")?))).transpose()
}

pub(in super::super) async fn close_challenge(tx: &mut Tx, hash: &str) -> Result<(), Fault> {
    sqlx::query(CHALLENGE_DELETE).bind(hash).execute(tx.conn()).await?;
    Ok(())
}

/// Ends every half-finished sign-in of a person.
pub(in super::super) async fn end_challenges(tx: &mut Tx, staff: StaffId) -> Result<(), Fault> {
    sqlx::query(CHALLENGES_END).bind(staff.to_string()).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn purge_challenges(tx: &mut Tx, created_before: i64) -> Result<u64, Fault> {
    Ok(sqlx::query(CHALLENGE_PURGE).bind(created_before).execute(tx.conn()).await?.rows_affected())
}
