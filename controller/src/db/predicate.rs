//! The predicates by which a statement sees only the rows of its caller's scope; `$1` is [`Tx::branches`]
//! (or [`Tx::catalogue`] for what is sold).
//!
//! On PostgreSQL row-level security asks the same once more (`migrations/0008_scope.postgres.sql`).
//!
//! [`Tx::branches`]: super::Tx::branches
//! [`Tx::catalogue`]: super::Tx::catalogue

/// Rows that belong to a branch: `of_branch!("r.branch_id")`. Narrow scopes see none of them.
macro_rules! of_branch {
    ($branch:literal) => {
        concat!("($1 = '*' OR $1 LIKE '%,' || ", $branch, " || ',%')")
    };
}

/// Rows that belong to a customer: `of_customer!("p.branch_id", "p.customer_id")`. Those of the branch, and those whose
/// customer the viewer of a narrow scope may see.
/// Where `$1` is taken, the parameter is named first: `of_customer!("$2": "c.branch_id", "c.id")`.
macro_rules! of_customer {
    ($branch:literal, $customer:literal) => {
        crate::db::of_customer!("$1": $branch, $customer)
    };
    ($viewer:literal: $branch:literal, $customer:literal) => {
        concat!(
            "(",
            $viewer,
            " = '*' OR ",
            $viewer,
            " LIKE '%,' || ",
            $branch,
            " || ',%' OR ",
            $customer,
            " IN (SELECT cv.customer_id FROM customer_viewers cv WHERE cv.viewer = ",
            $viewer,
            "))"
        )
    };
}

/// Rows that belong to a subscription: `of_subscription!("h.branch_id", "h.subscription_id")`.
macro_rules! of_subscription {
    ($branch:literal, $subscription:literal) => {
        concat!(
            "($1 = '*' OR $1 LIKE '%,' || ",
            $branch,
            " || ',%' OR ",
            $subscription,
            " IN (SELECT sv.id FROM subscriptions sv JOIN customer_viewers cv \
             ON cv.customer_id = sv.customer_id AND cv.viewer = $1))"
        )
    };
}

/// Rows that belong to a line: `of_line!("d.branch_id", "d.line_id")`.
macro_rules! of_line {
    ($branch:literal, $line:literal) => {
        concat!(
            "($1 = '*' OR $1 LIKE '%,' || ",
            $branch,
            " || ',%' OR ",
            $line,
            " IN (SELECT sv.line_id FROM subscriptions sv JOIN customer_viewers cv \
             ON cv.customer_id = sv.customer_id AND cv.viewer = $1))"
        )
    };
}

pub(crate) use {of_branch, of_customer, of_line, of_subscription};
