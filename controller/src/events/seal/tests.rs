//! The chain under a forger's hands: whatever is done to sealed rows is found; what is allowed is not.

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::json;

use super::{Head, Stamp, seal, state, verify};
use crate::db::testing::{TestDb, on_both};
use crate::db::{Dialect, Tx};
use crate::domains::branches;
use crate::events::store::{Filter, list};
use crate::events::{Event, record};
use crate::kernel::ids::{CustomerId, StaffId};
use crate::kernel::{Actor, ActorKind, Currency, Scope};

/// Which row, which field, which bit: seeded.
struct Chance(TestRng);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(most).unwrap()).unwrap()
    }
}

/// A key for tests: what a forger does not have.
struct Key(ring::hmac::Key);

impl Key {
    fn new(bytes: &[u8]) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, bytes))
    }
}

impl Stamp for Key {
    fn stamp(&self, message: &[u8]) -> Vec<u8> {
        ring::hmac::sign(&self.0, message).as_ref().to_vec()
    }

    fn fits(&self, message: &[u8], code: &[u8]) -> bool {
        ring::hmac::verify(&self.0, message, code).is_ok()
    }
}

fn staff() -> StaffId {
    StaffId::new(1, [9; 10])
}

fn customer() -> CustomerId {
    CustomerId::new(2, [8; 10])
}

fn clerk() -> Actor {
    Actor { kind: ActorKind::Staff(staff()), name: "Rahima Begum".into(), from: "203.0.113.7".into() }
}

