//! One API connection: log-in, tagged commands with interleaved replies, cancel, quit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::Shared;
use super::execute::{After, execute, put_row};
use super::login::{Login, judge};
use super::reply::{Reply, Trap};
use super::router::Change;
use super::sentence::Sentence;
use super::word::{MAX_SENTENCE, MAX_SENTENCE_BEFORE_LOGIN, read_sentence};

/// Chunks that wait for the socket.
const QUEUED_CHUNKS: usize = 8;
/// Commands in flight on one connection.
const MOST_COMMANDS: usize = 128;
/// Sentences a client may send before it is logged in.
const MOST_BEFORE_LOGIN: u32 = 10;
/// How long a closing connection may take to send what is queued.
const GOODBYE: Duration = Duration::from_secs(2);

/// What goes to the socket: whole sentences, or the end.
enum Out {
    Bytes(Vec<u8>),
    Close,
}

/// A command that is being answered. Whoever sets `ended` first says its last word.
struct Running {
    ended: Arc<AtomicBool>,
    task: AbortHandle,
}

struct Connection {
    shared: Arc<Shared>,
    out: mpsc::Sender<Out>,
    running: BTreeMap<Vec<u8>, Running>,
    tasks: JoinSet<()>,
    commands: u64,
}

/// Serves a client until it leaves, quits, or the router goes down.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    // Without it small replies wait for the peer's acknowledgement; the connection works either way.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (out, queue) = mpsc::channel(QUEUED_CHUNKS);
    let mut power = shared.power.subscribe();
    let hang = shared.hang.subscribe();
    let connection = Connection { shared, out, running: BTreeMap::new(), tasks: JoinSet::new(), commands: 0 };
    let mut writing = tokio::spawn(write_out(writer, queue, hang));
    let reading = connection.read(BufReader::with_capacity(16 << 10, reader));
    tokio::select! {
        () = reading => {
            if tokio::time::timeout(GOODBYE, &mut writing).await.is_err() {
                writing.abort();
            }
        }
        _ = &mut writing => {}
        _ = power.changed() => writing.abort(),
    }
}

