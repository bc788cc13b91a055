//! The list of customers and the timeline on both databases.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use super::{Filter, ListState, Sort, customers, store, timeline};
use crate::db::testing::{START_MS, on_both};
use crate::domains::areas::{self, NewArea};
use crate::domains::customers::{self as people, CustomerChange, search_pattern};
use crate::domains::fixture::{Isp, add_branch};
use crate::domains::lines::{self, HoldReason, NewHold};
use crate::domains::resellers::{self, NewReseller};
use crate::events::LiveState;
use crate::kernel::{Fault, Scope};

const DAY: i64 = 86_400_000;

async fn page(isp: &Isp, filter: &Filter, after: Option<&str>, limit: i64) -> super::CustomerList {
    let mut tx = isp.test.read().await;
    customers(&mut tx, &isp.config, &LiveState::new(), filter, after, limit).await.unwrap()
}

async fn names(isp: &Isp, filter: &Filter) -> Vec<String> {
    let list = page(isp, filter, None, 100).await;
    assert_eq!(list.total, i64::try_from(list.items.len()).unwrap());
    list.items.into_iter().map(|row| row.name).collect()
}

async fn hold(isp: &Isp, line: &lines::Subscription) {
    let mut tx = isp.test.begin().await;
    let new = NewHold { reason: HoldReason::Staff, note: String::new() };
    lines::place_hold(&mut tx, &isp.cashier, line, new).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    on_both(|test| async move {
        for statement in store::statements() {
            let mut tx = test.begin().await;
            let prepared = tx.conn().prepare(AssertSqlSafe(statement.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{:?}: {statement}", prepared.err());
        }
    })
    .await;
}

#[tokio::test]
async fn states_are_counted_and_filtered_alike() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        isp.line("active", None).await;
        isp.line("unknown", Some(None)).await;
        isp.line("expired", Some(Some(START_MS - DAY))).await;
        let held = isp.line("held", None).await;
        hold(&isp, &held).await;
        isp.customer("nobody").await;
        let list = page(&isp, &Filter::default(), None, 100).await;
        let expected = super::Counts { all: 5, active: 2, held: 1, expired: 1, failed: 0, no_line: 1 };
        assert_eq!((list.counts, list.total), (expected, 5));
        for (state, expected) in [
            (ListState::Active, vec!["active", "unknown"]),
            (ListState::Held, vec!["held"]),
            (ListState::Expired, vec!["expired"]),
            (ListState::Failed, vec![]),
            (ListState::NoLine, vec!["nobody"]),
        ] {
            assert_eq!(names(&isp, &Filter { state, ..Filter::default() }).await, expected, "{state:?}");
        }
        let json = serde_json::to_value(&list.items[3]).unwrap();
        assert_eq!(json["subscription"]["state"], "held");
        assert_eq!(json["subscription"]["line_state"], "queued");
        assert_eq!(json["subscription"]["username"], "held");
        assert!(json["subscription"]["online"].is_null());
        assert_eq!(json["credit"]["minor"], 0);
        assert!(serde_json::to_value(&list.items[4]).unwrap()["subscription"].is_null());
    })
    .await;
}

#[tokio::test]
async fn an_ended_line_makes_room_for_the_next() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let first = isp.line("first", None).await;
        let mut tx = isp.test.begin().await;
        lines::end(&mut tx, &isp.cashier, first.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(page(&isp, &Filter::default(), None, 10).await.counts.no_line, 1);
        let mut tx = isp.test.begin().await;
        let asked = isp.asked(first.customer_id, "second", None);
        lines::create(&mut tx, &isp.keyring, &isp.cashier, asked).await.unwrap();
        tx.commit().await.unwrap();
        let list = page(&isp, &Filter::default(), None, 10).await;
        assert_eq!(list.items[0].subscription.as_ref().unwrap().username, "second");
        assert_eq!(list.counts.all, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reseller_sees_to_its_own() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        isp.line("karim", None).await;
        let mut tx = isp.test.begin().await;
        let new = NewReseller { name: "Savar Net".into(), phone: "01812345678".into(), branch_id: None };
        let reseller = resellers::create(&mut tx, &isp.cashier, &new).await.unwrap();
        people::give_to_reseller(&mut tx, &isp.cashier, line.customer_id, Some(reseller.id)).await.unwrap();
        tx.commit().await.unwrap();
        let list = page(&isp, &Filter { reseller: Some(reseller.id), ..Filter::default() }, None, 10).await;
        assert_eq!((list.items.len(), list.counts.all), (1, 1));
        assert_eq!(list.items[0].id, line.customer_id);
    })
    .await;
}

