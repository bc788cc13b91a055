//! Makes the demonstration ISP through the public API, as its staff would.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::people::{AREAS, MINUTE, NAMES, PACKAGES, PackageOf};
use super::site::id;
use crate::clock;
use crate::processes::Api;
use crate::rng::Seeded;

const DAY_MS: i64 = 86_400_000;

/// What stands a customer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Paid for some more days.
    Paid,
    /// Paid at our counter just now.
    PaysNow,
    /// Over, but within the days of grace.
    Grace,
    /// Over, and the grace as well.
    Expired,
    /// Held by hand.
    Held,
    /// No line yet.
    NoLine,
}

/// A few of each kind, so that every filter of the list finds somebody.
const fn standing(number: usize) -> Standing {
    match number % 20 {
        3 | 11 => Standing::PaysNow,
        5 | 14 => Standing::Grace,
        8 => Standing::Expired,
        16 => Standing::Held,
        19 => Standing::NoLine,
        _ => Standing::Paid,
    }
}

fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string()
}

fn money(taka: i64) -> Value {
    json!({ "minor": taka * 100, "currency": "BDT" })
}

async fn make_package(api: &Api, package: &PackageOf) -> Result<String> {
    let (down, up) = package.mbps;
    let (value, unit) = package.validity;
    let body = json!({
        "name": package.name,
        "price": money(package.taka),
        "down_bps": down * 1_000_000,
        "up_bps": up * 1_000_000,
        "validity_value": value,
        "validity_unit": unit,
        "grace_days": package.grace_days,
    });
    id(&api.post("/packages", body).await?).with_context(|| package.name)
}

async fn make_areas(api: &Api) -> Result<Vec<String>> {
    let mut leaves = Vec::new();
    for (name, inside) in AREAS {
        let parent = id(&api.post("/areas", json!({ "name": name })).await?)?;
        for name in inside {
            leaves.push(id(&api.post("/areas", json!({ "name": name, "parent_id": parent })).await?)?);
        }
    }
    Ok(leaves)
}

/// One customer with a line in its standing.
async fn make_customer(api: &Api, made: &Made, number: usize, rng: &mut Seeded) -> Result<()> {
    let name = NAMES.get(number).copied().unwrap_or("Customer");
    let area = pick(&made.areas, rng)?;
    let house = 1 + rng.below(120);
    let body = json!({
        "name": name,
        "phone": format!("01{}{:08}", 3 + rng.below(7), 10_000_000 + rng.below(89_999_999)),
        "area_id": area,
        "address": format!("House {house}, Road {}", 1 + rng.below(24)),
        "notes": "",
    });
    let customer = id(&api.post("/customers", body).await?).with_context(|| name)?;
    let standing = standing(number);
    if standing == Standing::NoLine {
        return Ok(());
    }
    let at = usize::try_from(rng.below(PACKAGES.len() as u64)).unwrap_or(0);
    let (package, package_id) =
        PACKAGES.get(at).zip(made.packages.get(at)).context("a package for each that is made")?;
    let days = match standing {
        Standing::PaysNow => -1,
        Standing::Grace => -2,
        Standing::Expired => -12,
        _ => i64::try_from(1 + rng.below(29)).unwrap_or(1),
    };
    let jitter = i64::try_from(rng.below(8 * 3_600_000)).unwrap_or(0);
    let body = json!({
        "customer_id": customer,
        "package_id": package_id,
        "router_id": made.router,
        "access": { "kind": "pppoe", "username": format!("lm{:04}", 1001 + number), "password": format!("{:08x}", rng.below(1 << 32)) },
        "paid_until": rfc3339(clock::wall_ms() + days * DAY_MS + jitter),
    });
    let subscription = id(&api.post("/subscriptions", body).await?).with_context(|| name)?;
    match standing {
        Standing::Held => {
            let hold = json!({ "reason": "staff", "note": "asked us to pause the line while the house is rebuilt" });
            api.post(&format!("/subscriptions/{subscription}/holds"), hold).await?;
        }
        Standing::PaysNow => {
            let payment = json!({
                "subscription_id": subscription, "amount": money(package.taka), "method": "cash", "note": "at the counter",
            });
            api.pay(&format!("demo-{number}"), &payment).await?;
        }
        _ => {}
    }
    Ok(())
}

fn pick<'a>(from: &'a [String], rng: &mut Seeded) -> Result<&'a str> {
    let at = usize::try_from(rng.below(from.len() as u64)).unwrap_or(0);
    Ok(from.get(at).context("nothing to pick from")?)
}

struct Made {
    areas: Vec<String>,
    packages: Vec<String>,
    router: String,
}

/// Makes areas, packages and customers; the POP and its router are there.
///
/// # Errors
/// When the controller refuses one of them, with its answer.
pub async fn make(api: &Api, router: &str, seed: u64) -> Result<()> {
    let areas = make_areas(api).await.context("areas")?;
    make_package(api, &MINUTE).await?;
    let mut packages = Vec::new();
    for package in &PACKAGES {
        packages.push(make_package(api, package).await?);
    }
    let made = Made { areas, packages, router: router.to_owned() };
    let mut rng = Seeded::new(seed);
    for number in 0..NAMES.len() {
        make_customer(api, &made, number, &mut rng).await?;
    }
    Ok(())
}
