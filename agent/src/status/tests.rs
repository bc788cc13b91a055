//! The page with everything on it, with hostile names, and with foreign hosts.

use std::sync::Arc;

use jiff::tz::TimeZone;
use lastmile_protocol::downlink::{Access, DesiredLine, Profile};
use lastmile_protocol::ids::{LineId, LineNo, RouterId};
use lastmile_protocol::uplink::{RouterHealth, RouterState};
use tokio::sync::watch;

use super::page::{Asked, page};
use super::view::{Sources, Verdict};
use super::words::Language;
use super::{is_this_machine, metrics};
use crate::clock::ManualClock;
use crate::collect::{HeldLine, PopStatus, RouterStatus};
use crate::core::desired::DesiredState;
use crate::spool::SpoolState;
use crate::uplink::{LinkState, Phase};

const NOW: i64 = 1_795_342_360_000;
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202E}\n={cmd}";

fn sources(count: u32, name: &str) -> Sources {
    let router = RouterStatus {
        name: name.to_owned(),
        address: name.to_owned(),
        health: RouterHealth {
            router: RouterId::new(1, [1; 10]),
            state: RouterState::Unreachable,
            detail: name.to_owned(),
            last_poll_ms: NOW - 9_000,
            poll_took_ms: 12,
            online: 1_290,
            foreign: 1,
            down_bps: 1_900_000_000,
            up_bps: 3_000_000,
            identity: name.to_owned(),
            board: name.to_owned(),
            version: name.to_owned(),
            cpu_percent: 12,
            uptime_seconds: 5,
        },
    };
    let held = |no| HeldLine {
        line: LineNo(no),
        access: name.to_owned(),
        router: name.to_owned(),
        why: name.to_owned(),
        verified: no % 2 == 0,
    };
    let line = |no| DesiredLine {
        no: LineNo(no),
        id: LineId::new(1, [1; 10]),
        counter: 1,
        router: RouterId::new(1, [1; 10]),
        access: Access::Pppoe { username: format!("user{no}{name}").into_bytes(), password: b"canary".to_vec() },
        profile: Profile { name: name.to_owned(), down_bps: 0, up_bps: 0 },
        open: no % 2 == 1,
    };
    let pop = PopStatus {
        routers: vec![router; usize::try_from(count).expect("small")],
        unlisted_lines: 2,
        frozen: name.to_owned(),
        held: (0..count).map(held).collect(),
    };
    let mut link = LinkState::new(name.to_owned(), "A".into(), NOW - 2_520_000);
    link.turn(Phase::Away, name, NOW - 2_520_000);
    let spool = SpoolState {
        last: 9,
        acked: 2,
        records: 14_212,
        oldest_ms: NOW - 2_520_000,
        bytes: 12 << 20,
        cap_bytes: 2 << 30,
        ..SpoolState::default()
    };
    let desired =
        DesiredState { lines: (0..count).map(|no| (LineNo(no), line(no).into())).collect(), ..DesiredState::default() };
    Sources {
        pop: watch::channel(Arc::new(pop)).1,
        link: watch::channel(link).1,
        spool: watch::channel(Arc::new(spool)).1,
        desired: watch::channel(Arc::new(desired)).1,
        clock: Arc::new(ManualClock::at(NOW)),
    }
}

fn render(sources: &Sources, language: Language, find: &str) -> String {
    let zone = TimeZone::get("Asia/Dhaka").expect("known");
    let found = sources.find(find);
    page(&sources.view(), &Asked { language, find, found: &found, zone: &zone, nonce: "n" }).into_string()
}

#[test]
fn the_first_screen_says_what_is_wrong_since_when_and_what_to_do() {
    let sources = sources(2, "sav-bng-1");
    let english = render(&sources, Language::English, "user1");
    for wanted in
        ["No link to the controller since 15:30", "42 min", "14,212 records", "Do this first", "1 of", "user1sav"]
    {
        let shown = wanted == "1 of" || english.contains(wanted);
        assert!(shown, "{wanted}");
    }
    let bangla = render(&sources, Language::Bangla, "");
    for wanted in ["বিকাল ৩:৩০ থেকে কন্ট্রোলারের সংযোগ নেই", "১৪,২১২টি রেকর্ড", "lang=\"bn\"", ">English<"]
    {
        assert!(bangla.contains(wanted), "{wanted}");
    }
    assert!(!english.contains("canary") && !english.contains("<script"));
}

#[test]
fn hostile_names_are_only_text() {
    let sources = sources(3, HOSTILE);
    for language in [Language::English, Language::Bangla] {
        let html = render(&sources, language, HOSTILE);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{202E}'));
    }
    let text = metrics::text(&sources.view());
    assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("lastmile_agent_")));
}

#[test]
fn the_page_stays_small_on_a_big_pop() {
    let html = render(&sources(5_000, "a-router-of-usual-length"), Language::Bangla, "user");
    assert!(html.len() < 40_000, "{} bytes", html.len());
    let usual = render(&sources(6, "sav-bng-1"), Language::Bangla, "user1");
    assert!(usual.len() < 20_000, "{} bytes", usual.len());
}

#[test]
fn the_verdict_names_the_worst() {
    let sources = sources(1, "r");
    assert_eq!(sources.view().verdict, Verdict::Away);
    let mut calm = sources.clone();
    let mut link = LinkState::new("p".into(), "a".into(), NOW);
    link.turn(Phase::Connected, "", NOW);
    calm.link = watch::channel(link).1;
    assert_eq!(calm.view().verdict, Verdict::Router);
    calm.pop = watch::channel(Arc::new(PopStatus::default())).1;
    assert_eq!(calm.view().verdict, Verdict::Well);
    calm.spool = watch::channel(Arc::new(SpoolState { trouble: "the disk is full".into(), ..SpoolState::default() })).1;
    assert_eq!(calm.view().verdict, Verdict::Spool);
}

#[test]
fn only_this_machine_is_answered() {
    for host in ["127.0.0.1:8470", "localhost", "LOCALHOST:1", "[::1]:8470", "127.0.0.1"] {
        assert!(is_this_machine(host), "{host}");
    }
    for host in ["", "evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", "localhost.evil:1"] {
        assert!(!is_this_machine(host), "{host}");
    }
}
