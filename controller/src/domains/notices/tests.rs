//! The outbox on both databases.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use lastmile_protocol::ids::{NoticeId, StaffId};
use sqlx::Row as _;

use super::channels::PutSms;
use super::jobs::{Carrier, registry};
use super::senders::{Way, Ways};
use super::store::channels::ChannelRow;
use super::templates::{NewText, TemplateChange};
use super::{
    Channel, Data, Notice, Queued, Recipient, Skip, State, Template, Who, channels, enqueue, outbox, reports, store,
    templates,
};
use crate::db::Tx;
use crate::db::testing::{TestDb, on_both};
use crate::domains::fixture::{add_branch, bdt, person};
use crate::domains::settings;
use crate::gateways::message::{Message, Outcome, Sender};
use crate::jobs::{Driver, run_until_idle};
use crate::kernel::{At, Fault, Language, Scope, SeededRng, Zone};
use crate::secrets::{Keyring, Secret};

fn keyring() -> Keyring {
    Keyring::from_text(&"6".repeat(64), "test", Arc::new(SeededRng::new(4))).unwrap()
}

/// A channel that is set up, by hand.
async fn open_channel(tx: &mut Tx, channel: Channel) {
    sqlx::query(
        "INSERT INTO notice_channels (channel, enabled, settings, per_minute, price_per_1000_minor, currency, \
         updated_at_ms, updated_by) VALUES ($1, 1, '{}', 600, 0, 'BDT', 0, 'test')",
    )
    .bind(channel.as_str())
    .execute(tx.conn())
    .await
    .unwrap();
}

async fn recipient(test: &TestDb) -> Recipient {
    let branch_id = add_branch(test, "Mirpur", "Asia/Dhaka", "BDT").await;
    let mut tx = test.begin().await;
    let staff: StaffId = tx.new_id();
    crate::access::roles::ensure_defaults(&mut tx).await.unwrap();
    sqlx::query(
        "INSERT INTO staff (id, branch_id, username, name, role, password_hash, active, created_at_ms) \
         VALUES ($1, $2, 'rahim', 'Rahim', 'cashier', 'x', 1, 1)",
    )
    .bind(staff.to_string())
    .bind(branch_id.to_string())
    .execute(tx.conn())
    .await
    .unwrap();
    tx.commit().await.unwrap();
    Recipient {
        branch_id,
        who: Who::Staff(staff),
        name: "Rahim".to_owned(),
        email: Some("rahim@isp.example".to_owned()),
        phone: Some("01712345678".to_owned()),
        language: None,
    }
}

fn receipt() -> Data<'static> {
    Data::new().money("amount", bdt(80_000)).text("number", "R-000001").text("package", "Home 20").moment_if(
        "paid_until",
        Some(At(crate::db::testing::START_MS)),
        &Zone::utc(),
    )
}

#[tokio::test]
async fn a_message_takes_the_first_way_that_is_set_up() {
    on_both(|test| async move {
        let rahim = recipient(&test).await;
        let mut tx = test.begin().await;
        let send = async |tx: &mut Tx, to: &Recipient| {
            enqueue(tx, std::slice::from_ref(to), Template::PaymentReceipt, &receipt()).await.unwrap()[0]
        };
        assert_eq!(send(&mut tx, &rahim).await, Queued::Skipped(Skip::NoChannel));
        open_channel(&mut tx, Channel::Email).await;
        assert!(matches!(send(&mut tx, &rahim).await, Queued::Notice { channel: Channel::Email, .. }));
        open_channel(&mut tx, Channel::Sms).await;
        assert!(matches!(send(&mut tx, &rahim).await, Queued::Notice { channel: Channel::Sms, .. }));
        let no_phone = Recipient { phone: None, ..rahim.clone() };
        assert!(matches!(send(&mut tx, &no_phone).await, Queued::Notice { channel: Channel::Email, .. }));
        let neither = Recipient { phone: Some("12".to_owned()), email: Some("no".to_owned()), ..rahim };
        assert_eq!(send(&mut tx, &neither).await, Queued::Skipped(Skip::NoAddress));
    })
    .await;
}

