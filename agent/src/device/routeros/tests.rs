//! The client against scripts of bytes, as a router (or something that pretends to be one) would send them.

use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::codec::{Limits, Scanner, Sentence, put_word};
use super::{ApiError, Client, Command, Config};

/// The router's end of a connection.
struct Peer {
    stream: DuplexStream,
    have: Vec<u8>,
}

impl Peer {
    /// The words of the next sentence, its tag apart.
    async fn hear(&mut self) -> (Vec<Vec<u8>>, Vec<u8>) {
        loop {
            if let Some(found) = Scanner::new(Limits::default()).scan(&self.have).unwrap() {
                let (from, to) = found.tag.expect("every command carries a tag");
                let tag = self.have[from..to].to_vec();
                let words = Sentence::new(&self.have[..found.words]).words().map(<[u8]>::to_vec).collect();
                self.have.drain(..found.total);
                return (words, tag);
            }
            let mut chunk = [0; 512];
            let count = self.stream.read(&mut chunk).await.unwrap();
            assert!(count > 0, "the client went away");
            self.have.extend_from_slice(&chunk[..count]);
        }
    }

    async fn say(&mut self, tag: &[u8], words: &[&[u8]]) {
        let mut out = Vec::new();
        for word in words {
            put_word(&mut out, &[word]);
        }
        put_word(&mut out, &[b".tag=", tag]);
        out.push(0);
        self.stream.write_all(&out).await.unwrap();
    }
}

fn config() -> Config {
    Config { connect: Duration::from_secs(5), command: Duration::from_millis(200), limits: Limits::default() }
}

async fn logged_in() -> (Client, Peer) {
    let (ours, theirs) = duplex(1 << 16);
    let mut peer = Peer { stream: theirs, have: Vec::new() };
    let (client, ()) = tokio::join!(Client::log_in(ours, b"api", b"p\xe4ss=w", config()), async {
        let (words, tag) = peer.hear().await;
        assert_eq!(words[..3], [b"/login".to_vec(), b"=name=api".to_vec(), b"=password=p\xe4ss=w".to_vec()]);
        peer.say(&tag, &[b"!done"]).await;
    });
    (client.unwrap(), peer)
}

type Listing<F> = (Command, Vec<Vec<u8>>, F);

fn names() -> Listing<impl FnMut(&mut Vec<Vec<u8>>, Sentence<'_>) + Send + 'static> {
    (Command::new("/ppp/active/print").columns("name"), Vec::new(), |all: &mut Vec<Vec<u8>>, row: Sentence<'_>| {
        all.push(row.get(b"name").unwrap_or(b"?").to_vec());
    })
}

#[tokio::test]
async fn answers_of_commands_in_flight_may_interleave() {
    let (client, mut peer) = logged_in().await;
    let (a, b, ()) = tokio::join!(
        async {
            let (c, s, f) = names();
            client.fold(c, s, f).await
        },
        async {
            let (c, s, f) = names();
            client.fold(c, s, f).await
        },
        async {
            let (_, first) = peer.hear().await;
            let (_, second) = peer.hear().await;
            assert_ne!(first, second);
            peer.say(&second, &[b"!re", b"=name=two"]).await;
            peer.say(&first, &[b"!re", b"=name=<on\xe9>"]).await;
            peer.say(b"999", &[b"!re", b"=name=stray"]).await;
            peer.say(&second, &[b"!re"]).await;
            peer.say(&second, &[b"!done"]).await;
            peer.say(&first, &[b"!done"]).await;
        }
    );
    let mut both = [a.unwrap(), b.unwrap()];
    both.sort();
    assert_eq!(both, [vec![b"<on\xe9>".to_vec()], vec![b"two".to_vec(), b"?".to_vec()]]);
}

