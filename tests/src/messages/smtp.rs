//! The mail server: RFC 5321 as far as a relay for programs goes, with AUTH, without TLS (it listens on this machine).

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::inbox::{Fault, Inbox, Received};
use super::mime;

/// Longest line, bytes.
const LINE: u64 = 4_096;
/// Longest message, bytes.
const MESSAGE: usize = 1 << 20;
/// Recipients at most.
const RECIPIENTS: usize = 100;

/// Serves until the task ends.
pub(super) async fn serve(inbox: Inbox, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let inbox = inbox.clone();
                tokio::spawn(async move {
                    if let Err(error) = talk(&inbox, stream).await {
                        tracing::debug!(%error, "a mail connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::error!(%error, "the mail server stopped");
                return;
            }
        }
    }
}

type Lines = BufReader<TcpStream>;

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

async fn say(stream: &mut Lines, line: &str) -> Result<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.context("write")
}

/// A line without its end; `None` at the end of the connection.
async fn hear(stream: &mut Lines) -> Result<Option<String>> {
    let mut line = Vec::new();
    (&mut *stream).take(LINE).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    ensure!(line.ends_with(b"\n"), "a line is too long or was cut off");
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

async fn talk(inbox: &Inbox, stream: TcpStream) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let fault = inbox.fault();
    if fault == Some(Fault::Down) {
        return say(&mut stream, "421 4.3.2 not taking mail").await;
    }
    say(&mut stream, "220 testbed ESMTP").await?;
    let mut envelope = Envelope::default();
    while let Some(line) = hear(&mut stream).await? {
        let upper = line.to_ascii_uppercase();
        let word = upper.split_whitespace().next().unwrap_or("").to_owned();
        match word.as_str() {
            "EHLO" => {
                say(&mut stream, "250-testbed\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1048576").await?
            }
            "HELO" => say(&mut stream, "250 testbed").await?,
            "AUTH" => authenticate(&mut stream, &line).await?,
            "MAIL" => {
                envelope = Envelope { from: path(&line), to: Vec::new() };
                let answer = if envelope.from.is_some() { "250 2.1.0 ok" } else { "501 5.5.4 MAIL FROM:<address>" };
                say(&mut stream, answer).await?;
            }
            "RCPT" => recipient(&mut stream, &mut envelope, path(&line), fault).await?,
            "DATA" if envelope.to.is_empty() => say(&mut stream, "503 5.5.1 RCPT first").await?,
            "DATA" => {
                say(&mut stream, "354 end with a dot").await?;
                let raw = text(&mut stream).await?;
                if !end(inbox, &mut stream, &std::mem::take(&mut envelope), &raw, fault).await? {
                    return Ok(());
                }
            }
            "RSET" => {
                envelope = Envelope::default();
                say(&mut stream, "250 2.0.0 ok").await?;
            }
            "NOOP" => say(&mut stream, "250 2.0.0 ok").await?,
            "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
            _ => say(&mut stream, "502 5.5.1 not known here").await?,
        }
    }
    Ok(())
}

/// Any name and password but `wrong` will do: it guards nothing.
async fn authenticate(stream: &mut Lines, line: &str) -> Result<()> {
    let mut words = line.split_whitespace().skip(1);
    let given = match (words.next().map(str::to_ascii_uppercase).as_deref(), words.next()) {
        (Some("PLAIN"), Some(initial)) => initial.to_owned(),
        (Some("PLAIN"), None) => {
            say(stream, "334 ").await?;
            hear(stream).await?.unwrap_or_default()
        }
        (Some("LOGIN"), _) => {
            say(stream, "334 VXNlcm5hbWU6").await?;
            hear(stream).await?;
            say(stream, "334 UGFzc3dvcmQ6").await?;
            hear(stream).await?.unwrap_or_default()
        }
        _ => return say(stream, "504 5.5.4 PLAIN or LOGIN").await,
    };
    let clear = String::from_utf8_lossy(&mime::base64(&given)).into_owned();
    let good = clear.rsplit('\0').next().is_some_and(|password| password != "wrong");
    say(stream, if good { "235 2.7.0 welcome" } else { "535 5.7.8 wrong name or password" }).await
}

async fn recipient(
    stream: &mut Lines,
    envelope: &mut Envelope,
    to: Option<String>,
    fault: Option<Fault>,
) -> Result<()> {
    let answer = match (to, fault) {
        (_, _) if envelope.from.is_none() => "503 5.5.1 MAIL first",
        (_, Some(Fault::Busy)) => "450 4.2.0 greylisted, come again",
        (_, Some(Fault::Refused)) => "550 5.1.1 nobody of this name",
        (Some(_), _) if envelope.to.len() >= RECIPIENTS => "452 4.5.3 too many",
        (Some(to), _) => {
            envelope.to.push(to);
            "250 2.1.5 ok"
        }
        (None, _) => "501 5.5.4 RCPT TO:<address>",
    };
    say(stream, answer).await
}

/// The message up to the dot, with doubled dots undone.
async fn text(stream: &mut Lines) -> Result<String> {
    let mut raw = String::new();
    loop {
        let line = hear(stream).await?.context("cut off in the text")?;
        if line == "." {
            return Ok(raw);
        }
        raw.push_str(line.strip_prefix('.').unwrap_or(&line));
        raw.push('\n');
        ensure!(raw.len() <= MESSAGE, "the message is too long");
    }
}

/// Answers to the text; false when the connection is to end without an answer.
async fn end(inbox: &Inbox, stream: &mut Lines, envelope: &Envelope, raw: &str, fault: Option<Fault>) -> Result<bool> {
    if fault == Some(Fault::Garbage) {
        say(stream, "hello?").await?;
        return Ok(false);
    }
    let parsed = mime::parse(raw);
    let mut no = 0;
    for to in &envelope.to {
        no = inbox.keep(Received {
            no: 0,
            channel: "email",
            to: to.clone(),
            from: envelope.from.clone().unwrap_or_default(),
            subject: parsed.subject.clone(),
            text: parsed.text.clone(),
            id: parsed.message_id.clone(),
            raw: raw.to_owned(),
        });
    }
    match fault {
        Some(Fault::TakenAndCut) => Ok(false),
        Some(Fault::TakenAndSilent) => std::future::pending().await,
        _ => say(stream, &format!("250 2.0.0 queued as {no}")).await.map(|()| true),
    }
}

/// The address between `<` and `>`.
fn path(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    Some(address.to_owned())
}
