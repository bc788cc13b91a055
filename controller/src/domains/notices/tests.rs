//! The outbox on both databases.

use std::sync::Arc;

use lastmile_protocol::ids::StaffId;
use sqlx::Row as _;

use super::{Channel, Data, Queued, Recipient, Skip, Template, Who, enqueue};
use crate::db::Tx;
use crate::db::testing::{TestDb, on_both};
use crate::domains::fixture::{add_branch, bdt};
use crate::domains::settings;
use crate::kernel::{At, Language, SeededRng, Zone};
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
        settings::put(&mut tx, None, "company.name", "Dhaka Fiber").await.unwrap();
        settings::put(&mut tx, Some(rahim.branch_id), "notices.language", "bn").await.unwrap();
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