async fn write_out(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Out>, mut hang: watch::Receiver<bool>) {
    while let Some(Out::Bytes(bytes)) = queue.recv().await {
        if hang.wait_for(|hangs| !hangs).await.is_err() || writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

impl Connection {
    async fn read(mut self, mut reader: BufReader<OwnedReadHalf>) {
        if !self.log_in(&mut reader).await {
            return;
        }
        while let Ok(words) = read_sentence(&mut reader, MAX_SENTENCE).await {
            let sentence = Sentence::parse(words);
            match sentence.command.as_slice() {
                b"/quit" => {
                    let _ = self.out.send(Out::Bytes(Reply::fatal("session terminated on request"))).await;
                    let _ = self.out.send(Out::Close).await;
                    return;
                }
                b"/cancel" => self.cancel(&sentence).await,
                _ => self.command(sentence).await,
            }
        }
    }

    async fn say(&self, reply: Reply) {
        for chunk in reply.into_chunks() {
            // The writer is gone: so is the connection, which ends the reading as well.
            let _ = self.out.send(Out::Bytes(chunk)).await;
        }
    }

    async fn log_in(&self, reader: &mut BufReader<OwnedReadHalf>) -> bool {
        let mut challenge = None;
        for _ in 0..MOST_BEFORE_LOGIN {
            let Ok(words) = read_sentence(reader, MAX_SENTENCE_BEFORE_LOGIN).await else { return false };
            let sentence = Sentence::parse(words);
            if sentence.command != b"/login" {
                break;
            }
            let verdict = judge(&mut self.shared.lock(), &sentence, &mut challenge);
            let mut reply = Reply::new(sentence.tag.clone(), false);
            let welcome = verdict == Login::Welcome;
            match verdict {
                Login::Welcome => reply.done(None),
                Login::Challenge(text) => reply.done(Some(text.as_bytes())),
                Login::Refused(trap) => {
                    reply.trap(&trap);
                    reply.done(None);
                }
            }
            self.say(reply).await;
            if welcome {
                return true;
            }
        }
        let _ = self.out.send(Out::Bytes(Reply::fatal("not logged in"))).await;
        let _ = self.out.send(Out::Close).await;
        false
    }

    async fn command(&mut self, sentence: Sentence) {
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|_, running| !running.task.is_finished());
        self.commands += 1;
        let tag_first = self.commands.is_multiple_of(2);
        let mut reply = Reply::new(sentence.tag.clone(), tag_first);
        if self.tasks.len() >= MOST_COMMANDS {
            reply.trap(&Trap::new(4, "too many commands in flight"));
            reply.done(None);
            return self.say(reply).await;
        }
        let (after, changes, slow_ms) = {
            let mut router = self.shared.lock();
            let changes = router.changes.subscribe();
            (execute(&mut router, &sentence, &mut reply), changes, router.faults.slow_ms)
        };
        let ended = Arc::new(AtomicBool::new(false));
        let out = self.out.clone();
        let task = match after {
            After::Send => self.tasks.spawn(send(reply, out, slow_ms, Arc::clone(&ended))),
            After::Listen(properties) => {
                let told =
                    Listener { shared: Arc::clone(&self.shared), tag: sentence.tag.clone(), tag_first, properties };
                self.tasks.spawn(told.listen(changes, out))
            }
        };
        if let Some(tag) = sentence.tag {
            self.running.insert(tag, Running { ended, task });
        }
    }

    async fn cancel(&mut self, sentence: &Sentence) {
        let tags: Vec<Vec<u8>> = match sentence.get("tag") {
            Some(tag) => vec![tag.to_vec()],
            None => self.running.keys().cloned().collect(),
        };
        let mut stopped = Vec::new();
        for tag in tags {
            let Some(running) = self.running.remove(&tag) else { continue };
            if running.task.is_finished() || running.ended.swap(true, Ordering::SeqCst) {
                continue;
            }
            running.task.abort();
            let mut reply = Reply::new(Some(tag.clone()), false);
            reply.trap(&Trap::new(2, "interrupted"));
            self.say(reply).await;
            stopped.push(tag);
        }
        let mut reply = Reply::new(sentence.tag.clone(), false);
        reply.done(None);
        self.say(reply).await;
        for tag in stopped {
            let mut reply = Reply::new(Some(tag), false);
            reply.done(None);
            self.say(reply).await;
        }
    }
}

async fn send(reply: Reply, out: mpsc::Sender<Out>, slow_ms: u64, ended: Arc<AtomicBool>) {
    let breaks_off = reply.is_cut();
    let chunks = reply.into_chunks();
    let last = chunks.len().saturating_sub(1);
    for (at, chunk) in chunks.into_iter().enumerate() {
        if slow_ms > 0 {
            tokio::time::sleep(Duration::from_millis(slow_ms)).await;
        }
        if at == last && ended.swap(true, Ordering::SeqCst) {
            return;
        }
        if out.send(Out::Bytes(chunk)).await.is_err() {
            return;
        }
    }
    if breaks_off {
        // The writer stops at it and closes the socket.
        let _ = out.send(Out::Close).await;
    }
}

/// Tells changes of `/ppp/active` to a client that listens.
struct Listener {
    shared: Arc<Shared>,
    tag: Option<Vec<u8>>,
    tag_first: bool,
    properties: Vec<&'static str>,
}

impl Listener {
    fn reply(&self, change: Change) -> Reply {
        let mut reply = Reply::new(self.tag.clone(), self.tag_first);
        match change {
            Change::Up(number) => self.shared.lock().visit_session(number, &mut |row| {
                reply.row(|out| put_row(row, &self.properties, &mut Vec::new(), out));
            }),
            Change::Down(number) => reply.row(|out| {
                let id = super::view::id_base(super::menu::Menu::Active).wrapping_add(number);
                super::word::put_attribute(out, ".id", format!("*{id:X}").as_bytes());
                super::word::put_attribute(out, ".dead", b"true");
            }),
        }
        reply
    }

    async fn listen(self, mut changes: broadcast::Receiver<Change>, out: mpsc::Sender<Out>) {
        loop {
            let reply = match changes.recv().await {
                Ok(change) => self.reply(change),
                // A slow listener misses changes: it is a hint, and the client prints on a timer.
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            };
            for chunk in reply.into_chunks() {
                if out.send(Out::Bytes(chunk)).await.is_err() {
                    return;
                }
            }
        }
    }
}
