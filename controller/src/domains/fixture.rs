//! A small ISP for tests: one branch in Dhaka, one POP with a router, packages, customers and their lines.

use std::sync::Arc;

use lastmile_protocol::downlink::RouterKind;
use lastmile_protocol::ids::{BranchId, CustomerId, PopId, RouterId, StaffId, SubscriptionId};

use super::branches::{self, Branch};
use super::customers::{self, Customer, NewCustomer};
use super::lines::{self, NewAccess, NewSubscription, Subscription};
use super::network::{self, RouterInput};
use super::packages::{self, NewPackage, Package, ValidityUnit};
use super::payments::{self, NewPayment, Taken};
use crate::config::Config;
use crate::db::testing::TestDb;
use crate::kernel::{Actor, ActorKind, At, Currency, Fault, Money, SeededRng};
use crate::secrets::Keyring;

/// The ISP.
#[derive(Clone)]
pub struct Isp {
    /// Database, clock and chance.
    pub test: TestDb,
    /// Keys.
    pub keyring: Arc<Keyring>,
    /// Settings: grace of 3 days.
    pub config: Arc<Config>,
    /// The office.
    pub branch: Branch,
    /// Its POP.
    pub pop: PopId,
    /// Its router.
    pub router: RouterId,
    /// Somebody who takes cash.
    pub cashier: Actor,
    /// 800.00 BDT for 30 days, no grace.
    pub package: Package,
}

/// Taka and poisha.
pub fn bdt(minor: i64) -> Money {
    Money::new(minor, Currency::BDT)
}

/// A person.
pub fn person(name: &str, n: u64) -> Actor {
    Actor { kind: ActorKind::Staff(StaffId::new(n, [7; 10])), name: name.to_owned(), from: "test".to_owned() }
}

