//! Customers that are assigned to a person, as far as they go with the person.
//!
//! They are assigned by `customers`; here they change hands when somebody leaves.

use lastmile_protocol::ids::StaffId;

use crate::db::{Tx, of_branch};
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INHERIT, FORGET];

const INHERIT: &str = concat!(
    "INSERT INTO customer_viewers (viewer, customer_id, branch_id) \
     SELECT $3, v.customer_id, v.branch_id FROM customer_viewers v WHERE ",
    of_branch!("v.branch_id"),
    " AND v.viewer = $2 AND NOT EXISTS (SELECT 1 FROM customer_viewers w WHERE w.viewer = $3 \
         AND w.customer_id = v.customer_id)"
);

const FORGET: &str =
    concat!("DELETE FROM customer_viewers WHERE ", of_branch!("customer_viewers.branch_id"), " AND viewer = $2");

/// Gives the customers that are assigned to one person to another, or to nobody. Says how many there were.
///
/// # Errors
/// When the database fails.
pub async fn hand_over(tx: &mut Tx, from: StaffId, to: Option<StaffId>) -> Result<u64, Fault> {
    if to == Some(from) {
        return Ok(0);
    }
    let (branches, old) = (tx.branches().to_owned(), format!("assigned:{from}"));
    if let Some(heir) = to {
        let new = format!("assigned:{heir}");
        sqlx::query(INHERIT).bind(branches.clone()).bind(old.clone()).bind(new).execute(tx.conn()).await?;
    }
    let done = sqlx::query(FORGET).bind(branches).bind(old).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}
