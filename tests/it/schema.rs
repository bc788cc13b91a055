//! Row-level security of every table, asked with raw SQL as the application's role.
//!
//! Every table gets rows of two branches, of customers of two resellers, two technicians and nobody in particular, made
//! from the table's own columns: a new table is in the test from the day it is born. What a scope may see follows from
//! whose row it is, and from nothing that the policies say.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Controller, Database, Folder, Settings};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

/// Tables whose rows are nobody's: every scope reads them, because every transaction may need them.
const OF_NOBODY: &[(&str, &str)] = &[
    ("number_series", "numbers are drawn by whoever makes something; a series tells a count and nothing else"),
    ("jobs", "chores are queued in the transaction that needs them"),
    ("roles", "what a role may do is no secret"),
    ("incarnations", "the life of the database"),
    ("dunning_freezes", "the clock is everybody's"),
    ("clock_ticks", "the clock is everybody's"),
    ("notice_rules", "which messages are sent, needed by whoever causes one"),
    ("notice_texts", "texts of messages, needed by whoever causes one"),
    ("notice_channels", "ways out; their secrets are sealed"),
];

/// Tables that the machinery alone reads, in the scope of all.
const OF_MACHINERY: &[(&str, &str)] = &[
    ("idempotency", "answers that were given; found by the guard"),
    ("ledger_unsealed", "journals that wait for the sealer"),
    ("ledger_seals", "the chain of the ledger"),
    ("ledger_sealed", "the chain of the ledger"),
    ("event_unsealed", "events that wait for the sealer"),
    ("event_seals", "the chain of the events"),
    ("event_sealed", "the chain of the events"),
    ("backups", "copies of everything"),
    ("job_schedules", "when chores run"),
    ("notice_pace", "what the sender remembers"),
    ("schema_migrations", "which files were applied"),
];

/// What is sold: narrow scopes read that of their own branch.
const CATALOGUE: &[&str] = &["branches", "branch_holidays", "areas", "packages"];

/// Whose a row is. Every owner has one row in every table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    branch: &'static str,
    /// Empty for a row of the branch alone.
    customer: &'static str,
}

const OWNERS: [Owner; 6] = [
    Owner { branch: "B1", customer: "C1" },
    Owner { branch: "B1", customer: "C2" },
    Owner { branch: "B1", customer: "C3" },
    Owner { branch: "B2", customer: "C4" },
    Owner { branch: "B1", customer: "" },
    Owner { branch: "B2", customer: "" },
];

/// Who may see which customers beside their branch.
const VIEWERS: &[(&str, &str, &str)] = &[
    ("customer:C1", "C1", "B1"),
    ("customer:C2", "C2", "B1"),
    ("customer:C3", "C3", "B1"),
    ("customer:C4", "C4", "B2"),
    ("reseller:R1", "C1", "B1"),
    ("reseller:R2", "C2", "B1"),
    ("assigned:S1", "C2", "B1"),
    ("assigned:S2", "C3", "B1"),
];

/// The text of a scope, its catalogue, and what it means.
struct Scope {
    text: &'static str,
    catalogue: &'static str,
}

const SCOPES: &[Scope] = &[
    Scope { text: "*", catalogue: "*" },
    Scope { text: ",B1,", catalogue: ",B1," },
    Scope { text: ",B2,", catalogue: ",B2," },
    Scope { text: ",B1,B2,", catalogue: ",B1,B2," },
    Scope { text: ",", catalogue: "," },
    Scope { text: "reseller:R1", catalogue: ",B1," },
    Scope { text: "reseller:R2", catalogue: ",B1," },
    Scope { text: "assigned:S1", catalogue: ",B1," },
    Scope { text: "assigned:S2", catalogue: ",B1," },
    Scope { text: "customer:C4", catalogue: ",B2," },
    // Words that are nobody's, and one that would like to be all.
    Scope { text: "reseller:", catalogue: "" },
    Scope { text: "%", catalogue: "%" },
];