/// Some days of an office: people, customers and the system, in several seals, and a tail that waits.
async fn office(test: &TestDb, key: &Key) -> Head {
    let mut tx = test.begin().await;
    let branch = branches::add(&mut tx, "Uttara", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
    tx.commit().await.unwrap();
    for batch in 0..6 {
        let mut tx = test.begin().await;
        for no in 0..7 {
            let about = no % 3;
            let event = Event {
                kind: ["customer.changed", "payment.taken", "package.changed"][about],
                subject_kind: ["customer", "payment", "package"][about],
                subject_id: if about == 0 { customer().to_string() } else { format!("S{batch}{no}") },
                branch_id: branch,
                customer_id: (about < 2).then(customer),
                data: json!({ "before": { "name": "Karim", "phone": "+8801711000000", "plan": no },
                              "after": { "name": "Karim Uddin", "phone": "+8801711000001", "plan": batch } }),
                at_ms: tx.now_ms(),
            };
            let actor = if no % 2 == 0 { clerk() } else { Actor::system() };
            record(&mut tx, &actor, event).await.unwrap();
            test.clock.advance(1_000);
        }
        if batch < 5 {
            seal(&mut tx, key).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    state(&mut test.read().await).await.unwrap().head.unwrap()
}

#[tokio::test]
async fn what_happened_is_sealed_and_told_with_its_tail() {
    on_both(|test| async move {
        let key = Key::new(b"k");
        let head = office(&test, &key).await;
        let report = verify(&mut test.read().await, &key, std::slice::from_ref(&head)).await.unwrap();
        assert!(report.ok, "{:?}", report.problems);
        assert_eq!((report.events, report.sealed, report.seals, report.unsealed), (42, 35, 5, 7));
        assert!(report.unsealed_since.is_some());
        assert_eq!(report.head, Some(head));
        let other = verify(&mut test.read().await, &Key::new(b"other"), &[]).await.unwrap();
        assert!(!other.ok, "another key verifies nothing");
    })
    .await;
}

#[tokio::test]
async fn a_person_is_stored_apart_and_erased_without_breaking_the_chain() {
    on_both(|test| async move {
        let key = Key::new(b"k");
        let head = office(&test, &key).await;
        const CLEAR: &str = "SELECT COUNT(*) FROM events WHERE data LIKE '%Karim%' AND subject_kind = 'customer' \
                             OR data LIKE '%+880%' OR actor_name LIKE 'Rahima%' OR actor_from LIKE '203%'";
        let mut tx = test.begin().await;
        let clear: i64 = sqlx::query_scalar(CLEAR).fetch_one(tx.conn()).await.unwrap();
        assert_eq!(clear, 0, "what tells who a person is stands in no row of the chain");
        let filter = Filter { customer_id: Some(customer()), ..Filter::default() };
        let before = list(&mut tx, &filter, 100).await.unwrap();
        assert!(before.iter().all(|event| !event.erased && event.data["after"]["phone"] == "+8801711000001"));

        let none = super::erase(&mut tx, &clerk(), "customer", "C404", "asked").await;
        assert!(matches!(none, Err(crate::kernel::Fault::NotFound { .. })));
        let erased =
            super::erase(&mut tx, &Actor::system(), "customer", &customer().to_string(), "asked").await.unwrap();
        assert_eq!(usize::try_from(erased.parts).unwrap(), before.len());
        seal(&mut tx, &key).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = test.read().await;
        let after = list(&mut tx, &filter, 100).await.unwrap();
        assert_eq!(after.len(), before.len());
        assert!(after.iter().all(|event| event.erased && event.data["after"]["phone"].is_null()));
        assert!(after.iter().any(|event| event.actor.name == "Rahima Begum"), "the clerk is another person");
        let report = verify(&mut tx, &key, &[head]).await.unwrap();
        assert!(report.ok, "{:?}", report.problems);
        assert!(report.erased_parts > 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_sealed_cannot_be_changed_by_a_slip() {
    on_both(|test| async move {
        let key = Key::new(b"k");
        office(&test, &key).await;
        for slip in [
            "UPDATE events SET kind = 'x'",
            "DELETE FROM events",
            "UPDATE event_personal SET content = '{}'",
            "UPDATE event_seals SET entries = 1",
            "DELETE FROM event_seals",
            "DELETE FROM event_sealed",
        ] {
            let mut tx = test.begin().await;
            assert!(sqlx::query(slip).execute(tx.conn()).await.is_err(), "{slip}");
        }
    })
    .await;
}

/// Takes the guards away, lets the forger work, and puts the guards back, as a careful forger would.
async fn forge(tx: &mut Tx, guards: &[(String, String)], work: &[String]) {
    let mut all: Vec<String> = vec!["PRAGMA defer_foreign_keys = ON".into()];
    all.extend(guards.iter().map(|(name, _)| format!("DROP TRIGGER {name}")));
    all.extend(work.iter().cloned());
    all.extend(guards.iter().map(|(_, sql)| sql.clone()));
    for sql in all {
        let shown = sql.clone();
        if let Err(error) = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(tx.conn()).await {
            panic!("the forger slipped: {error}\n{shown}");
        }
    }
}

async fn texts(tx: &mut Tx, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(tx.conn()).await.unwrap()
}

/// What a forger may do to sealed rows. Every one leaves the rows well-formed: only the chain can tell.
fn forgery(rng: &mut Chance, events: &[String], seals: usize) -> (String, Vec<String>) {
    let one = events[rng.below(events.len())].clone();
    let other = loop {
        let other = &events[rng.below(events.len())];
        if *other != one {
            break other.clone();
        }
    };
    let no = 1 + rng.below(seals);
    let bit = rng.below(256);
    let flip = |column: &str, place: &str| {
        // One hexadecimal digit of a stored digest becomes another.
        let at = 1 + bit % 64;
        format!(
            "UPDATE {place} SET {column} = unhex(substr(hex({column}), 1, {0}) || \
             CASE substr(hex({column}), {at}, 1) WHEN '0' THEN '1' ELSE '0' END || substr(hex({column}), {1}))",
            at - 1,
            at + 1
        )
    };
    let work = match rng.below(19) {
        0 => vec![format!("UPDATE events SET kind = kind || 'x' WHERE id = '{one}'")],
        1 => vec![format!("UPDATE events SET at_ms = at_ms + {} WHERE id = '{one}'", 1 + bit)],
        2 => vec![format!("UPDATE events SET actor_id = 'S{bit}' WHERE id = '{one}'")],
        3 => vec![format!("UPDATE events SET actor_name = 'Nobody {bit}' WHERE id = '{one}'")],
        4 => vec![format!("UPDATE events SET actor_kind = 'agent', actor_from = '10.0.0.{bit}' WHERE id = '{one}'")],
        5 => vec![format!("UPDATE events SET subject_id = subject_id || '{bit}' WHERE id = '{one}'")],
        6 => vec![format!("UPDATE events SET customer_id = 'C{bit}' WHERE id = '{one}'")],
        7 => {
            vec![format!("UPDATE events SET data = json_set(data, '$.after.plan', {}) WHERE id = '{one}'", 1_000 + bit)]
        }
        8 => vec![format!("UPDATE events SET personal = 3 - personal WHERE id = '{one}'")],
        // Gone, with and without its traces.
        9 => vec![format!("DELETE FROM events WHERE id = '{one}'")],
        10 => [("event_personal", "event_id"), ("event_sealed", "event_id"), ("events", "id")]
            .map(|(table, column)| format!("DELETE FROM {table} WHERE {column} = '{one}'"))
            .to_vec(),
        11 => vec![format!("DELETE FROM event_sealed WHERE event_id = '{one}'")],
        // Another order: two change places.
        12 => vec![
            format!(
                "CREATE TEMP TABLE x AS SELECT event_id, seal_no, position FROM event_sealed WHERE event_id IN ('{one}', '{other}')"
            ),
            format!("UPDATE event_sealed SET position = -position WHERE event_id IN ('{one}', '{other}')"),
            format!(
                "UPDATE event_sealed SET seal_no = (SELECT seal_no FROM x WHERE event_id = '{other}'), position = (SELECT position FROM x WHERE event_id = '{other}') WHERE event_id = '{one}'"
            ),
            format!(
                "UPDATE event_sealed SET seal_no = (SELECT seal_no FROM x WHERE event_id = '{one}'), position = (SELECT position FROM x WHERE event_id = '{one}') WHERE event_id = '{other}'"
            ),
        ],
        // One that never was, with all that belongs to it.
        13 => vec![
            format!(
                "INSERT INTO events SELECT id || 'F', at_ms, kind, actor_kind, actor_id, actor_name, actor_from, subject_kind, subject_id, branch_id, customer_id, data, personal FROM events WHERE id = '{one}'"
            ),
            format!(
                "INSERT INTO event_sealed SELECT event_id || 'F', seal_no, 1000, digest, actor_digest, data_digest FROM event_sealed WHERE event_id = '{one}'"
            ),
            format!(
                "UPDATE event_seals SET entries = entries + 1 WHERE no = (SELECT seal_no FROM event_sealed WHERE event_id = '{one}')"
            ),
        ],
        // What tells who a person is, edited or taken away without an erasure.
        14 => {
            vec!["UPDATE event_personal SET content = replace(content, 'Rahima', 'Fatema') WHERE part = 'actor'".into()]
        }
        15 => vec!["DELETE FROM event_personal WHERE part = 'data'".to_owned()],
        // The seals themselves.
        16 => vec![format!("UPDATE event_seals SET sealed_at_ms = sealed_at_ms - {} WHERE no = {no}", 1 + bit)],
        17 => vec![flip("mac", "event_seals") + &format!(" WHERE no = {no}")],
        // The end is cut off, from some seal on, with everything that lay under it: whole in itself.
        _ => vec![
            format!(
                "CREATE TEMP TABLE x AS SELECT event_id FROM event_sealed WHERE seal_no >= {no} UNION SELECT event_id FROM event_unsealed"
            ),
            "DELETE FROM event_personal WHERE event_id IN (SELECT event_id FROM x)".into(),
            "DELETE FROM event_unsealed".into(),
            "DELETE FROM event_sealed WHERE event_id IN (SELECT event_id FROM x)".into(),
            format!("DELETE FROM event_seals WHERE no >= {no}"),
            "DELETE FROM events WHERE id IN (SELECT event_id FROM x)".into(),
        ],
    };
    (format!("{one} {other} seal {no}"), work)
}

#[tokio::test]
async fn a_thousand_forgeries_are_all_found() {
    let test = TestDb::sqlite().await;
    let key = Key::new(b"k");
    let head = [office(&test, &key).await];
    let mut tx = test.begin().await;
    let events = texts(&mut tx, "SELECT event_id FROM event_sealed ORDER BY event_id").await;
    const TRIGGERS: &str = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'event%' ORDER BY name";
    const BODIES: &str = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'event%' ORDER BY name";
    let guards: Vec<_> = texts(&mut tx, TRIGGERS).await.into_iter().zip(texts(&mut tx, BODIES).await).collect();
    tx.rollback().await.unwrap();
    assert_eq!(guards.len(), 11);

    let mut tx = test.begin().await;
    forge(&mut tx, &guards, &[]).await;
    let untouched = verify(&mut tx, &key, &head).await.unwrap();
    assert!(untouched.ok, "a forger who does nothing is not found: {:?}", untouched.problems);
    tx.rollback().await.unwrap();

    let mut rng = Chance(TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let mut found = std::collections::BTreeMap::<&'static str, u32>::new();
    for round in 0..1_000 {
        let (place, work) = forgery(&mut rng, &events, 5);
        let mut tx = test.db.begin(&Scope::All).await.unwrap();
        forge(&mut tx, &guards, &work).await;
        let report = verify(&mut tx, &key, &head).await.unwrap();
        assert!(!report.ok, "round {round} at {place} was not found: {work:#?}");
        assert!(report.problems.iter().all(|problem| problem.kind != "guard"), "{:?}", report.problems);
        *found.entry(report.problems[0].kind).or_default() += 1;
        tx.rollback().await.unwrap();
    }
    println!("1000 of 1000 forgeries were found, by their first sign: {found:?}");
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_only_with_a_head_from_elsewhere() {
    let test = TestDb::sqlite().await;
    let key = Key::new(b"k");
    let head = office(&test, &key).await;
    assert_eq!(test.db.dialect(), Dialect::Sqlite);
    let mut tx = test.begin().await;
    let guards = texts(&mut tx, "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'event%'").await;
    let bodies = texts(&mut tx, "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'event%'").await;
    let guards: Vec<_> = guards.into_iter().zip(bodies).collect();
    let cut = [
        "DELETE FROM event_personal WHERE event_id NOT IN (SELECT event_id FROM event_sealed WHERE seal_no < 5)",
        "DELETE FROM event_unsealed",
        "DELETE FROM event_sealed WHERE seal_no = 5",
        "DELETE FROM event_seals WHERE no = 5",
        "DELETE FROM events WHERE id NOT IN (SELECT event_id FROM event_sealed)",
    ];
    forge(&mut tx, &guards, &cut.map(str::to_owned)).await;
    assert!(verify(&mut tx, &key, &[]).await.unwrap().ok, "what is left is whole in itself");
    let report = verify(&mut tx, &key, &[head]).await.unwrap();
    assert_eq!(report.problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(), ["head"]);
}
