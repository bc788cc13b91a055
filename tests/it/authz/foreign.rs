//! Nobody reaches, names, counts or hears what is another branch's, another reseller's or another customer's.
//!
//! Two branches have the same of everything. Whoever works in one asks every route of the registry for what is the
//! other's, and must be answered as if it did not exist: word for word as for an id that nobody has.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lastmile_controller::boot;
use lastmile_testbed::processes::{Api, Controller, Database, Folder, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _};

use super::NOBODY;

/// Routes with an id of something that no branch owns, or that the caller owns by being who they are.
const OF_NOBODY: &[&str] = &["/api/v1/backups/{id}", "/api/v1/backups/{id}/file"];

/// What one branch has: the word of the path, and an id.
type Things = BTreeMap<&'static str, Vec<String>>;

struct Branch {
    /// Stands in the name of everything here.
    mark: &'static str,
    things: Things,
}

struct Person {
    name: String,
    api: Api,
    /// Sees all of the branch, or only some of its customers.
    narrow: bool,
}

struct World {
    _controller: Controller,
    base: String,
    owner: Api,
    ours: Branch,
    theirs: Branch,
    people: Vec<Person>,
}

#[tokio::test]
async fn what_is_anothers_does_not_exist() {
    tell(Database::Sqlite).await;
}

#[tokio::test]
async fn what_is_anothers_does_not_exist_on_postgres() {
    tell(Database::Postgres).await;
}

async fn tell(database: Database) {
    let folder = Folder::new().expect("a folder");
    let told = async {
        let world = found(&folder, database).await?;
        paths(&world).await.context("ids in paths")?;
        bodies(&world).await.context("ids in bodies and filters")?;
        lists(&world).await.context("lists, exports and counts")?;
        switch(&world).await.context("the branch switch")?;
        live(&world).await.context("live events")
    };
    if let Err(why) = told.await {
        panic!("{why:?}");
    }
}

async fn found(folder: &Folder, database: Database) -> Result<World> {
    let mut controller = Controller::prepare(folder, &Settings { database, ..Settings::default() }).await?;
    controller.command(&["migrate"], "")?.success()?;
    controller.start().await?;
    let owner = controller.owner()?;
    let url = match controller.superuser_url() {
        Some(url) => url.to_owned(),
        None => format!("sqlite://{}/controller/lastmile.db", folder.path().display()),
    };
    sqlx::any::install_default_drivers();
    let mut sql = sqlx::AnyConnection::connect(&url).await?;
    let ours_id = first_id(&owner.get("/branches").await?)?;
    let theirs_id = "01ARZ3NDEKTSV4RRFFQ69G5FBB".to_owned();
    run(&mut sql, &format!(
        "INSERT INTO branches (id, name, time_zone, currency, created_at_ms) VALUES ('{theirs_id}', 'Zebra', 'Asia/Dhaka', 'BDT', 0)"
    ))
    .await?;
    run(&mut sql, &format!("UPDATE branches SET name = 'Koala' WHERE id = '{ours_id}'")).await?;
    let ours = furnish(&owner, "Koala", &ours_id).await?;
    let mut theirs = furnish(&owner, "Zebra", &theirs_id).await?;
    let words = ["user", "add", "--username", "zebra-cashier", "--role", "cashier", "--branch", "Zebra"];
    controller.command(&words, "correct horse battery\n")?.success()?;
    let staff = owner.get("/staff").await?;
    let colleague =
        staff["items"].as_array().and_then(|all| all.iter().find(|one| one["username"] == json!("zebra-cashier")));
    theirs.things.insert("staff", vec![id(colleague.context("a colleague in the other branch")?)?]);
    let people = hire(&controller, &owner, &mut sql, &ours, &theirs).await?;
    let base = controller.base();
    Ok(World { _controller: controller, base, owner, ours, theirs, people })
}

async fn run(sql: &mut sqlx::AnyConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(sql).await.with_context(|| statement.to_owned())?;
    Ok(())
}

fn id(row: &Value) -> Result<String> {
    row["id"].as_str().map(str::to_owned).with_context(|| format!("an id in {row}"))
}

fn first_id(page: &Value) -> Result<String> {
    id(&page["items"][0])
}