fn has(list: &str, branch: &str) -> bool {
    list == "*" || list.contains(&format!(",{branch},"))
}

#[tokio::test]
async fn every_scope_sees_just_its_rows_in_every_table() {
    if let Err(why) = look().await {
        panic!("{why:?}");
    }
}

async fn look() -> Result<()> {
    let folder = Folder::new()?;
    let settings = Settings { database: Database::Postgres, ..Settings::default() };
    let controller = Controller::prepare(&folder, &settings).await?;
    controller.command(&["migrate"], "")?.success()?;
    let url = controller.postgres_url().context("a database")?;
    let mut admin = PgConnection::connect(controller.superuser_url().context("a database")?).await?;
    let mut application = PgConnection::connect(url).await?;

    let tables = tables(&mut admin).await?;
    ensure!(tables.len() > 30, "there are {} tables only", tables.len());
    all_are_protected(&mut admin).await?;
    let rows = fill(&mut admin, &tables).await?;
    for scope in SCOPES {
        let mut tx = application.begin().await?;
        tell(&mut tx, scope).await?;
        for table in tables.keys() {
            let seen = visible(&mut tx, table).await?;
            let wanted = rows[table]
                .iter()
                .filter(|(_, owner)| may_see(scope, table, &tables[table], *owner))
                .map(|(place, _)| place.clone())
                .collect::<BTreeSet<_>>();
            ensure!(
                seen == wanted,
                "{table} in scope {:?}: sees {:?}, should see {:?}",
                scope.text,
                owners(&rows[table], &seen),
                owners(&rows[table], &wanted)
            );
        }
        tx.rollback().await?;
    }
    for table in tables.keys() {
        ensure!(visible(&mut application, table).await?.is_empty(), "{table} is seen without a scope");
    }
    nothing_foreign_is_touched(&mut application, &tables, &rows).await
}

/// The columns of every table: name to type.
type Columns = BTreeMap<String, String>;

async fn tables(admin: &mut PgConnection) -> Result<BTreeMap<String, Columns>> {
    let rows = admin
        .fetch_all(
            "SELECT c.table_name::text, c.column_name::text, c.data_type::text FROM information_schema.columns c \
             JOIN information_schema.tables t USING (table_schema, table_name) \
             WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'",
        )
        .await?;
    let mut tables: BTreeMap<String, Columns> = BTreeMap::new();
    for row in rows {
        tables.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?, row.try_get(2)?);
    }
    Ok(tables)
}

/// Switched on, forced on the owner too, and with a policy; the application's role owns nothing and bypasses nothing.
async fn all_are_protected(admin: &mut PgConnection) -> Result<()> {
    let rows = admin
        .fetch_all(
            "SELECT c.relname::text, c.relrowsecurity, c.relforcerowsecurity, \
               (SELECT COUNT(*) FROM pg_policy p WHERE p.polrelid = c.oid), \
               has_table_privilege(current_database() || '_app', c.oid, 'TRUNCATE'), \
               has_table_privilege(current_database() || '_app', c.oid, 'UPDATE') \
                 AND COALESCE(obj_description(c.oid, 'pg_class'), '') = 'append-only', \
               pg_get_userbyid(c.relowner)::text = current_database() || '_app' \
             FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')",
        )
        .await?;
    for row in rows {
        let table: String = row.try_get(0)?;
        let (on, forced, policies): (bool, bool, i64) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        ensure!(
            on && forced && policies > 0,
            "{table} has no row-level security: a line with lm_protect in its .postgres.sql migration is needed"
        );
        let (truncates, rewrites, owns): (bool, bool, bool) = (row.try_get(4)?, row.try_get(5)?, row.try_get(6)?);
        ensure!(!truncates && !rewrites && !owns, "the application may do too much with {table}");
    }
    Ok(())
}

