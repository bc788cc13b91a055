//! The simulator on the wire: tags, cancel, listen, faults and the quirks that the client must share.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::word::{MAX_SENTENCE, put_word, read_sentence};
use super::{Edit, Fault, Octets, Options, Rates, Simulator, TrafficMode};

struct Wire(TcpStream);

impl Wire {
    async fn connect(simulator: &Simulator) -> Self {
        Self(TcpStream::connect(simulator.api_addr()).await.expect("connects"))
    }

    async fn logged_in(simulator: &Simulator) -> Self {
        let mut wire = Self::connect(simulator).await;
        assert_eq!(wire.ask(&["/login", "=name=lastmile", "=password=testbed"]).await, vec![vec!["!done"]]);
        wire
    }

    async fn send(&mut self, words: &[&str]) {
        self.send_at_once(&[words]).await;
    }

    async fn send_at_once(&mut self, sentences: &[&[&str]]) {
        let mut bytes = Vec::new();
        for words in sentences {
            words.iter().for_each(|word| put_word(&mut bytes, word.as_bytes()));
            bytes.push(0);
        }
        self.0.write_all(&bytes).await.expect("sent");
    }

    async fn sentence(&mut self) -> Option<Vec<String>> {
        let read = tokio::time::timeout(Duration::from_secs(20), read_sentence(&mut self.0, MAX_SENTENCE));
        let words = read.await.expect("an answer in time").ok()?;
        Some(words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }

    /// Sends a command and returns its sentences to `!done`.
    async fn ask(&mut self, words: &[&str]) -> Vec<Vec<String>> {
        self.send(words).await;
        let mut sentences = Vec::new();
        while let Some(sentence) = self.sentence().await {
            let done = sentence.first().is_some_and(|word| word == "!done");
            sentences.push(sentence);
            if done {
                break;
            }
        }
        sentences
    }

    async fn value(&mut self, words: &[&str], name: &str) -> Option<String> {
        let prefix = format!("={name}=");
        let sentences = self.ask(words).await;
        sentences.iter().flatten().find_map(|word| word.strip_prefix(&prefix)).map(str::to_owned)
    }
}

async fn simulator(subscribers: u32) -> Simulator {
    Simulator::start(Options { subscribers, ..Options::default() }).await.expect("starts")
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn nothing_works_before_log_in() {
    let simulator = simulator(0).await;
    let mut wire = Wire::connect(&simulator).await;
    wire.send(&["/ppp/secret/print"]).await;
    assert_eq!(wire.sentence().await, Some(vec!["!fatal".into(), "not logged in".into()]));
    assert_eq!(wire.sentence().await, None);
}

#[tokio::test]
async fn a_refused_log_in_traps_and_still_ends() {
    let simulator = simulator(0).await;
    let mut wire = Wire::connect(&simulator).await;
    let said = wire.ask(&["/login", "=name=lastmile", "=password=no", ".tag=7"]).await;
    assert_eq!(said[0][1], "=message=invalid user name or password (6)");
    assert_eq!(said[1], ["!done", ".tag=7"]);
}

#[tokio::test]
async fn two_prints_are_answered_side_by_side() {
    let simulator = simulator(3_000).await;
    let mut wire = Wire::logged_in(&simulator).await;
    wire.send_at_once(&[
        &["/ppp/active/print", "=.proplist=name,address,caller-id,session-id", ".tag=a"],
        &["/queue/simple/print", "=.proplist=name,bytes,max-limit", ".tag=b"],
    ])
    .await;
    let (mut rows, mut turns, mut last, mut open) = ([0, 0], 0, String::new(), 2);
    while open > 0 {
        let sentence = wire.sentence().await.expect("a sentence");
        let tag = sentence.iter().find(|word| word.starts_with(".tag=")).expect("a tag").clone();
        match sentence[0].as_str() {
            "!done" => open -= 1,
            _ => rows[usize::from(tag == ".tag=b")] += 1,
        }
        turns += u32::from(tag != last);
        last = tag;
    }
    assert_eq!(rows, [3_000, 3_000]);
    assert!(turns > 3, "the replies came one after the other");
}

#[tokio::test]
async fn cancel_ends_a_listen_in_the_order_of_a_real_router() {
    let simulator = simulator(1).await;
    let mut wire = Wire::logged_in(&simulator).await;
    wire.send(&["/ppp/active/listen", "=.proplist=.id,name", ".tag=l"]).await;
    assert_eq!(wire.ask(&["/system/identity/print"]).await.len(), 2);
    assert_eq!(simulator.handle().hang_up("sub00001", "peer-request"), 1);
    let dead = wire.sentence().await.expect("told");
    assert!(dead.contains(&"=.dead=true".to_owned()) && dead.contains(&".tag=l".to_owned()), "{dead:?}");
    simulator.handle().dial("sub00001", None).expect("let in");
    assert!(wire.sentence().await.expect("told").contains(&"=name=sub00001".to_owned()));
    wire.send(&["/cancel", "=tag=l", ".tag=c"]).await;
    assert_eq!(wire.sentence().await.expect("one"), ["!trap", "=category=2", "=message=interrupted", ".tag=l"]);
    assert_eq!(wire.sentence().await.expect("two"), ["!done", ".tag=c"]);
    assert_eq!(wire.sentence().await.expect("three"), ["!done", ".tag=l"]);
}

#[tokio::test]
async fn quit_says_goodbye() {
    let simulator = simulator(0).await;
    let mut wire = Wire::logged_in(&simulator).await;
    wire.send(&["/quit"]).await;
    assert_eq!(wire.sentence().await, Some(vec!["!fatal".into(), "session terminated on request".into()]));
    assert_eq!(wire.sentence().await, None);
}

#[tokio::test]
async fn nothing_is_said_by_version() {
    for (version, says) in [("7.18", true), ("7.17", false), ("6.49.10", false)] {
        let options = Options { version: version.into(), ..Options::default() };
        let simulator = Simulator::start(options).await.expect("starts");
        let mut wire = Wire::logged_in(&simulator).await;
        let said = wire.ask(&["/ppp/active/print", "=.proplist=name"]).await;
        assert_eq!(said.iter().any(|sentence| sentence[0] == "!empty"), says, "{version}");
    }
}

#[tokio::test]
async fn a_kicked_modem_comes_back_only_while_its_secret_is_enabled() {
    let options = Options { subscribers: 1, auto_dial: true, ..Options::default() };
    let simulator = Simulator::start(options).await.expect("starts");
    let handle = simulator.handle();
    let mut wire = Wire::logged_in(&simulator).await;
    let before = handle.sessions().remove(0);
    assert!(handle.pass("sub00001", Octets { down_octets: 5_000, up_octets: 70 }));
    let print: [&str; 2] = ["/ppp/active/print", "=.proplist=.id,name"];
    let id = wire.value(&print, ".id").await.expect("online");
    wire.ask(&["/ppp/active/remove", &format!("=.id={id}")]).await;
    assert!(!handle.online("sub00001"));
    eventually("the modem dials again", || handle.online("sub00001")).await;
    let after = handle.sessions().remove(0);
    assert_ne!(before.session_id, after.session_id);
    assert_eq!((after.interface, after.shown), (before.interface, Octets::default()));
    assert_eq!(handle.true_octets("sub00001").octets, Octets { down_octets: 5_000, up_octets: 70 });

    let secret = wire.value(&["/ppp/secret/print", "=.proplist=.id,name"], ".id").await.expect("a secret");
    wire.ask(&["/ppp/secret/set", &format!("=.id={secret}"), "=disabled=yes"]).await;
    assert!(handle.online("sub00001"), "disabling leaves the session alone");
    let id = wire.value(&print, ".id").await.expect("online");
    wire.ask(&["/ppp/active/remove", &format!("=.id={id}")]).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!handle.online("sub00001"));
    wire.ask(&["/ppp/secret/enable", &format!("=.id={secret}")]).await;
    eventually("the modem dials in", || handle.online("sub00001")).await;
}

#[tokio::test]
async fn a_modem_with_another_password_is_not_let_in() {
    let simulator = simulator(1).await;
    let handle = simulator.handle();
    assert_eq!(handle.hang_up("sub00001", "peer-request"), 1);
    assert_eq!(handle.dial("sub00001", Some("wrong")), Err(super::DialError::WrongPassword));
    assert_eq!(handle.dial("nobody", None), Err(super::DialError::NoSecret));
    let edit = |op: &str| Edit {
        op: op.into(),
        menu: "/ppp/secret".into(),
        name: Some("sub00001".into()),
        fields: Default::default(),
    };
    handle.edit(&edit("disable")).expect("edited");
    assert_eq!(handle.dial("sub00001", None), Err(super::DialError::Disabled));
}

#[tokio::test]
async fn a_print_can_break_off_in_the_middle_of_a_row() {
    let simulator = simulator(10).await;
    let handle = simulator.handle();
    let mut wire = Wire::logged_in(&simulator).await;
    assert!(handle.fault(Fault::CutMidSentence { after_rows: 4, times: 1 }));
    let said = wire.ask(&["/interface/print", "=.proplist=name,tx-byte,rx-byte", "?type=pppoe-in"]).await;
    assert_eq!(said.len(), 4, "whole rows, and no end");
    assert!(handle.readings("sub00001").is_empty(), "what was cut off was not learned");
    let mut wire = Wire::logged_in(&simulator).await;
    assert_eq!(wire.ask(&["/interface/print", "=.proplist=name,tx-byte,rx-byte", "?type=pppoe-in"]).await.len(), 11);
    assert_eq!(handle.readings("sub00001").len(), 1);
}

#[tokio::test]
async fn a_reboot_breaks_connections_and_gives_other_ids() {
    let simulator = simulator(5).await;
    let handle = simulator.handle();
    let mut wire = Wire::logged_in(&simulator).await;
    let before = handle.secret("sub00001").expect("a secret").id;
    assert!(handle.fault(Fault::Reboot { down_ms: 200, clock_1970: false }));
    assert_eq!(wire.sentence().await, None);
    assert!(handle.sessions().is_empty());
    assert_ne!(handle.secret("sub00001").expect("a secret").id, before);
    let api = simulator.api_addr();
    for _ in 0..200 {
        if TcpStream::connect(api).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the port never opened again");
}

#[tokio::test]
async fn a_hanging_router_answers_when_it_is_well_again() {
    let simulator = simulator(0).await;
    let handle = simulator.handle().clone();
    let mut wire = Wire::logged_in(&simulator).await;
    assert!(handle.fault(Fault::Hang { on: true }));
    wire.send(&["/system/identity/print"]).await;
    let silent = tokio::time::timeout(Duration::from_millis(200), wire.0.read_u8()).await;
    assert!(silent.is_err(), "it answered");
    assert!(handle.fault(Fault::Clear));
    assert_eq!(wire.sentence().await.expect("a row"), ["!re", "=name=sim-router"]);
}

#[tokio::test]
async fn closed_and_full_ports_are_seen_as_such() {
    let simulator = simulator(0).await;
    let handle = simulator.handle();
    let wire = Wire::logged_in(&simulator).await;
    assert!(handle.fault(Fault::SessionLimit { n: Some(1) }));
    let mut second = Wire::connect(&simulator).await;
    assert_eq!(second.sentence().await, None, "one too many is cut off");
    drop(wire);
    assert!(handle.fault(Fault::RefuseConnections { on: true }));
    let api = simulator.api_addr();
    for _ in 0..200 {
        if TcpStream::connect(api).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("connecting was never refused");
}

#[tokio::test]
async fn counters_and_the_oracle_agree_and_turn_round_at_the_border() {
    let simulator = simulator(2).await;
    let handle = simulator.handle();
    handle.set_mode(TrafficMode::Manual);
    let passed = Octets { down_octets: 1_000_000, up_octets: 2_000 };
    assert!(handle.pass("sub00002", passed));
    assert!(!handle.pass("nobody", passed));
    let mut wire = Wire::logged_in(&simulator).await;
    let name = "?name=<pppoe-sub00002>";
    let interface = wire.ask(&["/interface/print", "=.proplist=rx-byte,tx-byte", name]).await;
    assert!(
        interface[0].contains(&"=tx-byte=1000000".to_owned()) && interface[0].contains(&"=rx-byte=2000".to_owned())
    );
    let queue = wire.value(&["/queue/simple/print", "=.proplist=bytes,name", name], "bytes").await;
    assert_eq!(queue.as_deref(), Some("2000/1000000"));
    let known = handle.true_octets("sub00002");
    assert_eq!((known.octets, known.read_down_octets), (passed, 1_000_000));
    handle.fix_rate("sub00001", Some(Rates { down_bps: 8_000_000, up_bps: 0 }));
    eventually("traffic flows", || handle.true_octets("sub00001").octets.down_octets > 100_000).await;
}

#[tokio::test]
async fn the_control_port_speaks_json() {
    let simulator = simulator(1).await;
    let at = |path: &str| format!("http://{}{path}", simulator.control_addr());
    let client = reqwest::Client::new();
    let body = serde_json::json!({ "mode": "manual", "add": { "sub00001": { "down_octets": 9, "up_octets": 1 } } });
    let answer = client.post(at("/traffic")).json(&body).send().await.expect("answers");
    assert_eq!(answer.status(), 200);
    let truth: serde_json::Value = client.get(at("/true")).send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(truth["names"]["sub00001"]["down_octets"], 9);
    let fault = serde_json::json!({ "kind": "counters", "name": "nobody", "down_octets": 1, "up_octets": 1 });
    assert_eq!(client.post(at("/fault")).json(&fault).send().await.expect("answers").status(), 409);
    let edit = serde_json::json!({ "op": "add", "fields": { "name": "x", "password": "y" } });
    assert_eq!(client.post(at("/edit")).json(&edit).send().await.expect("answers").status(), 200);
    assert_eq!(client.get(at("/secrets?name=x")).send().await.expect("answers").status(), 200);
}