/// The same of everything in a branch, each named after it.
async fn furnish(owner: &Api, mark: &'static str, branch: &str) -> Result<Branch> {
    let money = json!({ "minor": 80_000, "currency": "BDT" });
    let area = json!({ "name": format!("{mark} area"), "branch_id": branch });
    let area = id(&owner.post("/areas", area).await?)?;
    let package = json!({
        "name": format!("{mark} package"), "price": money, "down_bps": 20_000_000, "up_bps": 10_000_000,
        "validity_value": 1, "validity_unit": "month", "grace_days": 3, "branch_id": branch,
    });
    let package = id(&owner.post("/packages", package).await?)?;
    let pop = id(&owner.post("/pops", json!({ "name": format!("{mark} pop"), "branch_id": branch })).await?)?;
    let router = json!({
        "pop_id": pop, "name": format!("{mark} router"), "kind": "routeros", "host": "127.0.0.1", "port": 8728,
        "username": "lm", "password": "secret", "line_rate_bps": 1_000_000_000, "enforce": true, "poll_seconds": 60,
    });
    let router = id(&owner.post("/routers", router).await?)?;
    let invite = owner.post("/agents/invite", json!({ "pop_id": pop })).await?;
    let mut things = Things::from([
        ("branches", vec![branch.to_owned()]),
        ("areas", vec![area.clone()]),
        ("packages", vec![package.clone()]),
        ("pops", vec![pop]),
        ("routers", vec![router.clone()]),
        ("invites", invite["id"].as_str().map(str::to_owned).into_iter().collect()),
    ]);
    for number in 1..=3 {
        let name = format!("{mark} customer {number}");
        let customer = json!({ "name": name, "phone": format!("0171200000{number}"), "area_id": area });
        let customer = id(&owner.post("/customers", customer).await?)?;
        let subscription = json!({
            "customer_id": customer, "package_id": package, "router_id": router,
            "access": { "kind": "pppoe", "username": format!("{mark}-{number}").to_lowercase(), "password": "secret-1" },
        });
        let subscription = id(&owner.post("/subscriptions", subscription).await?)?;
        let payment = json!({ "subscription_id": subscription, "amount": money, "method": "cash", "note": mark });
        let payment = id(&owner.pay(&format!("{mark}-{number}"), &payment).await?)?;
        let hold = json!({ "reason": "abuse", "note": mark });
        let hold = id(&owner.post(&format!("/subscriptions/{subscription}/holds"), hold).await?)?;
        for (word, id) in
            [("customers", customer), ("subscriptions", subscription), ("payments", payment), ("holds", hold)]
        {
            things.entry(word).or_default().push(id);
        }
    }
    Ok(Branch { mark, things })
}

/// Everybody whose role does not see all branches, in our branch. Resellers' people get the first customer, people with
/// assignments the second: a narrow scope has something to see, and neighbours that it must not.
async fn hire(
    controller: &Controller,
    owner: &Api,
    sql: &mut sqlx::AnyConnection,
    ours: &Branch,
    theirs: &Branch,
) -> Result<Vec<Person>> {
    for (reseller, branch) in [("01ARZ3NDEKTSV4RRFFQ69G5FR1", ours), ("01ARZ3NDEKTSV4RRFFQ69G5FR2", theirs)] {
        run(
            sql,
            &format!(
                "INSERT INTO resellers (id, branch_id, name, phone, active, created_at_ms, updated_at_ms) \
             VALUES ('{reseller}', '{}', '{} reseller', '+8801712000000', 1, 0, 0)",
                branch.things["branches"][0], branch.mark
            ),
        )
        .await?;
        run(
            sql,
            &format!("UPDATE customers SET reseller_id = '{reseller}' WHERE id = '{}'", branch.things["customers"][0]),
        )
        .await?;
    }
    let mut people = Vec::new();
    let roles = owner.get("/roles").await?;
    for role in roles["items"].as_array().context("roles")? {
        let name = role["name"].as_str().context("a role's name")?;
        let scope =
            role["scope"].as_str().unwrap_or(if role["all_branches"] == json!(true) { "all" } else { "branches" });
        if scope == "all" {
            continue;
        }
        let user = format!("our-{}", name.replace('_', "-"));
        let words = ["user", "add", "--username", &user, "--role", name, "--branch", ours.mark];
        controller.command(&words, "correct horse battery\n")?.success()?;
        if scope == "reseller" {
            run(sql, &format!("UPDATE staff SET reseller_id = '01ARZ3NDEKTSV4RRFFQ69G5FR1' WHERE username = '{user}'"))
                .await?;
        }
        if scope == "assigned" {
            run(sql, &format!(
                "INSERT INTO customer_viewers (viewer, customer_id, branch_id) SELECT 'assigned:' || s.id, c.id, c.branch_id \
                 FROM staff s, customers c WHERE s.username = '{user}' AND c.id = '{}'",
                ours.things["customers"][1]
            ))
            .await?;
        }
        let narrow = scope == "reseller" || scope == "assigned";
        people.push(Person { name: user.clone(), api: controller.token(&user)?, narrow });
    }
    ensure!(people.len() >= 4, "only {} roles see less than everything", people.len());
    Ok(people)
}