/// One row of every owner in every table, put there past foreign keys, triggers and checks: what they mean does not
/// matter here, whose they are does. Returns the place of each row.
async fn fill(
    admin: &mut PgConnection,
    tables: &BTreeMap<String, Columns>,
) -> Result<BTreeMap<String, Vec<(String, Owner)>>> {
    let checks = admin
        .fetch_all(
            "SELECT conrelid::regclass::text, conname::text FROM pg_constraint \
             WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
        )
        .await?;
    for row in checks {
        let (table, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        run(admin, format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).await?;
    }
    run(admin, "SET session_replication_role = replica".to_owned()).await?;
    let mut rows = BTreeMap::new();
    let mut count = 0;
    for (table, columns) in tables {
        run(admin, format!("DELETE FROM {table}")).await?;
        let mut places = Vec::new();
        if table == "customer_viewers" {
            for (viewer, customer, branch) in VIEWERS {
                let values = format!("('{viewer}', '{customer}', '{branch}')");
                let into = "customer_viewers (viewer, customer_id, branch_id)";
                // Whose such a row is, is said by its viewer.
                places.push((place(admin, into, &values).await?, Owner { branch, customer: viewer }));
            }
        } else {
            for owner in owners_of(table) {
                count += 1;
                let (names, values): (Vec<_>, Vec<_>) = columns
                    .iter()
                    .map(|(name, kind)| (format!("\"{name}\""), value(table, name, kind, *owner, count)))
                    .unzip();
                let into = format!("{table} ({})", names.join(", "));
                let place = place(admin, &into, &format!("({})", values.join(", "))).await;
                places.push((place.with_context(|| format!("a row for {table}"))?, *owner));
            }
        }
        rows.insert(table.clone(), places);
    }
    run(admin, "SET session_replication_role = origin".to_owned()).await?;
    Ok(rows)
}

/// Branches and customers are themselves owners: one row of each.
fn owners_of(table: &str) -> &'static [Owner] {
    match table {
        "customers" | "subscriptions" | "lines" => &OWNERS[..4],
        "branches" => &OWNERS[4..],
        _ => &OWNERS,
    }
}

async fn run(admin: &mut PgConnection, sql: String) -> Result<()> {
    admin.execute(sqlx::raw_sql(AssertSqlSafe(sql.clone()))).await.with_context(|| sql).map(|_| ())
}

async fn place(admin: &mut PgConnection, into: &str, values: &str) -> Result<String> {
    let sql = format!("INSERT INTO {into} VALUES {values} RETURNING ctid::text");
    sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_one(admin).await.with_context(|| sql)
}

/// What stands in a column of a row of this owner. Things of a customer are named after the customer, so that rows of
/// different tables belong together: line L-C1 serves subscription U-C1 of customer C1.
fn value(table: &str, column: &str, kind: &str, owner: Owner, count: u32) -> String {
    let of_customer = |prefix: &str| match owner.customer {
        "" => format!("'{prefix}-none-{}'", owner.branch),
        customer => format!("'{prefix}-{customer}'"),
    };
    match (table, column) {
        ("branches", "id") | (_, "branch_id") => format!("'{}'", owner.branch),
        ("customers", "id") | (_, "customer_id") | ("ledger_accounts", "owner_id") => match owner.customer {
            "" => "'nobody'".to_owned(),
            customer => format!("'{customer}'"),
        },
        ("subscriptions", "id") | (_, "subscription_id") => of_customer("U"),
        ("lines", "id") | (_, "line_id") => of_customer("L"),
        ("ledger_accounts", "id") | (_, "account_id") => of_customer("A"),
        ("ledger_journals", "id") | ("ledger_postings", "journal_id") => of_customer("J"),
        // One person for each owner, of the owner's branch: what is a person's is the branch's.
        ("staff", "id") | (_, "staff_id") => format!("'S-{}-{}'", owner.branch, owner.customer),
        ("resellers", "id") if owner.customer == "C1" => "'R1'".to_owned(),
        ("resellers", "id") if owner.customer == "C2" => "'R2'".to_owned(),
        _ => match kind {
            "bigint" | "integer" | "smallint" => count.to_string(),
            "bytea" => format!("'\\x{count:08x}'"),
            "boolean" => "true".to_owned(),
            _ => format!("'v{count}'"),
        },
    }
}

