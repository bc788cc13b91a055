//! Two roles on PostgreSQL: one owns the tables and migrates, the other is the application's and owns nothing.
//!
//! Row-level security does not hold an owner back who takes it off, nor a superuser at all. So the application's role is
//! refused unless it is neither, and gets after every migration exactly what it needs.

use sqlx::{AnyConnection, Executor as _, Row as _};

use super::{DbError, connect};

/// What the application may do. `append-only` is said by the table's comment, written by its migration.
const GRANTS: &str = "DO $grants$ \
     DECLARE target record; \
     BEGIN \
       FOR target IN SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS said FROM pg_class c \
         WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p') LOOP \
         EXECUTE format('REVOKE ALL ON %I FROM %I', target.name, current_setting('lastmile.grantee')); \
         IF target.said IS NOT DISTINCT FROM 'append-only' THEN \
           EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', target.name, current_setting('lastmile.grantee')); \
         ELSE \
           EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', target.name, \
             current_setting('lastmile.grantee')); \
         END IF; \
       END LOOP; \
     END $grants$";

const GRANTEE: &str = "SELECT set_config('lastmile.grantee', $1, true)";

const OWN_POWERS: &str = "SELECT CAST(current_user AS TEXT) AS name, CAST(r.rolsuper AS INT) AS super, \
       CAST(r.rolbypassrls AS INT) AS bypass, \
       (SELECT COUNT(*) FROM pg_tables t WHERE t.schemaname = current_schema() \
          AND pg_has_role(current_user, t.tableowner, 'MEMBER')) AS owned \
     FROM pg_roles r WHERE r.rolname = current_user";

/// Gives the role of this URL what the application needs, as the tables' owner.
pub(super) async fn grant(owner: &mut AnyConnection, url: &str) -> Result<(), DbError> {
    let name = connect::user(url).ok_or(DbError::NoRole)?;
    let own: String = sqlx::query_scalar("SELECT CAST(current_user AS TEXT)").fetch_one(&mut *owner).await?;
    if own == name {
        // An owner who lost UPDATE here could not even have references to these tables checked.
        return Ok(());
    }
    sqlx::query(GRANTEE).bind(name).execute(&mut *owner).await?;
    owner.execute(GRANTS).await?;
    Ok(())
}

/// Refuses a role that row-level security does not hold back.
pub(super) async fn refuse_mighty(connection: &mut AnyConnection) -> Result<(), DbError> {
    let row = sqlx::query(OWN_POWERS).fetch_one(connection).await?;
    let role: String = row.try_get("name")?;
    let why = if row.try_get::<i32, _>("super")? != 0 {
        "is a superuser"
    } else if row.try_get::<i32, _>("bypass")? != 0 {
        "bypasses row-level security"
    } else if row.try_get::<i64, _>("owned")? > 0 {
        "owns tables"
    } else {
        return Ok(());
    };
    Err(DbError::Mighty { role, why })
}