/// What somebody may not see: all of the other branch, and of the own one what a narrow scope leaves out.
fn hidden(world: &World, person: &Person) -> Things {
    let mut hidden = world.theirs.things.clone();
    if person.narrow {
        for (word, ids) in &world.ours.things {
            match *word {
                // Sold in their branch.
                "branches" | "areas" | "packages" => {}
                "customers" | "subscriptions" | "payments" | "holds" => {
                    hidden.entry(word).or_default().extend(ids.get(2).cloned());
                }
                _ => hidden.entry(word).or_default().extend(ids.clone()),
            }
        }
    }
    hidden
}

/// A body that a route takes; without one the fields would be refused before anybody looks at the id.
fn body(method: &Method, path: &str) -> Value {
    match (method.as_str(), path.trim_start_matches("/api/v1")) {
        ("POST", "/subscriptions/{id}/holds") => json!({ "reason": "staff", "note": "x" }),
        ("POST", "/holds/{id}/release") => json!({ "note": "x" }),
        ("PATCH", "/subscriptions/{id}") => json!({}),
        ("PATCH", _) => json!({ "name": "x" }),
        _ => json!({}),
    }
}

async fn paths(world: &World) -> Result<()> {
    let mut asked = 0;
    for route in boot::registry().into_iter().filter(|route| route.path.contains("{id}")) {
        if OF_NOBODY.contains(&route.path) {
            continue;
        }
        let word = route.path.split("/{id}").next().and_then(|before| before.rsplit('/').next()).unwrap_or_default();
        let body = (route.method != Method::GET).then(|| body(&route.method, route.path));
        for person in &world.people {
            let nobody = ask(&person.api, &route.method, route.path, NOBODY, body.as_ref()).await?;
            ensure!(nobody.0 < 500, "{} {} as {}: {nobody:?}", route.method, route.path, person.name);
            for id in hidden(world, person).get(word).into_iter().flatten() {
                let got = ask(&person.api, &route.method, route.path, id, body.as_ref()).await?;
                ensure!(
                    got == nobody && matches!(got.0, 403 | 404 | 422),
                    "{} {} as {} with what is not theirs: {got:?}, with what does not exist: {nobody:?}",
                    route.method,
                    route.path,
                    person.name
                );
                asked += 1;
            }
        }
        // The id is the right one: who sees all gets something.
        if route.method == Method::GET {
            for id in world.theirs.things.get(word).into_iter().flatten().take(1) {
                let (status, answer) = ask(&world.owner, &route.method, route.path, id, None).await?;
                ensure!(status < 500 && status != 404, "{} as owner: {status} {answer}", route.path);
            }
        }
    }
    ensure!(asked > 200, "only {asked} foreign ids were tried");
    Ok(())
}

async fn ask(who: &Api, method: &Method, path: &str, id: &str, body: Option<&Value>) -> Result<(u16, Value)> {
    let path = path.replace("{id}", id);
    let path = path.strip_prefix("/api/v1").map_or_else(|| format!("/{path}"), str::to_owned);
    let query = if path.ends_with("/quote") { "?amount_minor=1000" } else { "" };
    let reply = who.ask(method.clone(), &format!("{path}{query}"), body, &[("idempotency-key", id)]).await?;
    Ok((reply.status, reply.body))
}

