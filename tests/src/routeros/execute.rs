//! One command from its sentence to its replies.

use std::collections::BTreeMap;

use super::menu::Menu;
use super::query::Query;
use super::reply::{Reply, Trap};
use super::router::{Router, WriteRecord};
use super::sentence::Sentence;
use super::view::Row;
use super::word::put_attribute;
use crate::clock;

/// What the connection has to do after a command was carried out.
#[derive(Debug)]
pub(super) enum After {
    /// Send the replies.
    Send,
    /// Tell changes of `/ppp/active` until it is cancelled, with these properties.
    Listen(Vec<&'static str>),
}

/// Attributes of `print` that only change how a console shows rows.
const SWITCHES: [&str; 6] = ["detail", "stats", "terse", "without-paging", "as-value", "stats-detail"];

/// The menu's properties that the client asked for, in the order of the menu; all where it named none.
fn selected(router: &Router, menu: Menu, sentence: &Sentence) -> Vec<&'static str> {
    let asked = sentence.get(".proplist").filter(|list| !list.is_empty());
    let asked: Option<Vec<&[u8]>> = asked.map(|list| list.split(|byte| *byte == b',').collect());
    let wanted = |property: &&&str| asked.as_ref().is_none_or(|asked| asked.contains(&property.as_bytes()));
    let hidden = |property: &&&str| menu == Menu::Secret && **property == "password" && !router.options.sensitive;
    menu.row().iter().filter(wanted).filter(|property| !hidden(property)).copied().collect()
}

/// Writes the attributes of a row that it has.
pub(super) fn put_row(row: &dyn Row, properties: &[&'static str], scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    for property in properties {
        scratch.clear();
        if row.put(property, scratch) {
            put_attribute(out, property, scratch);
        }
    }
}

fn print(router: &mut Router, menu: Menu, sentence: &Sentence, reply: &mut Reply) -> Result<(), Trap> {
    for (name, _) in &sentence.attributes {
        let name = core::str::from_utf8(name).unwrap_or_default();
        if !SWITCHES.contains(&name) && !matches!(name, ".proplist" | "count-only") {
            return Err(Trap::plain(format!("unknown parameter {name}")));
        }
    }
    let query = Query::parse(&sentence.queries);
    let count_only = sentence.get("count-only").is_some();
    let properties = selected(router, menu, sentence);
    let counts = menu.counts(&properties) && !count_only;
    if matches!(menu, Menu::Interface | Menu::Queue) {
        router.flow();
    }
    let (mut rows, mut read, mut scratch) = (0u64, Vec::new(), Vec::new());
    router.visit(menu, &mut |row| {
        if !query.keeps(|property, out| row.put(property, out)) {
            return;
        }
        rows += 1;
        if count_only {
            return;
        }
        reply.row(|out| put_row(row, &properties, &mut scratch, out));
        if counts {
            read.extend(row.session());
        }
    });
    if count_only {
        reply.done(Some(rows.to_string().as_bytes()));
        return Ok(());
    }
    // A print that breaks off is discarded by its reader: nobody has learned these values.
    if !reply.is_cut() {
        router.note_readings(&read);
    }
    if rows == 0 && router.options.says_empty() {
        reply.empty();
    }
    reply.done(None);
    Ok(())
}

fn log_write(router: &mut Router, sentence: &Sentence, trap: Option<&Trap>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = sentence.attributes.iter().filter(|(name, _)| name != b"password");
    let attributes: BTreeMap<String, String> = shown.map(|(name, value)| (text(name), text(value))).collect();
    router.note_write(WriteRecord {
        at_ms: clock::wall_ms(),
        command: text(&sentence.command),
        attributes,
        trap: trap.map(|trap| trap.message.clone()),
    });
}

fn write(router: &mut Router, menu: Menu, command: &str, sentence: &Sentence) -> Result<Option<String>, Trap> {
    let result = match router.faults.refuse_writes.clone() {
        Some(message) => Err(Trap::plain(message)),
        None => router.write(menu, command, sentence),
    };
    log_write(router, sentence, result.as_ref().err());
    result
}

fn run(router: &mut Router, sentence: &Sentence, reply: &mut Reply) -> Result<After, Trap> {
    let (menu, command) = Menu::of(&sentence.command).ok_or_else(|| Trap::plain("no such command prefix"))?;
    match command {
        "print" | "getall" => {
            if let Some((rows, times)) = router.faults.cut.filter(|_| sentence.get("count-only").is_none()) {
                reply.cut_after(rows);
                print(router, menu, sentence, reply)?;
                if reply.is_cut() {
                    router.faults.cut = times.checked_sub(1).filter(|left| *left > 0).map(|left| (rows, left));
                }
                return Ok(After::Send);
            }
            print(router, menu, sentence, reply).map(|()| After::Send)
        }
        "listen" if menu == Menu::Active => Ok(After::Listen(selected(router, menu, sentence))),
        _ => {
            let ret = write(router, menu, command, sentence)?;
            reply.done(ret.as_ref().map(String::as_bytes));
            Ok(After::Send)
        }
    }
}

/// Carries out a command at once and writes its replies.
pub(super) fn execute(router: &mut Router, sentence: &Sentence, reply: &mut Reply) -> After {
    run(router, sentence, reply).unwrap_or_else(|trap| {
        reply.trap(&trap);
        reply.done(None);
        After::Send
    })
}
