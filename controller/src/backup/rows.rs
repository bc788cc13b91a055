//! Tables and rows as bytes: three kinds of columns, each cell with its length, each table with its count.

use std::io::{self, Read};

/// The kinds of columns that there are: every table of the product uses these three alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Bytes,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// What follows what in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A migration that was applied: file and checksum. All of them come first.
    Migration { file: String, checksum: String },
    /// A file of the data directory: name and content.
    File { name: String, content: Vec<u8> },
    /// A table begins: its name and its columns.
    Table { name: String, columns: Vec<(String, Kind)> },
    /// A row of it.
    Row(Vec<Cell>),
    /// The table ends; so many rows.
    TableEnd { rows: u64 },
    /// The backup ends; so many rows of all tables.
    End { rows: u64 },
}

/// A value larger than this is no value of ours, bytes.
const CELL_MAX: usize = 256 * 1024 * 1024;
/// Columns of a table at most.
const COLUMNS_MAX: usize = 1_000;

pub(super) fn write(out: &mut Vec<u8>, item: &Item) {
    match item {
        Item::Migration { file, checksum } => {
            out.push(b'M');
            put(out, file.as_bytes());
            put(out, checksum.as_bytes());
        }
        Item::File { name, content } => {
            out.push(b'F');
            put(out, name.as_bytes());
            put(out, content);
        }
        Item::Table { name, columns } => {
            out.push(b'T');
            put(out, name.as_bytes());
            out.extend(length(columns.len()));
            for (column, kind) in columns {
                put(out, column.as_bytes());
                out.push(match kind {
                    Kind::Text => b't',
                    Kind::Integer => b'i',
                    Kind::Bytes => b'b',
                });
            }
        }
        Item::Row(cells) => write_row(out, cells),
        Item::TableEnd { rows } => {
            out.push(b'E');
            out.extend(rows.to_be_bytes());
        }
        Item::End { rows } => {
            out.push(b'Z');
            out.extend(rows.to_be_bytes());
        }
    }
}

fn write_row(out: &mut Vec<u8>, cells: &[Cell]) {
    out.push(b'R');
    for cell in cells {
        match cell {
            Cell::Null => out.push(b'n'),
            Cell::Integer(value) => {
                out.push(b'i');
                out.extend(value.to_be_bytes());
            }
            Cell::Text(text) => {
                out.push(b't');
                put(out, text.as_bytes());
            }
            Cell::Bytes(bytes) => {
                out.push(b'b');
                put(out, bytes);
            }
        }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(length(bytes.len()));
    out.extend(bytes);
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// Reads items one by one and checks that they follow each other as they must.
pub(super) struct Items<R: Read> {
    input: R,
    columns: Option<Vec<Kind>>,
    in_table: u64,
    in_all: u64,
    tables: u64,
    ended: bool,
}

impl<R: Read> Items<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, columns: None, in_table: 0, in_all: 0, tables: 0, ended: false }
    }

    /// Tables and rows read.
    pub(super) const fn counts(&self) -> (u64, u64) {
        (self.tables, self.in_all)
    }

    pub(super) fn into_input(self) -> R {
        self.input
    }

    /// The next item; `None` after the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        if self.ended {
            return Ok(None);
        }
        let tag = self.byte()?;
        let item = match (tag, self.columns.is_some()) {
            (b'R', true) => self.row()?,
            (b'E', true) => self.table_end()?,
            (b'M', false) => Item::Migration { file: self.text()?, checksum: self.text()? },
            (b'F', false) => Item::File { name: self.text()?, content: self.bytes()? },
            (b'T', false) => self.table()?,
            (b'Z', false) => self.end()?,
            _ => return Err(wrong("something stands where it cannot")),
        };
        Ok(Some(item))
    }

    fn row(&mut self) -> io::Result<Item> {
        let kinds = self.columns.clone().unwrap_or_default();
        let mut cells = Vec::with_capacity(kinds.len());
        for kind in &kinds {
            cells.push(match (self.byte()?, kind) {
                (b'n', _) => Cell::Null,
                (b'i', Kind::Integer) => Cell::Integer(i64::from_be_bytes(self.array()?)),
                (b't', Kind::Text) => Cell::Text(self.text()?),
                (b'b', Kind::Bytes) => Cell::Bytes(self.bytes()?),
                _ => return Err(wrong("a value is not of its column's kind")),
            });
        }
        self.in_table += 1;
        self.in_all += 1;
        Ok(Item::Row(cells))
    }

    fn table(&mut self) -> io::Result<Item> {
        let name = self.text()?;
        let count = self.length()?;
        if !(1..=COLUMNS_MAX).contains(&count) {
            return Err(wrong("a table has an impossible number of columns"));
        }
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            let column = self.text()?;
            let kind = match self.byte()? {
                b't' => Kind::Text,
                b'i' => Kind::Integer,
                b'b' => Kind::Bytes,
                _ => return Err(wrong("a column is of an unknown kind")),
            };
            columns.push((column, kind));
        }
        self.columns = Some(columns.iter().map(|(_, kind)| *kind).collect());
        self.in_table = 0;
        self.tables += 1;
        Ok(Item::Table { name, columns })
    }

    fn table_end(&mut self) -> io::Result<Item> {
        let rows = u64::from_be_bytes(self.array()?);
        if rows != self.in_table {
            return Err(wrong("a table has not the rows that it ought to have"));
        }
        self.columns = None;
        Ok(Item::TableEnd { rows })
    }

    fn end(&mut self) -> io::Result<Item> {
        let rows = u64::from_be_bytes(self.array()?);
        if rows != self.in_all {
            return Err(wrong("it has not the rows that it ought to have"));
        }
        self.ended = true;
        Ok(Item::End { rows })
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn length(&mut self) -> io::Result<usize> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(io::Error::other)
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let length = self.length()?;
        if length > CELL_MAX {
            return Err(wrong("a value is impossibly long"));
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| wrong("a text is not UTF-8"))
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_back_and_counts_are_looked_at() {
        let items = vec![
            Item::Migration { file: "0001_a.sql".into(), checksum: "c".into() },
            Item::File { name: "fleet.key".into(), content: vec![0, 255] },
            Item::Table {
                name: "t".into(),
                columns: vec![("a".into(), Kind::Text), ("b".into(), Kind::Integer), ("c".into(), Kind::Bytes)],
            },
            Item::Row(vec![Cell::Text("রহিম".into()), Cell::Integer(i64::MIN), Cell::Bytes(vec![0, 1])]),
            Item::Row(vec![Cell::Null, Cell::Null, Cell::Null]),
            Item::TableEnd { rows: 2 },
            Item::End { rows: 2 },
        ];
        let mut bytes = Vec::new();
        items.iter().for_each(|item| write(&mut bytes, item));
        let mut reader = Items::new(bytes.as_slice());
        let mut back = Vec::new();
        while let Some(item) = reader.next().unwrap() {
            back.push(item);
        }
        assert_eq!(back, items);
        assert_eq!(reader.counts(), (1, 2));

        let mut fewer = Vec::new();
        items
            .iter()
            .filter(|item| !matches!(item, Item::Row(cells) if cells[0] == Cell::Null))
            .for_each(|item| write(&mut fewer, item));
        let mut reader = Items::new(fewer.as_slice());
        let error = std::iter::from_fn(|| reader.next().transpose()).find_map(Result::err).unwrap();
        assert!(error.to_string().contains("rows"), "{error}");
    }
}
