//! Commands that change something: add, set, unset, remove, enable, disable.

use super::menu::{Field, Kind, Menu};
use super::record::{Record, Table};
use super::reply::Trap;
use super::router::Router;
use super::sentence::Sentence;
use super::time::parse_duration;
use super::view::id_base;
use crate::clock;

/// Attributes that say which rows are meant, or where a new one goes.
const ADDRESSING: [&str; 5] = [".id", "numbers", "place-before", "value-name", "copy-from"];

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn no_such_item() -> Trap {
    Trap::new(0, "no such item")
}

impl Router {
    fn table(&mut self, menu: Menu) -> Result<&mut Table, Trap> {
        match menu {
            Menu::Secret => Ok(&mut self.secrets),
            Menu::Profile => Ok(&mut self.profiles),
            Menu::Queue => Ok(&mut self.queues),
            Menu::AddressList => Ok(&mut self.addresses),
            _ => Err(Trap::plain("no such command")),
        }
    }

    /// Carries out a write. `add` returns the new row's id.
    pub(super) fn write(&mut self, menu: Menu, command: &str, sentence: &Sentence) -> Result<Option<String>, Trap> {
        match (menu, command) {
            (Menu::Active | Menu::PppoeServer, "remove") => self.kick(menu, sentence).map(|()| None),
            (Menu::Identity, "set") => self.set_identity(sentence).map(|()| None),
            (_, "add") => self.add(menu, sentence).map(Some),
            (_, "set") => self.change(menu, sentence, &sentence.attributes).map(|()| None),
            (_, "unset") => {
                let name = sentence.get("value-name").ok_or_else(|| Trap::new(0, "missing value-name"))?;
                self.change(menu, sentence, &[(name.to_vec(), Vec::new())]).map(|()| None)
            }
            (_, "enable" | "disable") => {
                let value = if command == "disable" { b"yes".to_vec() } else { b"no".to_vec() };
                self.change(menu, sentence, &[(b"disabled".to_vec(), value)]).map(|()| None)
            }
            (_, "remove") => self.remove(menu, sentence).map(|()| None),
            _ => Err(Trap::plain("no such command")),
        }
    }

    /// Checks a written value; `None` means that the row shall lack the property.
    fn check(&self, field: &Field, value: &[u8]) -> Result<Option<Vec<u8>>, Trap> {
        if value.is_empty() {
            return Ok(field.default.map(|default| default.as_bytes().to_vec()));
        }
        if field.kind == Kind::Profile && self.profiles.find(value).is_none() {
            return Err(Trap::plain("input does not match any value of profile"));
        }
        match field.kind.keep(value) {
            Some(kept) => Ok(Some(kept)),
            None if matches!(field.kind, Kind::Word(_)) => {
                Err(Trap::plain(format!("input does not match any value of {}", field.name)))
            }
            None => Err(Trap::new(1, format!("invalid value for argument {}", field.name))),
        }
    }

