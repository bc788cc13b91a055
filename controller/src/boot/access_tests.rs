//! Access through the API: second factors, invitations, resets, roles, sessions, tokens, approvals.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::web_tests::{Answer, PASSWORD, World, get, login, post, with};
use crate::access::totp;
use crate::kernel::Clock as _;

impl World {
    /// A request by cookie, as our pages send it.
    async fn by(&self, cookie: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, cookie)
            .header("x-requested-with", "lastmile")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    async fn id_of(&self, cookie: &str, username: &str) -> String {
        let found = self.by(cookie, "GET", &format!("/api/v1/staff?search={username}"), &json!({})).await.json();
        found["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// The code of the app that has this seed, now.
    fn code(&self, secret: &str) -> String {
        totp::code(&seed(secret), totp::step_of(self.test.clock.wall_ms()))
    }

    /// Sets up a second factor in the profile; gives its seed and the recovery codes.
    async fn enrol(&self, cookie: &str) -> (String, Vec<String>) {
        let begun = self.by(cookie, "POST", "/api/v1/me/totp/enrol", &json!({})).await.json();
        let secret = begun["secret"].as_str().unwrap().to_owned();
        let code = json!({"code": self.code(&secret)});
        let done = self.by(cookie, "POST", "/api/v1/me/totp/confirm", &code).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        let codes = done.json()["recovery_codes"].as_array().unwrap().clone();
        (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
    }

    async fn challenge(&self, username: &str) -> String {
        let answer = self.send(login(username, PASSWORD)).await;
        assert!(!answer.has_cookie(), "a session before the second factor");
        let answer = answer.json();
        assert!(answer.get("staff").is_none());
        answer["challenge"].as_str().unwrap().to_owned()
    }

    async fn answer(&self, challenge: &str, code: &str) -> Answer {
        self.send(post("/api/v1/login/second-factor", &json!({"challenge": challenge, "code": code}))).await
    }
}

impl Answer {
    fn has_cookie(&self) -> bool {
        self.headers.contains_key(header::SET_COOKIE)
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

/// The bytes of a base 32 text.
fn seed(text: &str) -> Vec<u8> {
    let bits = text.bytes().flat_map(|c| {
        let five = if c.is_ascii_digit() { c - b'2' + 26 } else { c - b'A' };
        (0..5).rev().map(move |bit| five >> bit & 1)
    });
    let bits: Vec<u8> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect()
}

#[tokio::test]
async fn a_code_counts_once_and_a_recovery_code_too() {
    let world = World::new().await;
    let cookie = world.sign_in("owner").await;
    let (secret, recovery) = world.enrol(&cookie).await;
    let used = world.code(&secret);
    let replayed = world.answer(&world.challenge("owner").await, &used).await;
    assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY, "the code of the set-up was used");
    world.test.clock.advance(30_000);
    let challenge = world.challenge("owner").await;
    let code = world.code(&secret);
    let wrong = world.answer(&challenge, "000000").await;
    assert_eq!(wrong.json()["errors"][0]["field"], "code");
    let right = world.answer(&challenge, &code).await;
    assert_eq!((right.status, right.has_cookie()), (StatusCode::OK, true), "{}", right.text);
    assert_eq!(world.answer(&challenge, &code).await.kind(), "/problems/challenge_over");
    let again = world.answer(&world.challenge("owner").await, &code).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let lost = world.answer(&world.challenge("owner").await, &recovery[0].to_lowercase()).await;
    assert_eq!(lost.status, StatusCode::OK, "{}", lost.text);
    let twice = world.answer(&world.challenge("owner").await, &recovery[0]).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_challenge_ends_after_five_tries_and_after_ten_minutes() {
    let world = World::new().await;
    let (secret, _) = world.enrol(&world.sign_in("owner").await).await;
    world.test.clock.advance(60_000);
    let challenge = world.challenge("owner").await;
    for _ in 0..5 {
        assert_eq!(world.answer(&challenge, "000000").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(world.answer(&challenge, &world.code(&secret)).await.kind(), "/problems/challenge_over");
    let late = world.challenge("owner").await;
    world.test.clock.advance(10 * 60 * 1_000);
    assert_eq!(world.answer(&late, &world.code(&secret)).await.kind(), "/problems/challenge_over");
    let intime = world.challenge("owner").await;
    assert_eq!(world.answer(&intime, &world.code(&secret)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_role_that_demands_a_second_factor_sends_its_people_to_set_one_up() {
    let world = World::new().await;
    let (owner, cashier) = (world.sign_in("owner").await, world.sign_in("cashier").await);
    let mut role = world.by(&owner, "GET", "/api/v1/roles/cashier", &json!({})).await.json();
    let role = json!({"title": role["title"].take(), "permissions": role["permissions"].take(),
        "scope": role["scope"].take(), "second_factor": true});
    assert_eq!(world.by(&owner, "PUT", "/api/v1/roles/cashier", &role).await.status, StatusCode::OK);
    assert_eq!(world.send(get("/api/v1/me", &cashier)).await.status, StatusCode::UNAUTHORIZED);
    let begun = world.send(login("cashier", PASSWORD)).await.json();
    assert_eq!(begun["second_factor"], "enrol");
    let secret = begun["enrolment"]["secret"].as_str().unwrap();
    let done = world.answer(begun["challenge"].as_str().unwrap(), &world.code(secret)).await;
    assert_eq!(done.json()["recovery_codes"].as_array().unwrap().len(), 10, "{}", done.text);
    let cookie = done.cookie();
    assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::OK);
    world.test.clock.advance(30_000);
    let code = json!({"code": world.code(secret)});
    let remove = world.by(&cookie, "POST", "/api/v1/me/totp/remove", &code).await;
    assert_eq!(remove.kind(), "/problems/second_factor_required");
}

#[tokio::test]
async fn an_invitation_works_once_and_for_three_days() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let invite = json!({"username": "rahim", "name": "Rahim", "role": "cashier", "email": "rahim@isp.example"});
    let made = world.by(&owner, "POST", "/api/v1/staff", &invite).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    assert_eq!(made["staff"]["status"], "invited");
    let link = |made: &Value| made["invitation"]["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let first = link(&made);
    assert_eq!(world.send(login("rahim", PASSWORD)).await.status, StatusCode::UNAUTHORIZED);
    let path = format!("/api/v1/staff/{}/invite", made["staff"]["id"].as_str().unwrap());
    let second = link(&world.by(&owner, "POST", &path, &json!({})).await.json());
    let accept = async |token: &str, password: &str| {
        world.send(post(&format!("/api/v1/invitations/{token}/accept"), &json!({"password": password}))).await
    };
    assert_eq!(accept(&first, PASSWORD).await.status, StatusCode::NOT_FOUND, "the older link");
    assert_eq!(accept(&second, "password1").await.json()["errors"][0]["field"], "password");
    assert_eq!(world.send(get(&format!("/api/v1/invitations/{second}"), "")).await.json()["username"], "rahim");
    let entered = accept(&second, PASSWORD).await;
    assert_eq!(entered.json()["staff"]["username"], "rahim");
    assert_eq!(world.send(get("/api/v1/me", &entered.cookie())).await.status, StatusCode::OK);
    assert_eq!(accept(&second, PASSWORD).await.status, StatusCode::NOT_FOUND);
    let late = json!({"username": "karim", "name": "Karim", "role": "cashier"});
    let late = link(&world.by(&owner, "POST", "/api/v1/staff", &late).await.json());
    world.test.clock.advance(72 * 3_600_000);
    assert_eq!(accept(&late, PASSWORD).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn somebody_who_may_do_everything_always_remains() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let own = world.id_of(&owner, "owner").await;
    let path = format!("/api/v1/staff/{own}/deactivate");
    assert_eq!(world.by(&owner, "POST", &path, &json!({})).await.kind(), "/problems/own_account");
    let change = json!({"role": "cashier"});
    let own_role = world.by(&owner, "PATCH", &format!("/api/v1/staff/{own}"), &change).await;
    assert_eq!(own_role.kind(), "/problems/own_account");
    let role = json!({"title": "Owner", "permissions": ["staff:read"], "scope": "all"});
    assert_eq!(world.by(&owner, "PUT", "/api/v1/roles/owner", &role).await.kind(), "/problems/last_owner");
    let role = json!({"title": "Owner", "permissions": ["*"], "scope": "branches"});
    assert_eq!(world.by(&owner, "PUT", "/api/v1/roles/owner", &role).await.kind(), "/problems/last_owner");
    // An invited owner does not count: nobody can sign in as them.
    let invite = json!({"username": "second", "name": "Second", "role": "owner"});
    assert_eq!(world.by(&owner, "POST", "/api/v1/staff", &invite).await.status, StatusCode::CREATED);
    assert_eq!(world.by(&owner, "PUT", "/api/v1/roles/owner", &role).await.kind(), "/problems/last_owner");
}

#[tokio::test]
async fn nobody_gives_what_they_have_not_nor_touches_who_may_do_more() {
    let world = World::new().await;
    let (owner, manager) = (world.sign_in("owner").await, world.sign_in("manager").await);
    let owner_id = world.id_of(&owner, "owner").await;
    let invite = |role: &str| json!({"username": format!("new.{role}"), "name": "New", "role": role});
    for (role, status) in [("owner", 403), ("auditor", 403), ("noc", 403), ("cashier", 201)] {
        let made = world.by(&manager, "POST", "/api/v1/staff", &invite(role)).await;
        assert_eq!(made.status.as_u16(), status, "{role}: {}", made.text);
    }
    for (method, path, body) in [
        ("PATCH", format!("/api/v1/staff/{owner_id}"), json!({"email": "thief@evil.example"})),
        ("POST", format!("/api/v1/staff/{owner_id}/deactivate"), json!({})),
        ("POST", format!("/api/v1/staff/{owner_id}/password-reset"), json!({})),
        ("POST", format!("/api/v1/staff/{owner_id}/second-factor/reset"), json!({})),
        ("DELETE", format!("/api/v1/staff/{owner_id}/sessions"), json!({})),
    ] {
        assert_eq!(world.by(&manager, method, &path, &body).await.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    let role = json!({"name": "mine", "title": "Mine", "permissions": ["areas:read"], "scope": "branches"});
    assert_eq!(world.by(&manager, "POST", "/api/v1/roles", &role).await.status, StatusCode::FORBIDDEN);
    let elsewhere = json!({"username": "x", "name": "X", "role": "cashier", "branch_id": world.branches[1]});
    assert_eq!(world.by(&manager, "POST", "/api/v1/staff", &elsewhere).await.status, StatusCode::NOT_FOUND);
    let extra = json!({"username": "x", "name": "X", "role": "cashier", "permissions": ["*"]});
    let refused = world.by(&owner, "POST", "/api/v1/staff", &extra).await;
    assert_eq!(refused.json()["errors"][0]["field"], "permissions");
}

#[tokio::test]
async fn a_dismissed_person_is_out_at_once_and_comes_back_by_invitation() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let (cashier, token) = (world.sign_in("cashier").await, world.token("cashier").await);
    let (id, heir) = (world.id_of(&owner, "cashier").await, world.id_of(&owner, "manager").await);
    let body = json!({"heir_id": heir, "reason": "has left"});
    let gone = world.by(&owner, "POST", &format!("/api/v1/staff/{id}/deactivate"), &body).await;
    assert_eq!(gone.json()["status"], "inactive", "{}", gone.text);
    assert_eq!(world.send(get("/api/v1/me", &cashier)).await.status, StatusCode::UNAUTHORIZED);
    let bearer = with(get("/api/v1/me", ""), &[("authorization", &token)]);
    assert_eq!(world.send(bearer).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(login("cashier", PASSWORD)).await.status, StatusCode::UNAUTHORIZED);
    let events = world.by(&owner, "GET", "/api/v1/events?kind=staff.deactivated", &json!({})).await.json();
    assert_eq!(events["items"][0]["data"]["heir_id"], json!(heir));
    let back = world.by(&owner, "POST", &format!("/api/v1/staff/{id}/reactivate"), &json!({})).await.json();
    assert_eq!(back["staff"]["status"], "invited");
    for way in [get("/api/v1/me", &cashier), login("cashier", PASSWORD)] {
        assert_eq!(world.send(way).await.status, StatusCode::UNAUTHORIZED, "what they knew lets nobody in");
    }
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions_and_renews_this_one() {
    let world = World::new().await;
    let (here, there) = (world.sign_in("owner").await, world.sign_in("owner").await);
    let before = world.app.access.passwords.verifications();
    let wrong = json!({"current_password": "battery staple", "new_password": "a new horse"});
    let refused = world.by(&here, "POST", "/api/v1/me/password", &wrong).await;
    assert_eq!(refused.json()["errors"][0]["field"], "current_password");
    let right = json!({"current_password": PASSWORD, "new_password": "a new horse"});
    let changed = world.by(&here, "POST", "/api/v1/me/password", &right).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.text);
    assert_eq!(world.app.access.passwords.verifications(), before + 2);
    for old in [&here, &there] {
        assert_eq!(world.send(get("/api/v1/me", old)).await.status, StatusCode::UNAUTHORIZED);
    }
    let new = changed.cookie();
    let sessions = world.by(&new, "GET", "/api/v1/me/sessions", &json!({})).await.json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    assert_eq!(sessions["items"][0]["current"], true);
    assert_eq!(world.send(login("owner", PASSWORD)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(login("owner", "a new horse")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_way_to_a_session_compares_exactly_one_password() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let invite = json!({"username": "invited", "name": "New", "role": "cashier"});
    world.by(&owner, "POST", "/api/v1/staff", &invite).await;
    world.sql("UPDATE staff SET active = 0 WHERE username = 'manager'").await;
    let long = "x".repeat(2_000);
    let cases = [
        ("owner", PASSWORD),
        ("owner", "wrong"),
        ("nobody", "wrong"),
        ("manager", PASSWORD),
        ("invited", PASSWORD),
        ("cashier", &long),
        ("", ""),
        (&long, "wrong"),
    ];
    for (username, password) in cases {
        let before = world.app.access.passwords.verifications();
        world.send(login(username, password)).await;
        let compared = world.app.access.passwords.verifications() - before;
        assert_eq!(compared, 1, "{:.20} {password:.20}", username);
    }
}

#[tokio::test]
async fn a_token_may_no_more_than_it_was_given_and_makes_no_other() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let input = json!({"name": "billing", "permissions": ["customers:read"], "days": 1});
    let made = world.by(&owner, "POST", "/api/v1/me/tokens", &input).await.json();
    let bearer = format!("Bearer {}", made["text"].as_str().unwrap());
    let ask = async |request| world.send(with(request, &[("authorization", &bearer)])).await.status;
    assert_eq!(ask(get("/api/v1/customers", "")).await, StatusCode::OK);
    assert_eq!(ask(get("/api/v1/staff", "")).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(post("/api/v1/me/tokens", &json!({"name": "more"}))).await, StatusCode::FORBIDDEN);
    let password = json!({"current_password": PASSWORD, "new_password": "a new horse"});
    assert_eq!(ask(post("/api/v1/me/password", &password)).await, StatusCode::FORBIDDEN);
    let path = format!("/api/v1/me/tokens/{}", made["token"]["id"].as_str().unwrap());
    assert_eq!(world.by(&owner, "DELETE", &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ask(get("/api/v1/customers", "")).await, StatusCode::UNAUTHORIZED);
    let manager = world.sign_in("manager").await;
    let more = json!({"name": "more", "permissions": ["ledger:read", "roles:write"]});
    let refused = world.by(&manager, "POST", "/api/v1/me/tokens", &more).await;
    assert_eq!(refused.json()["errors"][0]["field"], "permissions");
}

#[tokio::test]
async fn a_forgotten_password_is_told_to_nobody_and_reset_ends_everything() {
    let world = World::new().await;
    world.sql("UPDATE staff SET email = 'owner@isp.example' WHERE username = 'owner'").await;
    let ask = async |who: &str| world.send(post("/api/v1/password-reset", &json!({"username": who}))).await;
    let (known, unknown) = (ask("owner@isp.example").await, ask("nobody").await);
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let cookie = world.sign_in("owner").await;
    let mut tx = world.test.begin().await;
    let id = world.id_of(&cookie, "owner").await.parse().unwrap();
    let link = world.app.access.open_reset(&mut tx, id, world.branches[0]).await.unwrap();
    tx.commit().await.unwrap();
    let confirm = async |body: Value| world.send(post("/api/v1/password-reset/confirm", &body)).await;
    for _ in 0..3 {
        let wrong = json!({"username": "owner", "code": "x1", "password": "a new horse"});
        assert_eq!(confirm(wrong).await.json()["errors"][0]["field"], "code");
    }
    let code = link.code.unwrap().into_inner();
    let right = json!({"username": "owner", "code": code, "password": "a new horse"});
    assert_eq!(confirm(right.clone()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(confirm(right).await.status, StatusCode::UNPROCESSABLE_ENTITY, "once");
    let by_link = json!({"token": link.secret.expose(), "password": "another horse"});
    assert_eq!(confirm(by_link).await.status, StatusCode::NOT_FOUND, "the link went with the code");
    assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(login("owner", "a new horse")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn edited_roles_survive_a_restart_and_can_be_reset() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let role = json!({"title": "Counter", "permissions": ["payments:take"], "scope": "branches"});
    let changed = world.by(&owner, "PUT", "/api/v1/roles/cashier", &role).await.json();
    assert_eq!((&changed["edited"], &changed["people"]), (&json!(true), &json!(1)));
    let mut tx = world.test.begin().await;
    crate::access::roles::ensure_defaults(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let kept = world.by(&owner, "GET", "/api/v1/roles/cashier", &json!({})).await.json();
    assert_eq!(kept["title"], "Counter");
    let reset = world.by(&owner, "POST", "/api/v1/roles/cashier/reset", &json!({})).await.json();
    assert_eq!((&reset["title"], &reset["edited"]), (&json!("Cashier"), &json!(false)));
    assert_eq!(world.by(&owner, "DELETE", "/api/v1/roles/cashier", &json!({})).await.kind(), "/problems/role_built_in");
    let new = json!({"name": "night", "title": "Night", "permissions": ["areas:read"], "scope": "all"});
    assert_eq!(world.by(&owner, "POST", "/api/v1/roles", &new).await.status, StatusCode::CREATED);
    assert_eq!(world.by(&owner, "DELETE", "/api/v1/roles/night", &json!({})).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_asks_does_not_decide() {
    let world = World::new().await;
    let owner = world.sign_in("owner").await;
    let unknown = json!({"kind": "refund", "subject_id": "x", "reason": "because"});
    let refused = world.by(&owner, "POST", "/api/v1/approvals", &unknown).await;
    assert_eq!(refused.json()["errors"][0]["field"], "kind");
    let foreign = json!({"kind": "subscription.paid_until", "subject_id": "01M8205TN9ZC6HSMWP27DWXN64",
        "data": {"paid_until": null}, "reason": "because"});
    assert_eq!(world.by(&owner, "POST", "/api/v1/approvals", &foreign).await.status, StatusCode::NOT_FOUND);
    let list = world.by(&owner, "GET", "/api/v1/approvals?state=all", &json!({})).await.json();
    assert!(list["items"].as_array().unwrap().is_empty());
}