/// Makes a branch by hand: offices are set up by the command line.
pub async fn add_branch(test: &TestDb, name: &str, zone: &str, currency: &str) -> BranchId {
    let mut tx = test.begin().await;
    let id = tx.new_id::<BranchId>();
    sqlx::query("INSERT INTO branches (id, name, time_zone, currency, created_at_ms) VALUES ($1, $2, $3, $4, 0)")
        .bind(id.to_string())
        .bind(name.to_owned())
        .bind(zone.to_owned())
        .bind(currency.to_owned())
        .execute(tx.conn())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

impl Isp {
    /// The ISP on a fresh database.
    pub async fn open(test: TestDb) -> Self {
        Self::open_in(test, "Asia/Dhaka").await
    }

    /// The ISP with its office in another time zone.
    pub async fn open_in(test: TestDb, zone: &str) -> Self {
        let keyring = Arc::new(Keyring::from_text(&"5".repeat(64), "test", Arc::new(SeededRng::new(9))).unwrap());
        let config = Arc::new(Config::parse("", std::iter::empty()).unwrap());
        let branch = add_branch(&test, "Head office", zone, "BDT").await;
        let cashier = person("Karim", 1);
        let mut tx = test.begin().await;
        let branch = branches::load(&mut tx, branch).await.unwrap();
        let pop = network::add_pop(&mut tx, &cashier, branch.id, "Savar").await.unwrap();
        let router = RouterInput {
            name: "north".to_owned(),
            kind: RouterKind::RouterOs,
            host: "10.0.0.1".to_owned(),
            port: 8728,
            username: "api".to_owned(),
            password: Some("secret".to_owned()),
            line_rate_bps: 1_000_000_000,
            enforce: true,
            poll_seconds: 60,
        };
        let router = network::add_router(&mut tx, &keyring, &cashier, pop, router).await.unwrap().id;
        let own = NewPackage { branch_id: Some(branch.id), ..monthly("Home 20") };
        let package = packages::create(&mut tx, &cashier, own).await.unwrap();
        tx.commit().await.unwrap();
        Self { test, keyring, config, branch, pop, router, cashier, package }
    }

    /// Another package.
    pub async fn package(&self, new: NewPackage) -> Package {
        let mut tx = self.test.begin().await;
        let package = packages::create(&mut tx, &self.cashier, new).await.unwrap();
        tx.commit().await.unwrap();
        package
    }

    /// A new customer.
    pub async fn customer(&self, name: &str) -> Customer {
        let mut tx = self.test.begin().await;
        let new = NewCustomer {
            name: name.to_owned(),
            phone: "01712345678".to_owned(),
            area_id: None,
            address: String::new(),
            notes: String::new(),
            branch_id: Some(self.branch.id),
        };
        let customer = customers::create(&mut tx, &self.cashier, new).await.unwrap();
        tx.commit().await.unwrap();
        customer
    }

    /// What a new subscription is asked for.
    pub fn asked(&self, customer: CustomerId, username: &str, paid_until: Option<Option<i64>>) -> NewSubscription {
        NewSubscription {
            customer_id: customer,
            package_id: self.package.id,
            router_id: self.router,
            access: NewAccess::Pppoe { username: username.to_owned(), password: None },
            paid_until: paid_until.map(|until| until.map(At)),
        }
    }

    /// A customer with a line; `paid_until` as in the request.
    pub async fn line(&self, username: &str, paid_until: Option<Option<i64>>) -> Subscription {
        let customer = self.customer(username).await;
        let mut tx = self.test.begin().await;
        let asked = self.asked(customer.id, username, paid_until);
        let subscription = lines::create(&mut tx, &self.keyring, &self.cashier, asked).await.unwrap();
        tx.commit().await.unwrap();
        subscription
    }

    /// Many customers with lines, in one transaction.
    pub async fn lines(&self, prefix: &str, count: usize, paid_until: i64) -> Vec<Subscription> {
        let mut tx = self.test.begin().await;
        let mut all = Vec::new();
        for n in 0..count {
            let name = format!("{prefix}{n}");
            let new = NewCustomer {
                name: name.clone(),
                phone: "01712345678".to_owned(),
                area_id: None,
                address: String::new(),
                notes: String::new(),
                branch_id: Some(self.branch.id),
            };
            let customer = customers::create(&mut tx, &self.cashier, new).await.unwrap();
            let asked = self.asked(customer.id, &name, Some(Some(paid_until)));
            all.push(lines::create(&mut tx, &self.keyring, &self.cashier, asked).await.unwrap());
        }
        tx.commit().await.unwrap();
        all
    }

    /// Takes cash.
    pub async fn pay(&self, subscription: SubscriptionId, minor: i64, key: &str) -> Result<Taken, Fault> {
        let mut tx = self.test.begin().await;
        let new = NewPayment {
            subscription_id: subscription,
            amount: bdt(minor),
            method: "cash".to_owned(),
            note: String::new(),
        };
        let taken = payments::take(&mut tx, &self.keyring, &self.config, &self.cashier, &new, key).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Whether the desired line is open.
    pub async fn is_open(&self, subscription: SubscriptionId) -> bool {
        let mut tx = self.test.read().await;
        let subscription = lines::load(&mut tx, subscription).await.unwrap();
        network::line(&mut tx, subscription.line_id).await.unwrap().open
    }

    /// How many desired lines are closed.
    pub async fn closed(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM lines WHERE open = 0 AND removed = 0").await
    }

    /// What a counting statement counts.
    pub async fn count(&self, statement: &'static str) -> i64 {
        let mut tx = self.test.read().await;
        sqlx::query_scalar(statement).fetch_one(tx.conn()).await.unwrap()
    }

    /// Milliseconds now.
    pub fn now(&self) -> i64 {
        use crate::kernel::Clock as _;
        self.test.clock.wall_ms()
    }
}

/// 800.00 BDT for 30 days, no grace.
pub fn monthly(name: &str) -> NewPackage {
    NewPackage {
        name: name.to_owned(),
        price: bdt(80_000),
        down_bps: 20_000_000,
        up_bps: 20_000_000,
        validity_value: 30,
        validity_unit: ValidityUnit::Day,
        grace_days: Some(0),
        active: None,
        branch_id: None,
    }
}
