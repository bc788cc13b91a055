//! The task that owns the socket of one router.

use std::collections::BTreeMap;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::client::Done;
use super::codec::{Found, Limits, Scanner, Sentence};
use super::error::{ApiError, Trap};

/// Bytes asked of the socket at once. Large, because each read costs a system call and a router with thousands of
/// sessions answers with a megabyte.
const READ: usize = 128 << 10;
/// Bytes of commands that may wait for a router that does not read.
const WRITE_CAP: usize = 1 << 20;
/// Commands that were given up but not yet answered, until the router counts as hanging.
const ABANDONED_CAP: usize = 32;
/// Traps kept of one command.
const TRAPS_CAP: usize = 8;

/// What the clients of a connection ask of its task.
pub(super) enum Request {
    /// Send these bytes and give what comes back under the tag to the sink.
    Run { tag: u32, bytes: Vec<u8>, sink: Box<dyn Sink> },
    /// Nobody waits for this tag any more.
    Abandon { tag: u32 },
}

/// Where the answer of one command goes.
pub(super) trait Sink: Send {
    fn row(&mut self, row: Sentence<'_>);
    fn end(self: Box<Self>, result: Result<Done, ApiError>);
}

struct Flight {
    /// `None` once nobody waits: the tag is only reserved.
    sink: Option<Box<dyn Sink>>,
    trap: Option<Trap>,
    traps: usize,
}

/// Reads and writes until the connection breaks or nobody holds its client any more.
pub(super) async fn drive<S>(stream: S, mut inbox: mpsc::Receiver<Request>, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut flights = Flights::default();
    let error = exchange(stream, &mut inbox, limits, &mut flights).await;
    inbox.close();
    while let Ok(request) = inbox.try_recv() {
        flights.accept(request, &mut Vec::new());
    }
    flights.fail(&error);
}

async fn exchange<S>(stream: S, inbox: &mut mpsc::Receiver<Request>, limits: Limits, flights: &mut Flights) -> ApiError
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = Buffer::new(limits);
    let mut out = Vec::new();
    loop {
        let room = out.len() < WRITE_CAP;
        tokio::select! {
            read = reader.read(buffer.space()) => match read {
                Ok(0) => return ApiError::Cut("the router closed it".into()),
                Ok(count) => {
                    if let Err(error) = buffer.take(count, flights) {
                        return error;
                    }
                }
                Err(error) => return ApiError::Cut(error.to_string()),
            },
            written = writer.write(&out), if !out.is_empty() => match written {
                Ok(count) => drop(out.drain(..count)),
                Err(error) => return ApiError::Cut(error.to_string()),
            },
            request = inbox.recv(), if room => match request {
                Some(request) => flights.accept(request, &mut out),
                None => return ApiError::Cut("it is closed".into()),
            },
        }
        if flights.abandoned > ABANDONED_CAP {
            return ApiError::Cut("the router does not answer".into());
        }
    }
}

/// The receive buffer: sentences are read where they lie.
struct Buffer {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    scanner: Scanner,
}

impl Buffer {
    fn new(limits: Limits) -> Self {
        Self { bytes: vec![0; READ], begin: 0, end: 0, scanner: Scanner::new(limits) }
    }

    /// Room for the next read. What is left of a sentence is moved to the front; the buffer grows only while one
    /// sentence does not fit, and the scanner bounds a sentence.
    fn space(&mut self) -> &mut [u8] {
        if self.begin > 0 {
            self.bytes.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    fn take(&mut self, count: usize, flights: &mut Flights) -> Result<(), ApiError> {
        self.end += count;
        loop {
            let bytes = self.bytes.get(self.begin..self.end).unwrap_or_default();
            let Some(found) = self.scanner.scan(bytes)? else { return Ok(()) };
            flights.sentence(bytes, found)?;
            self.begin += found.total;
        }
    }
}

#[derive(Default)]
struct Flights {
    by_tag: BTreeMap<u32, Flight>,
    abandoned: usize,
}

impl Flights {
    fn accept(&mut self, request: Request, out: &mut Vec<u8>) {
        match request {
            Request::Run { tag, bytes, sink } => {
                out.extend_from_slice(&bytes);
                self.by_tag.insert(tag, Flight { sink: Some(sink), trap: None, traps: 0 });
            }
            Request::Abandon { tag } => {
                if let Some(flight) = self.by_tag.get_mut(&tag)
                    && flight.sink.take().is_some()
                {
                    self.abandoned += 1;
                }
            }
        }
    }

    fn sentence(&mut self, bytes: &[u8], found: Found) -> Result<(), ApiError> {
        let sentence = Sentence::new(bytes.get(..found.words).unwrap_or_default());
        let kind = sentence.kind();
        if kind == b"!fatal" {
            return Err(ApiError::Fatal(fatal_words(sentence)));
        }
        let tag = found.tag.and_then(|(from, to)| super::values::number(bytes.get(from..to)?));
        let Some(tag) = tag.and_then(|tag| u32::try_from(tag).ok()) else {
            if !kind.is_empty() {
                tracing::debug!("a router's reply carries no tag of ours and is ignored");
            }
            return Ok(());
        };
        match kind {
            b"!re" => {
                if let Some(sink) = self.by_tag.get_mut(&tag).and_then(|flight| flight.sink.as_mut()) {
                    sink.row(sentence);
                }
            }
            b"!trap" => self.trap(tag, sentence),
            b"!done" => self.done(tag, sentence),
            // `!empty` (since 7.18) announces a `!done` without rows; replies of later versions are not ours to judge.
            _ => {}
        }
        Ok(())
    }

    fn trap(&mut self, tag: u32, sentence: Sentence<'_>) {
        let Some(flight) = self.by_tag.get_mut(&tag) else { return };
        flight.traps += 1;
        if flight.traps > TRAPS_CAP {
            return;
        }
        let words = words(sentence.get(b"message").unwrap_or_default());
        match &mut flight.trap {
            Some(trap) => trap.message = format!("{}; {words}", trap.message),
            none => {
                let category = sentence.get(b"category").and_then(super::values::number);
                *none = Some(Trap { category: category.and_then(|number| u8::try_from(number).ok()), message: words });
            }
        }
    }

    fn done(&mut self, tag: u32, sentence: Sentence<'_>) {
        let Some(flight) = self.by_tag.remove(&tag) else { return };
        let Some(sink) = flight.sink else {
            self.abandoned = self.abandoned.saturating_sub(1);
            return;
        };
        sink.end(match flight.trap {
            Some(trap) => Err(ApiError::Trap(trap)),
            None => Ok(Done { ret: sentence.get(b"ret").map(<[u8]>::to_vec) }),
        });
    }

    fn fail(self, error: &ApiError) {
        for sink in self.by_tag.into_values().filter_map(|flight| flight.sink) {
            sink.end(Err(error.clone()));
        }
    }
}

/// `!fatal` has a bare word, no attribute.
fn fatal_words(sentence: Sentence<'_>) -> String {
    let mut said = sentence.words().skip(1).filter(|word| !word.starts_with(b".tag="));
    said.next().map_or_else(|| "without a word".into(), words)
}

/// A router's words for people: lossy, without control characters, at most 300 characters.
fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(300).collect()
}
