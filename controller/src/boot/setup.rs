//! First run: the owner, the company, its branch and the first POP, while nobody works here yet.
//!
//! Whoever reaches the web before the owner must not become the owner, so a code is asked for that only somebody who
//! reads the log or may run commands on the server has. It is made from the key of this installation and kept nowhere;
//! the first person who works here ends it.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use super::prepare::{Prepared, prepare};
use crate::access;
use crate::config::Config;
use crate::db::{Db, Tx};
use crate::domains::branches::{self, Branch, BranchChange};
use crate::domains::{network, settings, staff};
use crate::kernel::{Actor, ActorKind, Currency, Fault, FieldError, Scope};
use crate::secrets::{Keyring, Secret};
use crate::web::{App, Body, Json, Method, Policy, Problem, Routes, State, StatusCode};

/// What the code is made for, and what it is compared under.
const CODE: &str = "first run";
const COMPARE: &str = "first run, compared";
/// Letters of the code, 5 bits each: no I, L, O and U, which are misread.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters in a code: 60 bits.
const LENGTH: usize = 12;

/// The routes.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/setup", Policy::Public, show)
        .route(Method::POST, "/api/v1/setup", Policy::Public, set_up)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(show, set_up),
    components(schemas(SetupNeeded, Setup, SetupOwner, SetupCompany, SetupBranch, SetupPop, SetUp))
)]
struct Doc;

/// That the first run is still to come, and what its form begins with.
#[derive(Debug, Serialize, ToSchema)]
struct SetupNeeded {
    /// Always true: afterwards there is no such page.
    needed: bool,
    /// The branch that is there.
    branch: SetupBranch,
}

/// The first run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The code in the log of the controller; `lastmile-controller setup-code` prints it too.
    code: String,
    /// Who owns the ISP.
    owner: SetupOwner,
    /// The ISP.
    company: SetupCompany,
    /// Its first branch.
    branch: SetupBranch,
    /// Its first POP; it can be made later.
    pop: Option<SetupPop>,
}

/// Who owns the ISP.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupOwner {
    /// Name.
    name: String,
    /// Sign-in name.
    username: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// The ISP, as settings keep it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupCompany {
    /// Name, as customers know it.
    name: String,
    /// Name, as it is registered.
    legal_name: Option<String>,
    /// Where it is.
    address: Option<String>,
    /// Telephone.
    phone: Option<String>,
    /// E-mail.
    email: Option<String>,
    /// Business identification number, 13 digits.
    bin: Option<String>,
    /// `en` or `bn`.
    language: Option<String>,
}

/// The first branch.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupBranch {
    /// Name.
    name: String,
    /// IANA name of its time zone.
    time_zone: String,
    /// What it charges in.
    currency: Currency,
}

/// The first POP.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupPop {
    /// Name.
    name: String,
}

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
struct SetUp {
    /// Sign-in name of the owner.
    username: String,
    /// Id of the branch.
    branch_id: String,
    /// Id of the POP, if one was made.
    pop_id: Option<String>,
}

/// Whether nobody works here yet; 404 afterwards.
#[utoipa::path(get, path = "/api/v1/setup", tag = "setup", responses((status = 200, body = SetupNeeded),
    (status = 404, body = Problem)))]
async fn show(State(app): State<App>) -> Result<Json<SetupNeeded>, Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    must_be_new(&mut tx).await?;
    let Branch { name, time_zone, currency, .. } = first_branch(&mut tx).await?;
    Ok(Json(SetupNeeded { needed: true, branch: SetupBranch { name, time_zone, currency } }))
}

/// Makes the owner, says who the company is, and makes its first POP; once.
#[utoipa::path(post, path = "/api/v1/setup", tag = "setup", request_body = Setup, responses(
    (status = 201, body = SetUp), (status = 403, description = "A wrong code", body = Problem),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set_up(State(app): State<App>, Body(setup): Body<Setup>) -> Result<(StatusCode, Json<SetUp>), Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    must_be_new(&mut tx).await?;
    tx.rollback().await?;
    if !fits(&app.keyring, &setup.code) {
        tracing::warn!("the first run was tried with a wrong code");
        return Err(Fault::Forbidden { detail: "this is not the code in the log of the controller".to_owned() });
    }
    let SetupOwner { username, name, password } = &setup.owner;
    access::check_password("owner.password", password, &[username, name, &setup.company.name])?;
    let password = Secret::new(setup.owner.password.expose().to_owned());
    let hash = app.access.passwords.hash(password).await.map_err(Fault::internal)?;
    let mut tx = app.db.begin(&Scope::All).await?;
    let made = write(&mut tx, setup, hash).await?;
    tx.commit().await?;
    tracing::info!("the first run is done");
    Ok((StatusCode::CREATED, Json(made)))
}