/// Whether a row of this owner belongs to the scope, by whose it is.
fn may_see(scope: &Scope, table: &str, columns: &Columns, owner: Owner) -> bool {
    if scope.text == "*" {
        return true;
    }
    let in_branch = has(scope.text, owner.branch);
    let views = VIEWERS.iter().any(|(viewer, customer, _)| *viewer == scope.text && *customer == owner.customer);
    if OF_NOBODY.iter().any(|(name, _)| *name == table) {
        return true;
    }
    if OF_MACHINERY.iter().any(|(name, _)| *name == table) {
        return false;
    }
    if table == "customer_viewers" {
        return in_branch || owner.customer == scope.text;
    }
    if CATALOGUE.contains(&table) {
        return has(scope.catalogue, owner.branch);
    }
    let is_customers = ["customers", "lines", "ledger_accounts", "ledger_journals", "ledger_postings"].contains(&table)
        || ["customer_id", "subscription_id", "line_id"].iter().any(|column| columns.contains_key(*column));
    if table == "resellers" && scope.text.starts_with("reseller:") {
        return views;
    }
    // A list of the brake belongs to the branch, whoever stands on it.
    in_branch || (is_customers && views && table != "dunning_brake_lines")
}

async fn tell(connection: &mut PgConnection, scope: &Scope) -> Result<()> {
    sqlx::query("SELECT set_config('lastmile.scope', $1, true), set_config('lastmile.catalogue', $2, true)")
        .bind(scope.text)
        .bind(scope.catalogue)
        .execute(connection)
        .await?;
    Ok(())
}

async fn visible(connection: &mut PgConnection, table: &str) -> Result<BTreeSet<String>> {
    let sql = format!("SELECT ctid::text FROM {table}");
    let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

fn owners(rows: &[(String, Owner)], places: &BTreeSet<String>) -> Vec<String> {
    let mine = rows.iter().filter(|(place, _)| places.contains(place));
    mine.map(|(_, owner)| format!("{}/{}", owner.branch, owner.customer)).collect()
}

/// In the scope of one branch no statement changes, removes or adds a row of the other.
async fn nothing_foreign_is_touched(
    application: &mut PgConnection,
    tables: &BTreeMap<String, Columns>,
    rows: &BTreeMap<String, Vec<(String, Owner)>>,
) -> Result<()> {
    let scope = Scope { text: ",B1,", catalogue: ",B1," };
    for (table, columns) in tables.iter().filter(|(_, columns)| columns.contains_key("branch_id")) {
        let own = rows[table].iter().filter(|(_, owner)| owner.branch == "B1").count();
        let statements = [
            format!("UPDATE {table} SET branch_id = branch_id"),
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET branch_id = 'B2'"),
            insertion(table, columns),
        ];
        for (at, sql) in statements.into_iter().enumerate() {
            let mut tx = application.begin().await?;
            tell(&mut tx, &scope).await?;
            let done = tx.execute(sqlx::raw_sql(AssertSqlSafe(sql.clone()))).await;
            let code = done.as_ref().err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
            let touched = done.map_or(0, |done| done.rows_affected());
            let most = if at < 2 { own as u64 } else { 0 };
            // Refused as foreign, or by a trigger that came first; not by chance.
            let refused = matches!(code.as_deref(), Some("42501" | "P0001"));
            ensure!(at < 3 || refused, "{sql} in the scope of B1: {code:?}");
            ensure!(touched <= most, "{sql} in the scope of B1: {touched} rows, {own} are its own");
            tx.rollback().await?;
        }
    }
    Ok(())
}

fn insertion(table: &str, columns: &Columns) -> String {
    let owner = Owner { branch: "B2", customer: "C4" };
    let (names, values): (Vec<_>, Vec<_>) =
        columns.iter().map(|(name, kind)| (format!("\"{name}\""), value(table, name, kind, owner, 9_999))).unzip();
    format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
}
