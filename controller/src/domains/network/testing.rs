//! Ground for tests of everything that stands on the network: a branch with a POP and two routers.

use std::sync::Arc;

use lastmile_protocol::downlink::{Generation, Profile, RouterKind};
use lastmile_protocol::identity::KeyHash;
use lastmile_protocol::ids::{AgentId, BranchId, LineId, PopId, RouterId};
use lastmile_protocol::token::JoinToken;

use super::*;
use crate::db::testing::TestDb;
use crate::kernel::{Actor, SeededRng};
use crate::secrets::Keyring;

/// A branch with a POP, two routers and a keyring.
pub(crate) struct Ground {
    pub(crate) test: TestDb,
    pub(crate) keyring: Keyring,
    pub(crate) branch: BranchId,
    pub(crate) pop: PopId,
    pub(crate) router: RouterId,
    pub(crate) linux: RouterId,
}

pub(crate) fn keyring() -> Keyring {
    Keyring::from_text(&"07".repeat(32), "test", Arc::new(SeededRng::new(3))).unwrap()
}

pub(crate) async fn branch(test: &TestDb, name: &str) -> BranchId {
    let mut tx = test.begin().await;
    let id = tx.new_id::<BranchId>();
    sqlx::query(
        "INSERT INTO branches (id, name, time_zone, currency, created_at_ms) VALUES ($1, $2, 'Asia/Dhaka', 'BDT', 0)",
    )
    .bind(id.to_string())
    .bind(name)
    .execute(tx.conn())
    .await
    .unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) fn router_input(name: &str, kind: RouterKind) -> RouterInput {
    let linux = kind == RouterKind::Linux;
    RouterInput {
        name: name.to_owned(),
        kind,
        host: if linux { String::new() } else { "10.0.0.1".to_owned() },
        port: 8728,
        username: if linux { String::new() } else { "api".to_owned() },
        password: Some("s3cret".to_owned()),
        line_rate_bps: 1_000_000_000,
        enforce: true,
        poll_seconds: 60,
    }
}

impl Ground {
    pub(crate) async fn new(test: TestDb) -> Self {
        let branch = branch(&test, "Main").await;
        let keyring = keyring();
        let actor = Actor::system();
        let mut tx = test.begin().await;
        let pop = add_pop(&mut tx, &actor, branch, "North").await.unwrap();
        let router =
            add_router(&mut tx, &keyring, &actor, pop, router_input("core", RouterKind::RouterOs)).await.unwrap();
        let linux = add_router(&mut tx, &keyring, &actor, pop, router_input("box", RouterKind::Linux)).await.unwrap();
        tx.commit().await.unwrap();
        Self { test, keyring, branch, pop, router: router.id, linux: linux.id }
    }

    pub(crate) fn wanted(&self, username: &str) -> DesiredInput {
        DesiredInput {
            line: None,
            router: self.router,
            access: AccessInput::Pppoe { username: username.to_owned(), password: Some("pw".to_owned()) },
            profile: Profile { name: "10M".to_owned(), down_bps: 10_000_000, up_bps: 5_000_000 },
            open: true,
            approved_hold: false,
        }
    }

    pub(crate) async fn put(&self, input: DesiredInput) -> Result<LineId, Fault> {
        let mut tx = self.test.begin().await;
        let line = put_line(&mut tx, &self.keyring, input).await?;
        tx.commit().await.unwrap();
        Ok(line)
    }

    pub(crate) async fn changes(&self, counter: u64) -> Changes {
        let since = Generation { incarnation: 1, counter };
        let mut tx = self.test.read().await;
        changes_since(&mut tx, &self.keyring, self.pop, since).await.unwrap()
    }

    pub(crate) async fn agent(&self, key: u8) -> AgentId {
        let mut tx = self.test.begin().await;
        let token = token(&mut tx, self.pop).await;
        let agent = join(&mut tx, KeyHash([key; 32]), &token, "1", "").await.unwrap().unwrap();
        tx.commit().await.unwrap();
        agent.id
    }
}

/// A fresh token's secret, as a hello carries it.
pub(crate) async fn token(tx: &mut Tx, pop: PopId) -> String {
    let addresses = ["127.0.0.1:1".to_owned()];
    let invitation = invite(tx, KeyHash([9; 32]), &addresses, &Actor::system(), pop).await.unwrap();
    invitation.token.parse::<JoinToken>().unwrap().secret_text()
}
