//! What may be known of a desired line by who changes it: router, POP, access without its password; and the password
//! itself, for the one route that shows it.

use lastmile_protocol::ids::{LineId, PopId, RouterId};

use super::desired::{self, AccessInput};
use super::store;
use super::store::lines::StoredAccess;
use crate::db::Tx;
use crate::kernel::Fault;
use crate::secrets::{Keyring, Secret};

/// A desired line, without its password.
#[derive(Debug, Clone)]
pub struct LineInfo {
    /// Id.
    pub id: LineId,
    /// The POP.
    pub pop_id: PopId,
    /// The router that serves it; None once it is removed and the router is gone.
    pub router_id: Option<RouterId>,
    /// How the customer comes in; the password is left out.
    pub access: AccessInput,
    /// Open, or held.
    pub open: bool,
    /// It is a tombstone.
    pub removed: bool,
}

/// What may be known of a line, removed ones too.
///
/// # Errors
/// Unknown line.
pub async fn line(tx: &mut Tx, id: LineId) -> Result<LineInfo, Fault> {
    let line = store::lines::get(tx, id).await?.ok_or(Fault::NotFound { what: "line" })?;
    let access = match line.access {
        StoredAccess::Pppoe { username, .. } => AccessInput::Pppoe { username, password: None },
        StoredAccess::Static { address, interface } => AccessInput::Static { address, interface },
    };
    Ok(LineInfo { id, pop_id: line.pop, router_id: line.router, access, open: line.open, removed: line.removed })
}

/// The PPPoE password of a line; None for a static or removed one. Who shows it records that.
///
/// # Errors
/// Unknown line, or a password that does not open.
pub async fn line_password(tx: &mut Tx, keyring: &Keyring, id: LineId) -> Result<Option<Secret<String>>, Fault> {
    let line = store::lines::get(tx, id).await?.ok_or(Fault::NotFound { what: "line" })?;
    match line.access {
        StoredAccess::Pppoe { password_sealed, .. } if !line.removed => {
            let clear = desired::open(keyring, id, &password_sealed)?;
            Ok(Some(Secret::new(String::from_utf8(clear).map_err(Fault::internal)?)))
        }
        _ => Ok(None),
    }
}
