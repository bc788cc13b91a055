//! Rows that an operator writes: secrets, profiles, queues, address-list entries.

use std::collections::BTreeMap;

use super::Name;
use super::menu::Menu;

/// One written row.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// Properties that the row has.
    pub(super) values: BTreeMap<&'static str, Vec<u8>>,
    /// When it goes by itself, milliseconds of the monotonic clock.
    pub(super) expires_ms: Option<u64>,
}

impl Record {
    /// A new row with the menu's defaults.
    pub(super) fn new(menu: Menu) -> Self {
        let defaults = menu.fields().iter().filter_map(|field| Some((field.name, field.default?.as_bytes().to_vec())));
        Self { values: defaults.collect(), expires_ms: None }
    }

    /// A row with these properties beside the defaults.
    pub(super) fn with(menu: Menu, values: &[(&'static str, &[u8])]) -> Self {
        let mut record = Self::new(menu);
        record.values.extend(values.iter().map(|(name, value)| (*name, value.to_vec())));
        record
    }

    /// A property, empty where the row lacks it.
    pub(super) fn get(&self, name: &str) -> &[u8] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the row is switched off.
    pub(super) fn disabled(&self) -> bool {
        self.get("disabled") == b"true"
    }
}

/// Rows by their number, and by name where the menu's names are unique.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<u32, Record>,
    names: BTreeMap<Name, u32>,
    next: u32,
}

impl Table {
    /// Adds a row and returns its number.
    pub(super) fn add(&mut self, record: Record) -> u32 {
        self.next += 1;
        self.names.insert(record.get("name").into(), self.next);
        self.rows.insert(self.next, record);
        self.next
    }

    /// The row of that number.
    pub(super) fn get(&self, id: u32) -> Option<&Record> {
        self.rows.get(&id)
    }

    /// The number of the row of that name.
    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The row of that name.
    pub(super) fn named(&self, name: &[u8]) -> Option<&Record> {
        self.find(name).and_then(|id| self.get(id))
    }

    /// Puts another row in the place of one that exists.
    pub(super) fn put(&mut self, id: u32, record: Record) {
        let name: Name = record.get("name").into();
        if let Some(old) = self.rows.insert(id, record) {
            self.names.remove(old.get("name"));
        }
        self.names.insert(name, id);
    }

    /// Changes one property that is not the name.
    pub(super) fn set(&mut self, id: u32, property: &'static str, value: Vec<u8>) {
        if let Some(record) = self.rows.get_mut(&id) {
            record.values.insert(property, value);
        }
    }

    /// Takes a row out.
    pub(super) fn remove(&mut self, id: u32) -> Option<Record> {
        let record = self.rows.remove(&id)?;
        if self.find(record.get("name")) == Some(id) {
            self.names.remove(record.get("name"));
        }
        Some(record)
    }

    /// All rows in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Record)> {
        self.rows.iter().map(|(id, record)| (*id, record))
    }

    /// Drops the rows that the predicate refuses.
    pub(super) fn retain(&mut self, keep: impl Fn(&Record) -> bool) {
        let gone: Vec<u32> = self.iter().filter(|(_, record)| !keep(record)).map(|(id, _)| id).collect();
        for id in gone {
            self.remove(id);
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Numbers the rows anew, as a reboot does: an id kept from before then names another row.
    pub(super) fn renumber(&mut self, shift: u32) {
        let rows: Vec<Record> = std::mem::take(&mut self.rows).into_values().collect();
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        self.names.clear();
        for (at, record) in (0..count).zip(rows) {
            let id = (at + shift) % count.max(1) + 1;
            self.names.insert(record.get("name").into(), id);
            self.rows.insert(id, record);
        }
        self.next = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reboot_gives_other_numbers_to_the_same_names() {
        let mut table = Table::default();
        for name in [b"a", b"b", b"c"] {
            table.add(Record::with(Menu::Secret, &[("name", name)]));
        }
        let before = table.find(b"a");
        table.renumber(1);
        assert_ne!(table.find(b"a"), before);
        assert_eq!(table.named(b"c").map(|row| row.get("name").to_vec()), Some(b"c".to_vec()));
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn a_renamed_row_is_found_by_its_new_name_alone() {
        let mut table = Table::default();
        let id = table.add(Record::with(Menu::Secret, &[("name", b"old")]));
        table.put(id, Record::with(Menu::Secret, &[("name", b"new")]));
        assert_eq!((table.find(b"old"), table.find(b"new")), (None, Some(id)));
    }
}