/// Every place in a body or a filter where an id of somebody else may stand: `$` is that place, `@word` an own one.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("areas", "POST", "/areas", r#"{"name": "x", "parent_id": "$"}"#),
    ("branches", "POST", "/areas", r#"{"name": "x", "branch_id": "$"}"#),
    ("areas", "PATCH", "/areas/@areas", r#"{"parent_id": "$"}"#),
    ("areas", "POST", "/customers", r#"{"name": "x", "phone": "01712000009", "area_id": "$"}"#),
    ("branches", "POST", "/customers", r#"{"name": "x", "phone": "01712000009", "branch_id": "$"}"#),
    ("areas", "PATCH", "/customers/@customers", r#"{"area_id": "$"}"#),
    ("branches", "POST", "/pops", r#"{"name": "x", "branch_id": "$"}"#),
    ("pops", "POST", "/agents/invite", r#"{"pop_id": "$"}"#),
    (
        "pops",
        "POST",
        "/routers",
        r#"{"pop_id": "$", "name": "x", "kind": "routeros", "host": "127.0.0.1", "port": 8728,
        "username": "lm", "password": "secret", "line_rate_bps": 1000000000, "enforce": true, "poll_seconds": 60}"#,
    ),
    (
        "customers",
        "POST",
        "/subscriptions",
        r#"{"customer_id": "$", "package_id": "@packages", "router_id": "@routers",
        "access": {"kind": "pppoe", "username": "x", "password": "secret-1"}}"#,
    ),
    (
        "packages",
        "POST",
        "/subscriptions",
        r#"{"customer_id": "@customers", "package_id": "$", "router_id": "@routers",
        "access": {"kind": "pppoe", "username": "x", "password": "secret-1"}}"#,
    ),
    (
        "routers",
        "POST",
        "/subscriptions",
        r#"{"customer_id": "@customers", "package_id": "@packages", "router_id": "$",
        "access": {"kind": "pppoe", "username": "x", "password": "secret-1"}}"#,
    ),
    ("packages", "PATCH", "/subscriptions/@subscriptions", r#"{"package_id": "$"}"#),
    ("routers", "PATCH", "/subscriptions/@subscriptions", r#"{"router_id": "$"}"#),
    (
        "subscriptions",
        "POST",
        "/payments",
        r#"{"subscription_id": "$", "method": "cash", "note": "",
        "amount": {"minor": 80000, "currency": "BDT"}}"#,
    ),
    ("areas", "GET", "/customers?area_id=$", ""),
    ("packages", "GET", "/customers?package_id=$", ""),
    ("customers", "GET", "/subscriptions?customer_id=$", ""),
    ("customers", "GET", "/payments?customer_id=$", ""),
    ("pops", "GET", "/routers?pop_id=$", ""),
    ("customers", "GET", "/events?subject_kind=customer&subject_id=$", ""),
    ("pops", "GET", "/events?subject_kind=pop&subject_id=$", ""),
    ("customers", "GET", "/audit?customer_id=$", ""),
    ("branches", "GET", "/audit?branch_id=$", ""),
];

async fn bodies(world: &World) -> Result<()> {
    for (word, method, path, body) in PLACES {
        let method = Method::from_bytes(method.as_bytes())?;
        for person in &world.people {
            let own = |text: &str| {
                world
                    .ours
                    .things
                    .iter()
                    .fold(text.to_owned(), |text, (word, ids)| text.replace(&format!("@{word}"), &ids[0]))
            };
            let (path, body) = (own(path), own(body));
            let nobody = put(person, &method, &path, &body, NOBODY).await?;
            for id in hidden(world, person).get(word).into_iter().flatten() {
                let got = put(person, &method, &path, &body, id).await?;
                ensure!(
                    got == nobody && got.0 < 500 && (method == Method::GET || got.0 >= 400),
                    "{method} {path} {body} as {} with {word} that are not theirs: {got:?}, that do not exist: {nobody:?}",
                    person.name
                );
            }
        }
    }
    Ok(())
}

async fn put(person: &Person, method: &Method, path: &str, body: &str, id: &str) -> Result<(u16, Value)> {
    let body = body.replace('$', id);
    let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(&body)).transpose()?;
    let key = format!("{}-{id}", person.name);
    let reply =
        person.api.ask(method.clone(), &path.replace('$', id), body.as_ref(), &[("idempotency-key", &key)]).await?;
    Ok((reply.status, serde_json::from_str(&reply.body.to_string().replace(id, "$"))?))
}

/// Paths of everything that can be read without an id.
fn readable() -> Vec<&'static str> {
    let endless = ["/api/v1/live", "/api/v1/openapi.json", "/api/docs", "/metrics"];
    boot::registry()
        .into_iter()
        .filter(|route| route.method == Method::GET && !route.path.contains('{') && !endless.contains(&route.path))
        .map(|route| route.path)
        .collect()
}

async fn read(who: &Api, path: &str, headers: &[(&str, &str)]) -> Result<(u16, Value)> {
    let path = path.strip_prefix("/api/v1").map_or_else(|| format!("/{path}"), str::to_owned);
    let reply = who.ask(Method::GET, &path, None, headers).await?;
    ensure!(reply.status < 500 || path == "//readyz", "{path}: {} {}", reply.status, reply.body);
    Ok((reply.status, reply.body))
}

async fn lists(world: &World) -> Result<()> {
    let mut before = BTreeMap::new();
    for person in &world.people {
        let hidden = hidden(world, person);
        for path in readable() {
            let (status, answer) = read(&person.api, path, &[]).await?;
            let text = answer.to_string();
            for id in hidden.values().flatten() {
                ensure!(!text.contains(id.as_str()), "GET {path} as {} tells {id}: {text}", person.name);
            }
            ensure!(
                !text.contains(world.theirs.mark),
                "GET {path} as {} tells of the other branch: {text}",
                person.name
            );
            before.insert((person.name.clone(), path), (status, numbers(&answer)));
        }
        let own = read(&person.api, "/api/v1/customers", &[]).await?.1;
        let wanted = if person.narrow { 1 } else { 3 };
        ensure!(own["total"] == json!(wanted), "{} has {wanted} customers: {own}", person.name);
    }
    // More of everything at the others', and no number here has moved.
    furnish_more(world).await?;
    for person in &world.people {
        for path in readable() {
            let (status, answer) = read(&person.api, path, &[]).await?;
            let now = (status, numbers(&answer));
            let then = &before[&(person.name.clone(), path)];
            ensure!(now == *then, "GET {path} as {} counts what is not theirs: {then:?}, then {now:?}", person.name);
        }
    }
    Ok(())
}

async fn furnish_more(world: &World) -> Result<()> {
    let things = &world.theirs.things;
    let customer = json!({ "name": "Zebra too", "phone": "01712000007", "area_id": things["areas"][0] });
    let customer = id(&world.owner.post("/customers", customer).await?)?;
    let subscription = json!({
        "customer_id": customer, "package_id": things["packages"][0], "router_id": things["routers"][0],
        "access": { "kind": "pppoe", "username": "zebra-too", "password": "secret-1" },
    });
    let subscription = id(&world.owner.post("/subscriptions", subscription).await?)?;
    let payment = json!({
        "subscription_id": subscription, "amount": { "minor": 80_000, "currency": "BDT" }, "method": "cash", "note": "",
    });
    world.owner.pay("zebra-too", &payment).await?;
    Ok(())
}

/// How many things an answer counts: its totals, its counts, and the length of its lists.
fn numbers(answer: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for name in ["total", "counts", "customers", "lines", "sum"] {
        if let Some(value) = answer.get(name) {
            found.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(items) = answer["items"].as_array() {
        found.insert("length".to_owned(), json!(items.len()));
    }
    found
}

async fn switch(world: &World) -> Result<()> {
    let (ours, theirs) = (world.ours.things["branches"][0].as_str(), world.theirs.things["branches"][0].as_str());
    for path in readable() {
        let answer = read(&world.owner, path, &[("lastmile-branch", ours)]).await?.1;
        let text = answer.to_string();
        ensure!(!text.contains("Zebra"), "GET {path} of one branch tells of the other: {text}");
    }
    let customers = async |branch: &str| {
        Ok::<_, anyhow::Error>(
            read(&world.owner, "/api/v1/customers", &[("lastmile-branch", branch)]).await?.1["total"].clone(),
        )
    };
    ensure!(customers(ours).await? == json!(3) && customers(theirs).await? == json!(4), "the switch does not count");
    for (who, branch) in [(&world.owner, NOBODY), (&world.owner, "x"), (&world.people[0].api, theirs)] {
        let (status, _) = read(who, "/api/v1/customers", &[("lastmile-branch", branch)]).await?;
        ensure!(status == 404, "the switch to {branch} answers {status}");
    }
    Ok(())
}

/// Somebody of our branch listens while something happens in the other and then in this one.
async fn live(world: &World) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let listener = world.people.iter().find(|person| !person.narrow).context("somebody of the branch")?;
    let mut stream = http
        .get(format!("{}/api/v1/live", world.base))
        .header("authorization", format!("Bearer {}", listener.api.bearer()))
        .send()
        .await?
        .error_for_status()?;
    let rename = async |things: &Things, name: &str| {
        world.owner.patch(&format!("/customers/{}", things["customers"][0]), json!({ "notes": name })).await
    };
    rename(&world.theirs.things, "heard").await?;
    rename(&world.ours.things, "heard").await?;
    let own = &world.ours.things["customers"][0];
    let mut heard = String::new();
    while !heard.contains(own.as_str()) {
        match tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.context(heard.clone())?? {
            Some(bytes) => heard.push_str(&String::from_utf8_lossy(&bytes)),
            None => bail!("the stream ended: {heard}"),
        }
    }
    for id in world.theirs.things.values().flatten() {
        ensure!(!heard.contains(id.as_str()), "{id} of the other branch was heard: {heard}");
    }
    Ok(())
}
