//! The Linux router with real packets: they pass, stop both ways when the line is held, and pass again when it is
//! opened; and the octets that the agent reports are the sum of the lengths of the frames that crossed the line.
//!
//! The agent has to stand on the router itself, so this program starts itself once more inside the router's
//! network namespace and tells that one, line by line, what the controller would want.

use std::process::Stdio;

use lastmile_protocol::downlink::{Access, DesiredLine, Profile, RouterKind, RouterPlan};
use lastmile_protocol::ids::{LineId, LineNo};
use lastmile_testbed::netns::{CUSTOMER, LINE, Network};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::agent_alone::{Agent, plan_of, router_id};

const INSIDE: &str = "LASTMILE_INSIDE_A_NAMESPACE";

/// The agent in the router's namespace.
struct Inside {
    _child: Child,
    say: ChildStdin,
    hear: Lines<BufReader<ChildStdout>>,
}

impl Inside {
    async fn start(net: &Network) -> Self {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &net.space("router")])
            .arg(std::env::current_exe().unwrap())
            .args(["scenarios::linux_router::inside", "--exact", "--nocapture"])
            .env(INSIDE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (say, hear) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut inside = Self { _child: child, say, hear };
        assert_eq!(inside.answer().await, "ready");
        inside
    }

    async fn answer(&mut self) -> String {
        while let Some(line) = self.hear.next_line().await.unwrap() {
            if let Some(answer) = line.split_once("@ ").map(|(_, answer)| answer) {
                return answer.to_owned();
            }
        }
        panic!("the agent in the namespace ended");
    }

    async fn ask(&mut self, what: &str) -> String {
        self.say.write_all(format!("{what}\n").as_bytes()).await.unwrap();
        self.answer().await
    }
}

fn static_line(open: bool) -> DesiredLine {
    DesiredLine {
        no: LineNo(1),
        id: LineId::from_bytes([7; 16]),
        counter: 0,
        router: router_id(1),
        access: Access::Static { address: CUSTOMER.into(), interface: LINE.into() },
        profile: Profile { name: String::new(), down_bps: 0, up_bps: 0 },
        open,
    }
}

/// The next line from outside.
async fn next_order() -> Option<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|count| (count > 0).then_some(line))
    });
    read.await.unwrap().unwrap()
}

/// Not a story of its own: the part that runs on the router.
#[tokio::test]
async fn inside() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let here = RouterPlan { kind: RouterKind::Linux, host: String::new(), port: 0, ..plan_of(1, 0) };
    let mut agent = Agent::start(vec![here]);
    agent.want([static_line(true)]);
    agent.verified(1).await;
    agent.polled().await;
    println!("@ ready");
    while let Some(what) = next_order().await {
        let answer = match what.trim() {
            "hold" | "open" => {
                agent.want([static_line(what.trim() == "open")]);
                let seen = agent.verified(1).await.observed.expect("what was seen");
                format!("present {} closed {} up {}", seen.present, seen.closed, seen.sessions.len())
            }
            "again" => {
                agent.die_and_return().await;
                agent.polled().await;
                "back".into()
            }
            "drift" => {
                agent.polled().await;
                let proofs = agent.memory.kept.lock().unwrap().proofs.len();
                let flushed = Command::new("nft").args(["flush", "ruleset"]).status().await.unwrap();
                assert!(flushed.success());
                agent.until("the hold again", |kept| (kept.proofs.len() >= proofs + 2).then_some(())).await;
                "held again".into()
            }
            "remove" => {
                agent.remove(1);
                assert_eq!(agent.buried.recv().await, Some(LineNo(1)));
                "removed".into()
            }
            _ => {
                // An interval is 2 seconds, a poll 1.
                for _ in 0..2 {
                    agent.polled().await;
                }
                let ((down, up), gaps) = agent.sum(1);
                assert_eq!(gaps, (0, 0));
                format!("{down} {up}")
            }
        };
        println!("@ {answer}");
    }
}

#[tokio::test]
async fn packets_stop_and_pass_with_the_line_and_every_octet_is_reported() {
    let net = match Network::lay() {
        Ok(net) => net,
        Err(error) => {
            // Only a missing right excuses.
            let root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
            assert!(!root, "{error:#}");
            println!("skipped: {error:#}");
            return;
        }
    };
    // Somebody else's firewall, which accepts whatever is established.
    let theirs = "add table inet theirs; add chain inet theirs forward { type filter hook forward priority 0; policy accept; }; \
                  add rule inet theirs forward ct state established,related accept";
    net.run("router", &["nft", theirs]).unwrap();
    let before = net.run("router", &["nft", "list", "table", "inet", "theirs"]).unwrap();
    let mut inside = Inside::start(&net).await;
    let (mut down, mut up) = (0, 0);

    let pings = net.ping("customer", 20, 500).unwrap();
    assert_eq!(pings.received, 20, "an open line passes packets");
    (down, up) = (down + 20 * pings.frame, up + 20 * pings.frame);

    assert_eq!(inside.ask("hold").await, "present true closed true up 1");
    let out = net.ping("customer", 5, 100).unwrap();
    assert_eq!(out.received, 0, "a held line passes nothing from the customer");
    up += 5 * out.frame;
    assert_eq!(net.ping("internet", 5, 100).unwrap().received, 0, "and nothing towards him");

    assert_eq!(net.run("router", &["nft", "list", "table", "inet", "theirs"]).unwrap(), before, "other tables stay");

    assert_eq!(inside.ask("again").await, "back", "the agent is killed and returns");
    assert_eq!(inside.ask("drift").await, "held again", "somebody flushes the whole firewall");
    let out = net.ping("customer", 3, 100).unwrap();
    assert_eq!(out.received, 0);
    up += 3 * out.frame;

    assert_eq!(inside.ask("open").await, "present true closed false up 1");
    let back = net.ping("internet", 10, 1_000).unwrap();
    assert_eq!(back.received, 10, "an opened line passes packets again");
    (down, up) = (down + 10 * back.frame, up + 10 * back.frame);

    assert_eq!(net.octets().unwrap(), (down, up), "the kernel counts the frames that were sent");
    assert_eq!(inside.ask("usage").await, format!("{down} {up}"), "and the agent reports each octet");

    assert_eq!(inside.ask("hold").await, "present true closed true up 1");
    assert_eq!(inside.ask("remove").await, "removed");
    assert_eq!(net.ping("customer", 3, 100).unwrap().received, 3, "a removed line leaves nothing behind");
}