    fn apply(&self, menu: Menu, record: &mut Record, attributes: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Trap> {
        for (name, value) in attributes {
            if ADDRESSING.iter().any(|known| known.as_bytes() == name.as_slice()) {
                continue;
            }
            let field = menu.field(name).ok_or_else(|| Trap::plain(format!("unknown parameter {}", lossy(name))))?;
            match self.check(field, value)? {
                Some(kept) => record.values.insert(field.name, kept),
                None => record.values.remove(field.name),
            };
        }
        if menu == Menu::AddressList {
            let timeout = core::str::from_utf8(record.get("timeout")).ok().and_then(parse_duration);
            record.expires_ms = timeout.map(|ms| clock::mono_ms().saturating_add(ms));
        }
        Ok(())
    }

    fn refuse_duplicate(&mut self, menu: Menu, record: &Record, own: Option<u32>) -> Result<(), Trap> {
        let name = record.get("name").to_vec();
        let what = match menu {
            Menu::AddressList => {
                let same = |other: &Record| {
                    other.get("list") == record.get("list") && other.get("address") == record.get("address")
                };
                let taken = self.addresses.iter().any(|(id, other)| Some(id) != own && same(other));
                return if taken { Err(Trap::plain("failure: already have such entry")) } else { Ok(()) };
            }
            Menu::Secret => "secret",
            Menu::Profile => "profile",
            _ => "queue",
        };
        if name.is_empty() {
            return Err(Trap::new(0, "failure: name must not be empty"));
        }
        match self.table(menu)?.find(&name) {
            Some(id) if Some(id) != own => {
                Err(Trap::plain(format!("failure: {what} with the same name already exists")))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, menu: Menu, sentence: &Sentence) -> Result<String, Trap> {
        self.table(menu)?;
        let mut record = Record::new(menu);
        self.apply(menu, &mut record, &sentence.attributes)?;
        if menu == Menu::AddressList {
            record.values.insert("creation-time", super::time::date_time(clock::wall_ms(), true).0.into_bytes());
        }
        self.refuse_duplicate(menu, &record, None)?;
        let name = record.get("name").to_vec();
        let id = self.table(menu)?.add(record);
        if menu == Menu::Secret {
            self.modem_wakes(&name, 200, 700);
        }
        Ok(format!("*{id:X}"))
    }

    /// The rows that `=.id=` or `=numbers=` names: ids, or names where the menu has them.
    fn meant(&mut self, menu: Menu, sentence: &Sentence) -> Result<Vec<u32>, Trap> {
        let list = sentence.get(".id").or_else(|| sentence.get("numbers")).ok_or_else(no_such_item)?;
        let table = self.table(menu)?;
        let mut ids = Vec::new();
        for word in list.split(|byte| *byte == b',') {
            let by_id =
                word.strip_prefix(b"*").and_then(|hex| u32::from_str_radix(core::str::from_utf8(hex).ok()?, 16).ok());
            let id = by_id.filter(|id| table.get(*id).is_some()).or_else(|| table.find(word));
            ids.push(id.ok_or_else(no_such_item)?);
        }
        Ok(ids)
    }

    fn change(&mut self, menu: Menu, sentence: &Sentence, attributes: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Trap> {
        let mut changed = Vec::new();
        for id in self.meant(menu, sentence)? {
            let mut record = self.table(menu)?.get(id).cloned().ok_or_else(no_such_item)?;
            self.apply(menu, &mut record, attributes)?;
            self.refuse_duplicate(menu, &record, Some(id))?;
            changed.push((id, record));
        }
        for (id, record) in changed {
            let name = record.get("name").to_vec();
            self.table(menu)?.put(id, record);
            if menu == Menu::Secret {
                self.modem_wakes(&name, 200, 700);
            }
        }
        Ok(())
    }

    fn remove(&mut self, menu: Menu, sentence: &Sentence) -> Result<(), Trap> {
        let ids = self.meant(menu, sentence)?;
        for id in ids {
            let record = self.table(menu)?.get(id).cloned().ok_or_else(no_such_item)?;
            if menu == Menu::Profile && record.get("name").starts_with(b"default") {
                return Err(Trap::plain("failure: can not remove default profile"));
            }
            self.table(menu)?.remove(id);
        }
        Ok(())
    }

    fn kick(&mut self, menu: Menu, sentence: &Sentence) -> Result<(), Trap> {
        let list = sentence.get(".id").or_else(|| sentence.get("numbers")).ok_or_else(no_such_item)?;
        let mut numbers = Vec::new();
        for word in list.split(|byte| *byte == b',') {
            let id =
                word.strip_prefix(b"*").and_then(|hex| u32::from_str_radix(core::str::from_utf8(hex).ok()?, 16).ok());
            let number =
                id.map(|id| id.wrapping_sub(id_base(menu))).filter(|number| self.sessions.contains_key(number));
            numbers.push(number.ok_or_else(no_such_item)?);
        }
        for number in numbers {
            self.hang_up(number, "nas-request");
        }
        Ok(())
    }

    fn set_identity(&mut self, sentence: &Sentence) -> Result<(), Trap> {
        self.identity = sentence.get("name").unwrap_or_default().to_vec();
        Ok(())
    }
}