async fn write(tx: &mut Tx, setup: Setup, password_hash: String) -> Result<SetUp, Fault> {
    tx.lock("first start").await?;
    must_be_new(tx).await?;
    let Setup { owner, company, branch: SetupBranch { name, time_zone, currency }, pop, .. } = setup;
    let branch = first_branch(tx).await?;
    let new = staff::NewStaff {
        branch_id: branch.id,
        username: owner.username.clone(),
        name: owner.name.clone(),
        role: "owner".to_owned(),
        password_hash,
    };
    let system = Actor { name: "first run".to_owned(), ..Actor::system() };
    let id = staff::add(tx, &system, new).await.map_err(under("owner."))?;
    let actor = Actor { kind: ActorKind::Staff(id), name: owner.name, from: "first run".to_owned() };
    let change = BranchChange {
        name: Some(name),
        time_zone: Some(time_zone),
        currency: Some(currency),
        manager_id: Some(Some(id)),
        ..BranchChange::default()
    };
    branches::change(tx, &actor, branch.id, change).await.map_err(under("branch."))?;
    settings::change(tx, &actor, branch.id, None, &values(&company, currency)).await.map_err(|fault| match fault {
        Fault::Invalid(errors) => Fault::Invalid(errors.into_iter().map(own_name).collect()),
        other => other,
    })?;
    let pop = match pop {
        None => None,
        Some(pop) => Some(network::add_pop(tx, &actor, branch.id, &pop.name).await.map_err(under("pop."))?),
    };
    Ok(SetUp {
        username: owner.username.trim().to_lowercase(),
        branch_id: branch.id.to_string(),
        pop_id: pop.map(|id| id.to_string()),
    })
}

/// The company as values of settings.
fn values(company: &SetupCompany, currency: Currency) -> BTreeMap<String, Value> {
    let texts = [
        (settings::COMPANY_NAME, Some(&company.name)),
        ("company.legal_name", company.legal_name.as_ref()),
        ("company.address", company.address.as_ref()),
        ("company.phone", company.phone.as_ref()),
        ("company.email", company.email.as_ref()),
        ("company.bin", company.bin.as_ref()),
        (settings::LANGUAGE, company.language.as_ref()),
    ];
    let given = texts.into_iter().filter_map(|(key, text)| text.map(|text| (key.to_owned(), json!(text))));
    given.chain([(settings::CURRENCY.to_owned(), json!(currency.code()))]).collect()
}

/// `values.company.phone` is the field `company.phone` of this form.
fn own_name(error: FieldError) -> FieldError {
    let field = match error.field.trim_start_matches("values.") {
        settings::LANGUAGE => "company.language".to_owned(),
        other => other.to_owned(),
    };
    FieldError { field, message: error.message }
}

/// Field errors as those of a part of the form.
fn under(part: &'static str) -> impl FnOnce(Fault) -> Fault {
    move |fault| match fault {
        Fault::Invalid(errors) => Fault::Invalid(
            errors
                .into_iter()
                .map(|FieldError { field, message }| FieldError { field: format!("{part}{field}"), message })
                .collect(),
        ),
        Fault::Taken { field, message, .. } => Fault::field(format!("{part}{field}"), message),
        other => other,
    }
}

async fn first_branch(tx: &mut Tx) -> Result<Branch, Fault> {
    let first = branches::list(tx).await?.into_iter().min_by_key(|branch| branch.id);
    first.ok_or(Fault::NotFound { what: "branch" })
}

async fn is_new(tx: &mut Tx) -> Result<bool, Fault> {
    Ok(staff::list(tx, &staff::Filter::default(), None, 1).await?.is_empty())
}

async fn must_be_new(tx: &mut Tx) -> Result<(), Fault> {
    if is_new(tx).await? { Ok(()) } else { Err(Fault::NotFound { what: "setup" }) }
}

/// The code of this installation: `K3F7-9QWZ-0MXA`.
fn code(keyring: &Keyring) -> String {
    let mac = keyring.mac(CODE, b"setup");
    let letters =
        mac.iter().take(LENGTH).map(|byte| char::from(LETTERS.get(usize::from(byte % 32)).map_or(b'0', |l| *l)));
    let mut text = String::with_capacity(LENGTH + 2);
    for (index, letter) in letters.enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    text
}

/// Whether somebody typed the code, in a time that says nothing about it.
fn fits(keyring: &Keyring, given: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).take(64).collect()
    };
    keyring.mac_fits(COMPARE, plain(given).as_bytes(), &keyring.mac(COMPARE, plain(&code(keyring)).as_bytes()))
}

/// The code, while the first run is still to come.
pub(super) async fn code_while_new(db: &Db, keyring: &Keyring) -> Result<Option<String>, Fault> {
    let mut tx = db.read(&Scope::All).await?;
    Ok(is_new(&mut tx).await?.then(|| code(keyring)))
}

/// Prints the code.
pub(super) async fn print_code(config: Config) -> anyhow::Result<()> {
    let Prepared { db, keyring, .. } = prepare(config).await?;
    let code = code_while_new(&db, &keyring).await?;
    db.close().await;
    match code {
        Some(code) => println!("{code}"),
        None => bail!("the first run is done: people work here, and they invite others"),
    }
    Ok(())
}