#[tokio::test]
async fn a_message_speaks_the_language_of_its_recipient() {
    on_both(|test| async move {
        let rahim = recipient(&test).await;
        let mut tx = test.begin().await;
        open_channel(&mut tx, Channel::Sms).await;
        settings::put(&mut tx, None, settings::COMPANY_NAME, r#""Dhaka Fiber""#).await.unwrap();
        settings::put(&mut tx, Some(rahim.branch_id), settings::LANGUAGE, r#""bn""#).await.unwrap();
        let english = Recipient { language: Some(Language::En), ..rahim.clone() };
        enqueue(&mut tx, &[rahim, english], Template::PaymentReceipt, &receipt()).await.unwrap();
        let rows = sqlx::query("SELECT language, body, parts FROM notices ORDER BY language")
            .fetch_all(tx.conn())
            .await
            .unwrap();
        assert_eq!(rows[0].get::<String, _>("language"), "bn");
        assert!(rows[0].get::<String, _>("body").starts_with("Dhaka Fiber: Home 20 বাবদ ৮০০ টাকা পেয়েছি"));
        assert_eq!(rows[0].get::<i64, _>("parts"), 2);
        assert_eq!(
            rows[1].get::<String, _>("body"),
            "Dhaka Fiber: received Tk 800 for Home 20, receipt R-000001. Thank you.\nPaid until 22 Nov 2026, 15:00."
        );
        assert_eq!(rows[1].get::<i64, _>("parts"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_secret_lies_sealed_in_the_outbox() {
    on_both(|test| async move {
        let (rahim, keys) = (recipient(&test).await, keyring());
        let mut tx = test.begin().await;
        open_channel(&mut tx, Channel::Sms).await;
        let data = || Data::new().number("minutes", 10).secret("code", Secret::new("482913".to_owned()), &keys);
        enqueue(&mut tx, std::slice::from_ref(&rahim), Template::SignInCode, &data()).await.unwrap();
        let row = sqlx::query("SELECT id, body, sealed_body FROM notices").fetch_one(tx.conn()).await.unwrap();
        assert!(!row.get::<String, _>("body").contains("482913"));
        let (id, sealed): (String, Vec<u8>) = (row.get("id"), row.get("sealed_body"));
        let clear = keys.open("notices", &id, "sealed_body", &sealed).unwrap();
        assert!(String::from_utf8(clear).unwrap().contains("482913"));
        // A caller that forgets that it is a secret, or forgets a value, is told.
        let open = Data::new().number("minutes", 10).text("code", "482913");
        assert!(enqueue(&mut tx, std::slice::from_ref(&rahim), Template::SignInCode, &open).await.is_err());
        let less = Data::new().secret("code", Secret::new("1".to_owned()), &keys);
        assert!(enqueue(&mut tx, &[rahim], Template::SignInCode, &less).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn one_cause_is_one_message_and_a_rollback_is_none() {
    on_both(|test| async move {
        let rahim = recipient(&test).await;
        let mut tx = test.begin().await;
        open_channel(&mut tx, Channel::Sms).await;
        tx.commit().await.unwrap();
        let mut tx = test.begin().await;
        enqueue(&mut tx, std::slice::from_ref(&rahim), Template::PaymentReceipt, &receipt()).await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = test.begin().await;
        let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM notices";
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(tx.conn()).await.unwrap(), 0);
        let data = || receipt().once("payment:1");
        let first = enqueue(&mut tx, std::slice::from_ref(&rahim), Template::PaymentReceipt, &data()).await.unwrap();
        assert!(matches!(first[0], Queued::Notice { .. }));
        let again = enqueue(&mut tx, &[rahim], Template::PaymentReceipt, &data()).await.unwrap();
        assert_eq!(again, [Queued::Before]);
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(tx.conn()).await.unwrap(), 1);
    })
    .await;
}

/// A provider that does as it is told, and remembers what it heard.
#[derive(Clone, Default)]
struct Provider {
    answers: Arc<Mutex<VecDeque<Outcome>>>,
    heard: Arc<Mutex<Vec<Message>>>,
    deduplicates: bool,
}

impl Provider {
    fn says(&self, outcome: Outcome) {
        self.answers.lock().unwrap().push_back(outcome);
    }

    fn heard(&self) -> Vec<Message> {
        self.heard.lock().unwrap().clone()
    }
}

impl Sender for Provider {
    fn deduplicates(&self) -> bool {
        self.deduplicates
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.heard.lock().unwrap().push(message.clone());
        let next = self.answers.lock().unwrap().pop_front();
        Box::pin(std::future::ready(next.unwrap_or(Outcome::Accepted { provider_id: Some("P1".to_owned()) })))
    }
}

impl Ways for Provider {
    fn way(&self, _: Channel, _: &ChannelRow) -> Result<Way, Fault> {
        Ok(Way { provider: "test".to_owned(), sender: Arc::new(self.clone()) })
    }
}

/// The outbox with a provider, a way that is set up, and somebody to write to.
struct Office {
    test: TestDb,
    provider: Provider,
    rahim: Recipient,
}

impl Office {
    async fn open(test: TestDb, deduplicates: bool) -> Self {
        let rahim = recipient(&test).await;
        let mut tx = test.begin().await;
        open_channel(&mut tx, Channel::Sms).await;
        tx.commit().await.unwrap();
        Self { test, provider: Provider { deduplicates, ..Provider::default() }, rahim }
    }

    fn driver(&self) -> Driver {
        let ways = Arc::new(self.provider.clone());
        let carrier = Carrier::new(self.test.db.clone(), Arc::new(keyring()), self.test.rng.clone(), ways);
        Driver::new(self.test.db.clone(), registry(carrier), &*self.test.rng)
    }

    async fn work(&self) {
        run_until_idle(&self.driver()).await.unwrap();
    }

    async fn send(&self) -> NoticeId {
        let mut tx = self.test.begin().await;
        let to = std::slice::from_ref(&self.rahim);
        let queued = enqueue(&mut tx, to, Template::PaymentReceipt, &receipt()).await.unwrap();
        tx.commit().await.unwrap();
        match queued[0] {
            Queued::Notice { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    async fn look(&self, id: NoticeId) -> Notice {
        outbox::load(&mut self.test.read().await, id).await.unwrap()
    }
}

fn unclear() -> Outcome {
    Outcome::Unclear { detail: "no answer".to_owned() }
}

fn later() -> Outcome {
    Outcome::Later { detail: "busy".to_owned() }
}

#[tokio::test]
async fn a_message_goes_out_once_and_is_reported() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let id = office.send().await;
        office.work().await;
        office.work().await;
        let sent = office.look(id).await;
        assert_eq!((sent.state, sent.attempts, sent.provider_id.as_deref()), (State::Sent, 1, Some("P1")));
        assert_eq!(office.provider.heard().len(), 1);
        assert_eq!(office.provider.heard()[0].to, "+8801712345678");
        let report =
            |state: &str| BTreeMap::from([("id".to_owned(), "P1".to_owned()), ("st".to_owned(), state.to_owned())]);
        let mut tx = office.test.begin().await;
        let preset = crate::gateways::message::sms::presets::presets().remove(0);
        let rules = crate::gateways::message::sms::ReportRules {
            id: "id".to_owned(),
            state: "st".to_owned(),
            delivered: vec!["DELIVRD".to_owned()],
            failed: vec!["UNDELIV".to_owned()],
        };
        let settings = crate::gateways::message::sms::SmsSettings { reports: Some(rules), ..preset };
        sqlx::query("UPDATE notice_channels SET settings = $1")
            .bind(serde_json::to_string(&settings).unwrap())
            .execute(tx.conn())
            .await
            .unwrap();
        for (word, after) in [("ACCEPTD", State::Sent), ("DELIVRD", State::Delivered), ("UNDELIV", State::Delivered)] {
            reports::take(&mut tx, &report(word)).await.unwrap();
            assert_eq!(outbox::load(&mut tx, id).await.unwrap().state, after, "{word}");
        }
        reports::take(&mut tx, &BTreeMap::from([("x".to_owned(), "y".to_owned())])).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn what_may_have_gone_out_is_left_to_a_person() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        office.provider.says(unclear());
        let id = office.send().await;
        for _ in 0..5 {
            office.work().await;
            office.test.clock.advance(600_000);
        }
        assert_eq!(office.provider.heard().len(), 1);
        let unknown = office.look(id).await;
        assert_eq!(
            (unknown.state, unknown.can_retry, unknown.detail.as_deref()),
            (State::Unknown, true, Some("no answer"))
        );
        let mut tx = office.test.begin().await;
        outbox::retry(&mut tx, &person("Karim", 1), id).await.unwrap();
        assert!(outbox::retry(&mut tx, &person("Karim", 1), id).await.is_err());
        tx.commit().await.unwrap();
        office.work().await;
        assert_eq!(office.look(id).await.state, State::Sent);
        assert_eq!(office.provider.heard().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_knows_our_ids_is_asked_again() {
    on_both(|test| async move {
        let office = Office::open(test, true).await;
        office.provider.says(unclear());
        let id = office.send().await;
        office.work().await;
        assert_eq!(office.look(id).await.state, State::Queued);
        office.test.clock.advance(60_000);
        office.work().await;
        assert_eq!(office.look(id).await.state, State::Sent);
        let heard = office.provider.heard();
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[0].id, heard[1].id);
    })
    .await;
}

#[tokio::test]
async fn a_sender_that_was_killed_leaves_a_doubt_and_no_second_message() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let id = office.send().await;
        // The sender marks it, and is never heard of again.
        let mut tx = office.test.begin().await;
        let until = tx.now_ms() + 1_000;
        let claimed = store::sending::claim(&mut tx, Channel::Sms, ("gone", until), "test", 8).await.unwrap();
        assert_eq!(claimed.len(), 1);
        tx.commit().await.unwrap();
        office.work().await;
        assert_eq!(office.look(id).await.state, State::Sending);
        office.test.clock.advance(120_000);
        office.work().await;
        assert_eq!(office.look(id).await.state, State::Unknown);
        assert!(office.provider.heard().is_empty());
        // Whoever comes back late changes nothing.
        let mut tx = office.test.begin().await;
        let end = store::sending::Recorded {
            state: State::Sent,
            attempts: 1,
            due_at_ms: None,
            provider_id: None,
            reason: None,
            detail: None,
        };
        assert!(!store::sending::record(&mut tx, id, "gone", &end).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_busy_provider_is_asked_later_and_given_up_in_the_end() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        for _ in 0..20 {
            office.provider.says(later());
        }
        let id = office.send().await;
        office.work().await;
        let waiting = office.look(id).await;
        assert_eq!((waiting.state, waiting.reason.as_deref()), (State::Queued, Some("later")));
        assert!(waiting.due_at.0 > waiting.created_at.0);
        for _ in 0..20 {
            office.test.clock.advance(20 * 60_000);
            office.work().await;
        }
        let over = office.look(id).await;
        assert_eq!((over.state, over.reason.as_deref()), (State::Failed, Some("gave_up")));
        assert_eq!(office.provider.heard().len(), 8);
    })
    .await;
}

#[tokio::test]
async fn a_way_that_is_down_rests_and_costs_no_message_a_try() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let down = Outcome::Down { detail: "1007: Balance Insufficient".to_owned() };
        let ids = [office.send().await, office.send().await, office.send().await];
        for _ in 0..3 {
            office.provider.says(down.clone());
        }
        office.work().await;
        assert_eq!(office.provider.heard().len(), 3);
        for id in ids {
            let waiting = office.look(id).await;
            assert_eq!((waiting.state, waiting.attempts), (State::Queued, 0));
        }
        let mut tx = office.test.read().await;
        let known = store::channels::remembered(&mut tx, Channel::Sms).await.unwrap().unwrap();
        assert_eq!(known.trouble.as_deref(), Some("1007: Balance Insufficient"));
        assert!(known.paused_until_ms.is_some());
        drop(tx);
        // Nothing is tried while it rests, however many come.
        office.send().await;
        office.work().await;
        assert_eq!(office.provider.heard().len(), 3);
        office.test.clock.advance(61_000);
        office.work().await;
        for id in ids {
            assert_eq!(office.look(id).await.state, State::Sent);
        }
        let mut tx = office.test.read().await;
        let known = store::channels::remembered(&mut tx, Channel::Sms).await.unwrap().unwrap();
        assert_eq!((known.trouble, known.pauses), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn the_pace_is_kept() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let mut tx = office.test.begin().await;
        sqlx::query("UPDATE notice_channels SET per_minute = 60").execute(tx.conn()).await.unwrap();
        let all = vec![office.rahim.clone(); 20];
        enqueue(&mut tx, &all, Template::PaymentReceipt, &receipt()).await.unwrap();
        tx.commit().await.unwrap();
        office.work().await;
        assert_eq!(office.provider.heard().len(), 5);
        office.test.clock.advance(3_000);
        office.work().await;
        assert_eq!(office.provider.heard().len(), 8);
        for _ in 0..12 {
            office.test.clock.advance(1_000);
            office.work().await;
        }
        assert_eq!(office.provider.heard().len(), 20);
    })
    .await;
}

#[tokio::test]
async fn what_is_too_late_is_not_sent_and_a_secret_does_not_outlive_its_message() {
    on_both(|test| async move {
        let (office, keys) = (Office::open(test, false).await, keyring());
        let code = async |code: &str| {
            let mut tx = office.test.begin().await;
            let data = Data::new().number("minutes", 10).secret("code", Secret::new(code.to_owned()), &keys);
            let to = std::slice::from_ref(&office.rahim);
            let queued = enqueue(&mut tx, to, Template::SignInCode, &data).await.unwrap();
            tx.commit().await.unwrap();
            match queued[0] {
                Queued::Notice { id, .. } => id,
                other => panic!("{other:?}"),
            }
        };
        let first = code("111111").await;
        office.test.clock.advance(11 * 60_000);
        let second = code("222222").await;
        office.work().await;
        assert_eq!((office.look(first).await.state, office.look(second).await.state), (State::Failed, State::Sent));
        let heard = office.provider.heard();
        assert_eq!(heard.len(), 1);
        assert!(heard[0].text.contains("222222"));
        assert!(!format!("{:?}", heard[0]).contains("222222"));
        let mut tx = office.test.begin().await;
        let left: i64 =
            sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM notices WHERE sealed_body IS NOT NULL")
                .fetch_one(tx.conn())
                .await
                .unwrap();
        assert_eq!(left, 0);
        assert!(!office.look(first).await.can_retry);
        let refused = outbox::retry(&mut tx, &person("Karim", 1), first).await;
        assert!(matches!(refused, Err(Fault::Conflict { code: "secret_gone", .. })));
    })
    .await;
}

#[tokio::test]
async fn a_waiting_message_can_be_stopped_and_lists_are_scoped() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let id = office.send().await;
        let mut tx = office.test.begin().await;
        let stopped = outbox::cancel(&mut tx, &person("Karim", 1), id).await.unwrap();
        assert_eq!(stopped.state, State::Cancelled);
        assert!(outbox::cancel(&mut tx, &person("Karim", 1), id).await.is_err());
        tx.commit().await.unwrap();
        office.work().await;
        assert!(office.provider.heard().is_empty());
        let filter = store::outbox::Filter { search: Some("rah%".to_owned()), ..Default::default() };
        assert_eq!(outbox::list(&mut office.test.read().await, &filter, 10).await.unwrap().len(), 1);
        let filter = store::outbox::Filter { state: Some(State::Sent), ..Default::default() };
        assert!(outbox::list(&mut office.test.read().await, &filter, 10).await.unwrap().is_empty());
        let elsewhere = add_branch(&office.test, "Uttara", "Asia/Dhaka", "BDT").await;
        let scope = Scope::Branches(BTreeSet::from([elsewhere]));
        let mut tx = office.test.db.read(&scope).await.unwrap();
        assert!(outbox::list(&mut tx, &Default::default(), 10).await.unwrap().is_empty());
        assert!(outbox::counts(&mut tx).await.unwrap().is_empty());
        assert!(matches!(outbox::load(&mut tx, id).await, Err(Fault::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn texts_are_checked_saved_used_and_put_back() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let (karim, branch) = (person("Karim", 1), office.rahim.branch_id);
        let text = |body: &str| NewText {
            language: Language::En,
            channel: Channel::Sms,
            subject: String::new(),
            body: body.to_owned(),
        };
        let change = |texts: Vec<NewText>, enabled| TemplateChange { enabled, channels: None, texts };
        let mut tx = office.test.begin().await;
        let wrong = change(vec![text("Thanks {nam}")], None);
        match templates::change(&mut tx, &karim, branch, Template::PaymentReceipt, wrong).await {
            Err(Fault::Invalid(errors)) => assert_eq!(errors[0].field, "texts[0].body"),
            other => panic!("{other:?}"),
        }
        let off = change(Vec::new(), Some(false));
        assert!(templates::change(&mut tx, &karim, branch, Template::SignInCode, off.clone()).await.is_err());
        let good = change(vec![text("Got {amount}.")], None);
        let view = templates::change(&mut tx, &karim, branch, Template::PaymentReceipt, good).await.unwrap();
        assert_eq!(view.texts.iter().filter(|text| !text.is_default).count(), 1);
        tx.commit().await.unwrap();
        let id = office.send().await;
        assert_eq!(office.look(id).await.body, "Got Tk 800.");
        let mut tx = office.test.begin().await;
        let preview = templates::preview(&mut tx, Template::PaymentReceipt, &text("ok ৳{amount}")).await.unwrap();
        let sms = preview.sms.unwrap();
        assert_eq!((preview.body.as_str(), sms.parts, sms.costly), ("ok ৳Tk 800", 1, vec!["৳".to_owned()]));
        let view =
            templates::reset(&mut tx, &karim, branch, Template::PaymentReceipt, &Default::default()).await.unwrap();
        assert!(view.texts.iter().all(|text| text.is_default) && view.is_default);
        templates::change(&mut tx, &karim, branch, Template::PaymentReceipt, off).await.unwrap();
        let queued =
            enqueue(&mut tx, std::slice::from_ref(&office.rahim), Template::PaymentReceipt, &receipt()).await.unwrap();
        assert_eq!(queued, [Queued::Skipped(Skip::SwitchedOff)]);
        let scope = Scope::Branches(BTreeSet::from([branch]));
        drop(tx);
        let mut tx = office.test.db.begin(&scope).await.unwrap();
        let other = change(Vec::new(), Some(true));
        let refused = templates::change(&mut tx, &karim, branch, Template::PaymentReceipt, other).await;
        assert!(matches!(refused, Err(Fault::Forbidden { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_key_is_kept_and_not_given_to_another_provider() {
    on_both(|test| async move {
        let office = Office::open(test, false).await;
        let (karim, branch, keys) = (person("Karim", 1), office.rahim.branch_id, keyring());
        let preset = crate::gateways::message::sms::presets::presets().remove(0);
        let put = |settings, key: Option<&str>| PutSms {
            enabled: true,
            settings,
            per_minute: 60,
            price_per_1000: Some(bdt(25_500)),
            secrets: key.map(|key| ("api_key".to_owned(), Secret::new(key.to_owned()))).into_iter().collect(),
        };
        let mut tx = office.test.begin().await;
        sqlx::query("DELETE FROM notice_channels").execute(tx.conn()).await.unwrap();
        let set = |channel: &channels::SmsChannel| channel.secrets[0].set;
        let put_sms = async |tx: &mut Tx, put| channels::put_sms(tx, &keys, &karim, branch, put).await;
        assert!(set(&put_sms(&mut tx, put(preset.clone(), Some("c4nary"))).await.unwrap()));
        assert!(set(&put_sms(&mut tx, put(preset.clone(), None)).await.unwrap()));
        let rows = sqlx::query("SELECT settings, secrets FROM notice_channels").fetch_all(tx.conn()).await.unwrap();
        let sealed: Vec<u8> = rows[0].get("secrets");
        assert!(!sealed.windows(6).any(|window| window == b"c4nary"));
        let shown = channels::sms_channel(&mut tx, &keys).await.unwrap();
        assert!(!serde_json::to_string(&shown).unwrap().contains("c4nary"));
        let events: i64 = sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE data LIKE '%c4nary%'")
            .fetch_one(tx.conn())
            .await
            .unwrap();
        assert_eq!(events, 0);
        let elsewhere =
            crate::gateways::message::sms::SmsSettings { url: "https://evil.example/".to_owned(), ..preset };
        assert!(!set(&put_sms(&mut tx, put(elsewhere.clone(), None)).await.unwrap()));
        let mut stray = put(elsewhere, None);
        stray.secrets.insert("other".to_owned(), Secret::new("x".to_owned()));
        assert!(put_sms(&mut tx, stray).await.is_err());
    })
    .await;
}