#[tokio::test]
async fn people_are_found_by_what_is_typed() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("pppoe_Rahim", None).await;
        let renamed = CustomerChange {
            name: Some("রহিম Uddin 100%".into()),
            phone: Some("+880 1812-000111".into()),
            ..CustomerChange::default()
        };
        let mut tx = isp.test.begin().await;
        people::change(&mut tx, &isp.cashier, line.customer_id, renamed).await.unwrap();
        tx.commit().await.unwrap();
        isp.line("other", None).await;
        for typed in ["রহিম", "uddin", "01812-000", "+8801812", "lm-000001", "pppoe_rahim", "100%", "০১৮১২"]
        {
            let filter = Filter { pattern: search_pattern(typed), ..Filter::default() };
            assert_eq!(names(&isp, &filter).await, ["রহিম Uddin 100%"], "{typed}");
        }
        for typed in ["%", "_rahim%", "' OR 1=1 --", "zz"] {
            let filter = Filter { pattern: search_pattern(typed), ..Filter::default() };
            let found = names(&isp, &filter).await;
            assert!(found.len() <= 1 && !found.contains(&"other".to_owned()), "{typed}: {found:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_follow_each_other_in_every_order() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        for (n, name) in ["Delta", "alpha", "Charlie", "bravo", "alpha"].into_iter().enumerate() {
            let until = i64::try_from(n).unwrap() * DAY;
            isp.line(&format!("{name}{n}"), if n == 2 { Some(None) } else { Some(Some(START_MS + until)) }).await;
        }
        for sort in Sort::EACH {
            for down in [false, true] {
                let filter = Filter { sort, down, ..Filter::default() };
                let whole: Vec<_> = page(&isp, &filter, None, 100).await.items.iter().map(|row| row.id).collect();
                let (mut walked, mut after) = (Vec::new(), None);
                loop {
                    let list = page(&isp, &filter, after.as_deref(), 2).await;
                    assert_eq!(list.total, 5);
                    walked.extend(list.items.iter().map(|row| row.id));
                    after = list.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(walked, whole, "{sort:?} {down}");
                assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), 5);
            }
        }
        let by_name = page(&isp, &Filter { sort: Sort::Name, ..Filter::default() }, None, 2).await;
        let mut tx = isp.test.read().await;
        let filter = Filter { sort: Sort::PaidUntil, ..Filter::default() };
        let foreign = by_name.next.as_deref();
        let refused = customers(&mut tx, &isp.config, &LiveState::new(), &filter, foreign, 2).await;
        assert!(matches!(refused, Err(Fault::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn an_area_holds_what_lies_within_it_and_credit_is_shown() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let mut tx = isp.test.begin().await;
        let new = |name: &str, parent_id| NewArea { name: name.into(), parent_id, branch_id: None };
        let dhaka = areas::create(&mut tx, &isp.cashier, &new("Dhaka", None)).await.unwrap();
        let savar = areas::create(&mut tx, &isp.cashier, &new("Savar", Some(dhaka.id))).await.unwrap();
        tx.commit().await.unwrap();
        let line = isp.line("rahim", None).await;
        isp.line("karim", None).await;
        let mut tx = isp.test.begin().await;
        let moved = CustomerChange { area_id: Some(Some(savar.id)), ..CustomerChange::default() };
        people::change(&mut tx, &isp.cashier, line.customer_id, moved).await.unwrap();
        tx.commit().await.unwrap();
        isp.pay(line.id, 500, "k").await.unwrap();
        let list = page(&isp, &Filter { area: Some(dhaka.id), ..Filter::default() }, None, 10).await;
        assert_eq!(list.items.len(), 1);
        assert_eq!(list.items[0].credit.minor(), 500);
        assert_eq!(list.items[0].area.as_ref().unwrap().name, "Savar");
        assert_eq!(list.counts.all, 1);
    })
    .await;
}

#[tokio::test]
async fn lists_and_timelines_keep_to_their_branch() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        let other = add_branch(&isp.test, "Chattogram", "Asia/Dhaka", "BDT").await;
        let mut tx = isp.test.db.read(&Scope::Branches(BTreeSet::from([other]))).await.unwrap();
        let list = customers(&mut tx, &isp.config, &LiveState::new(), &Filter::default(), None, 10).await.unwrap();
        assert_eq!((list.items.len(), list.counts.all), (0, 0));
        let refused = timeline(&mut tx, line.customer_id, None, 10).await;
        assert!(matches!(refused, Err(Fault::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn the_timeline_tells_the_story_once_newest_first() {
    on_both(|test| async move {
        let isp = Isp::open(test).await;
        let line = isp.line("rahim", None).await;
        isp.test.clock.advance(1_000);
        hold(&isp, &line).await;
        isp.test.clock.advance(1_000);
        isp.pay(line.id, 80_000, "k").await.unwrap();
        let mut tx = isp.test.read().await;
        let (mut kinds, mut after) = (Vec::new(), None::<(i64, String)>);
        loop {
            let page = timeline(&mut tx, line.customer_id, after, 1).await.unwrap();
            kinds.extend(page.items.iter().map(|item| item.kind.clone()));
            let Some(next) = page.next else { break };
            after = Some(crate::kernel::paging::parse_cursor(&next).unwrap());
        }
        let expected = BTreeMap::from([(0, "payment.taken"), (1, "hold.placed")]);
        for (at, kind) in expected {
            assert_eq!(kinds[at], kind, "{kinds:?}");
        }
        assert_eq!(kinds.len(), 4, "{kinds:?}");
    })
    .await;
}