#[tokio::test]
async fn an_empty_print_of_a_new_version_is_empty() {
    let (client, mut peer) = logged_in().await;
    let (all, ()) = tokio::join!(
        async {
            let (c, s, f) = names();
            client.fold(c, s, f).await
        },
        async {
            let (_, tag) = peer.hear().await;
            peer.say(&tag, &[b"!empty"]).await;
            peer.say(&tag, &[b"!done"]).await;
        }
    );
    assert_eq!(all.unwrap(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn a_refusal_ends_with_its_done_and_the_connection_lives_on() {
    let (client, mut peer) = logged_in().await;
    let (refused, ()) = tokio::join!(client.run(Command::new("/ppp/secret/add").with("name", "x")), async {
        let (_, tag) = peer.hear().await;
        peer.say(&tag, &[b"!trap", b"=category=1", b"=message=secret with the same name already exists"]).await;
        peer.say(&tag, &[b"!trap", b"=message=second"]).await;
        peer.say(&tag, &[b"!done"]).await;
    });
    match refused {
        Err(ApiError::Trap(trap)) => {
            assert_eq!(
                (trap.category, trap.message.as_str()),
                (Some(1), "secret with the same name already exists; second")
            );
        }
        other => panic!("{other:?}"),
    }
    let (done, ()) = tokio::join!(client.run(Command::new("/ppp/secret/add").with("name", "y")), async {
        let (_, tag) = peer.hear().await;
        peer.say(&tag, &[b"!done", b"=ret=*3"]).await;
    });
    assert_eq!(done.unwrap().ret, Some(b"*3".to_vec()));
}

#[tokio::test]
async fn a_print_that_is_cut_off_is_thrown_away() {
    let (client, mut peer) = logged_in().await;
    let (cut, ()) = tokio::join!(
        async {
            let (c, s, f) = names();
            client.fold(c, s, f).await
        },
        async move {
            let (_, tag) = peer.hear().await;
            peer.say(&tag, &[b"!re", b"=name=one"]).await;
            peer.stream.write_all(b"\x03!re\x20=name=tw").await.unwrap();
        }
    );
    assert!(matches!(cut, Err(ApiError::Cut(_))), "{cut:?}");
    assert!(matches!(client.ping().await, Err(ApiError::Cut(_))));
}

#[tokio::test]
async fn a_late_answer_reaches_nobody_and_its_tag_is_not_used_again() {
    let (client, mut peer) = logged_in().await;
    let slow = async {
        let (c, s, f) = names();
        client.fold(c, s, f).await
    }
    .await;
    assert!(matches!(slow, Err(ApiError::Timeout(200))), "{slow:?}");
    let (late, ()) = tokio::join!(
        async {
            let (c, s, f) = names();
            client.fold(c, s, f).await
        },
        async {
            let (_, slow) = peer.hear().await;
            let (_, tag) = peer.hear().await;
            assert_ne!(slow, tag);
            peer.say(&slow, &[b"!re", b"=name=stale"]).await;
            peer.say(&slow, &[b"!done"]).await;
            peer.say(&tag, &[b"!re", b"=name=fresh"]).await;
            peer.say(&tag, &[b"!done"]).await;
        }
    );
    assert_eq!(late.unwrap(), vec![b"fresh".to_vec()]);
}

#[tokio::test]
async fn log_in_failures_say_what_they_are() {
    type Script = &'static [&'static [u8]];
    type Case = (Script, fn(&ApiError) -> bool);
    let cases: [Case; 3] = [
        (
            &[b"!trap", b"=message=invalid user name or password (6)"],
            |e| matches!(e, ApiError::AuthRefused(m) if m.contains("(6)")),
        ),
        (&[b"!fatal", b"too many sessions"], |e| matches!(e, ApiError::SessionLimit(_))),
        (&[b"!done", b"=ret=abc123"], |e| matches!(e, ApiError::AuthRefused(m) if m.contains("6.43"))),
    ];
    for (script, right) in cases {
        let (ours, theirs) = duplex(4096);
        let mut peer = Peer { stream: theirs, have: Vec::new() };
        let (client, ()) = tokio::join!(Client::log_in(ours, b"a", b"b", config()), async {
            let (_, tag) = peer.hear().await;
            peer.say(&tag, script).await;
            peer.say(&tag, &[b"!done"]).await;
        });
        let error = client.err().unwrap();
        assert!(right(&error), "{error:?}");
    }
}

#[tokio::test]
async fn a_reserved_byte_or_a_word_above_the_cap_ends_the_connection() {
    for bytes in [&b"\xF8"[..], b"\xE1\x00\x00\x00"] {
        let (client, mut peer) = logged_in().await;
        peer.stream.write_all(bytes).await.unwrap();
        assert!(matches!(client.ping().await, Err(ApiError::Protocol(_) | ApiError::Cut(_))));
    }
}

#[tokio::test]
async fn nobody_listens_is_unreachable() {
    let error = Client::connect("127.0.0.1", 1, b"a", b"b", config()).await.err().unwrap();
    assert!(matches!(error, ApiError::Unreachable(_)), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_router_sends_the_client_ends_with_an_error_or_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (ours, mut theirs) = duplex(4096);
            let (client, ()) = tokio::join!(Client::log_in(ours, b"a", b"b", config()), async move {
                theirs.write_all(&bytes).await.unwrap();
            });
            let _ = client.is_ok();
        });
    }
}
