//! Restoring: from a backup into an empty place, and what must be different in the new life of the database.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use super::file::{self, Opened};
use super::rows::{Cell, Item};
use super::{BackupError, Content, Header, store};
use crate::db::{Db, Tx};
use crate::domains::{branches, dunning, network};
use crate::events::{self, Event};
use crate::kernel::{Actor, Scope};
use crate::secrets::Keyring;

/// Blocks of rows that may wait for the database.
const WAITING: usize = 8;
/// Rows of a block at most.
const BLOCK: usize = 300;
/// Names that a file of the data directory may have.
const FILES: &[&str] = &["fleet.key", "fleet.crt"];

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the backup says of itself.
    pub header: Header,
    /// What was in it.
    pub content: Content,
    /// The new life of the database.
    pub incarnation: u32,
    /// Lines that were held in the backup: left as they are at the POPs until a person clears the freeze.
    pub withheld: u64,
}

/// Restores a backup into a database without tables and a data directory without the controller's key. `db` is of the
/// role that owns the tables. Afterwards the schema is that of the backup: migrate it.
///
/// # Errors
/// When the place is not empty, the backup cannot be read with these keys, is damaged, comes from a newer program, or
/// the database fails. Then the database has no rows, and no file was written.
pub async fn restore(
    db: &Db,
    keyring: &Arc<Keyring>,
    data_dir: &Path,
    place: &Path,
    actor: &Actor,
    mut told: impl FnMut(u64) + Send,
) -> Result<Restored, BackupError> {
    if let Some(name) = FILES.iter().find(|name| data_dir.join(name).exists()) {
        let text = format!("{} has {name}: a backup is restored into an empty place only", data_dir.display());
        return Err(BackupError::NotEmpty(text));
    }
    let mut tx = db.read(&Scope::All).await?;
    if !store::tables(&mut tx).await?.is_empty() {
        let text = "the database has tables: a backup is restored into an empty one only".to_owned();
        return Err(BackupError::NotEmpty(text));
    }
    tx.rollback().await?;

    let (header, mut blocks) = reading(place.to_owned(), Arc::clone(keyring)).await?;
    let mut migrations = Vec::new();
    let mut files = Vec::new();
    let first = loop {
        match next(&mut blocks).await? {
            Block::Migration(file, checksum) => migrations.push((file, checksum)),
            Block::File(name, content) => files.push((name, content)),
            other => break other,
        }
    };
    db.migrate_as(&migrations).await?;
    let mut tx = db.begin(&Scope::All).await?;
    store::take_your_time(&mut tx).await?;
    let content = load(&mut tx, first, &mut blocks, &mut told).await?;
    let (incarnation, withheld) = begin_anew(&mut tx, &header, actor).await?;
    for (name, bytes) in &files {
        write_file(data_dir, name, bytes)?;
    }
    let committed = tx.commit().await;
    if committed.is_err() {
        for (name, _) in &files {
            let _ = std::fs::remove_file(data_dir.join(name));
        }
    }
    committed?;
    Ok(Restored { header, content, incarnation, withheld })
}

enum Block {
    Migration(String, String),
    File(String, Vec<u8>),
    Table(store::Table),
    Rows(Vec<Vec<Cell>>),
    End(Content),
}

type Blocks = mpsc::Receiver<Result<Block, BackupError>>;

async fn next(blocks: &mut Blocks) -> Result<Block, BackupError> {
    blocks.recv().await.unwrap_or_else(|| Err(BackupError::Fault("the reader has ended by itself".to_owned())))
}

/// A thread that reads, decrypts and unpacks.
async fn reading(place: PathBuf, keyring: Arc<Keyring>) -> Result<(Header, Blocks), BackupError> {
    let opening = tokio::task::spawn_blocking(move || Opened::open(&place, &keyring));
    let opened = opening.await.map_err(|error| BackupError::Fault(error.to_string()))??;
    let header = opened.header.clone();
    let (sink, blocks) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = hand_on(opened, &sink) {
            let _ = sink.blocking_send(Err(error));
        }
    });
    Ok((header, blocks))
}

/// Nobody takes the blocks any more: reading ends.
fn send(sink: &mpsc::Sender<Result<Block, BackupError>>, block: Block) -> Result<(), BackupError> {
    sink.blocking_send(Ok(block)).map_err(|_| BackupError::Fault("restoring was given up".to_owned()))
}

fn hand_on(mut opened: Opened, sink: &mpsc::Sender<Result<Block, BackupError>>) -> Result<(), BackupError> {
    let mut rows = Vec::new();
    while let Some(item) = opened.next()? {
        match item {
            Item::Migration { file, checksum } => send(sink, Block::Migration(file, checksum))?,
            Item::File { name, content } => send(sink, Block::File(name, content))?,
            Item::Table { name, columns } => send(sink, Block::Table(store::Table { name, columns }))?,
            Item::Row(cells) => {
                rows.push(cells);
                if rows.len() >= BLOCK {
                    send(sink, Block::Rows(std::mem::take(&mut rows)))?;
                }
            }
            Item::TableEnd { .. } => send(sink, Block::Rows(std::mem::take(&mut rows)))?,
            Item::End { .. } => {}
        }
    }
    send(sink, Block::End(opened.finish()?))
}

async fn load(
    tx: &mut Tx,
    first: Block,
    blocks: &mut Blocks,
    told: &mut (impl FnMut(u64) + Send),
) -> Result<Content, BackupError> {
    let tables: Vec<String> = store::tables(tx).await?.into_iter().filter(|name| name != "schema_migrations").collect();
    let guards = store::lay_down(tx, &tables).await?;
    for table in &tables {
        store::empty(tx, table).await?;
    }
    let mut current: Option<store::Table> = None;
    let mut count = 0_u64;
    let mut block = first;
    let content = loop {
        match (block, &current) {
            (Block::Table(table), _) => current = Some(matching(tx, &tables, table).await?),
            (Block::Rows(rows), Some(table)) => {
                count += u64::try_from(rows.len()).unwrap_or(0);
                let mut rows = rows.into_iter().peekable();
                while rows.peek().is_some() {
                    table.insert(tx, rows.by_ref().take(table.at_once()).collect()).await?;
                }
                told(count);
            }
            (Block::End(content), _) => break content,
            _ => return Err(BackupError::Damaged("rows stand outside a table".to_owned())),
        }
        block = next(blocks).await?;
    };
    guards.put_back(tx).await?;
    Ok(content)
}

/// The table of the backup, if this database has the same.
async fn matching(tx: &mut Tx, tables: &[String], table: store::Table) -> Result<store::Table, BackupError> {
    let differs = || BackupError::Schema(format!("the table {} of the backup is not that of this schema", table.name));
    if !tables.contains(&table.name) {
        return Err(differs());
    }
    let mut own = store::table(tx, &table.name).await?.columns;
    let mut theirs = table.columns.clone();
    own.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    theirs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if own == theirs { Ok(table) } else { Err(differs()) }
}

/// The new life: agents obey again, nobody is cut on old news, and the record says what happened.
async fn begin_anew(tx: &mut Tx, header: &Header, actor: &Actor) -> Result<(u32, u64), BackupError> {
    let (incarnation, withheld) = network::begin_anew(tx).await?;
    dunning::freeze_after_restore(tx, header.made_at.0).await?;
    store::end_sessions(tx).await?;
    store::doubt_notices(tx).await?;
    for branch in branches::list(tx).await? {
        let event = Event {
            kind: "system.restored",
            subject_kind: "backup",
            subject_id: header.made_at.to_string(),
            branch_id: branch.id,
            customer_id: None,
            data: json!({ "made_at": header.made_at, "incarnation": incarnation, "version": header.version }),
            at_ms: tx.now_ms(),
        };
        events::record(tx, actor, event).await?;
    }
    Ok((incarnation, withheld))
}

/// Writes a file that is whole, readable by nobody else.
fn write_file(data_dir: &Path, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
    if !FILES.contains(&name) {
        return Err(BackupError::Foreign(format!("{name} is no file that a backup may bring")));
    }
    let path = data_dir.join(name);
    let mut open = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(file::failed("write", &path))?;
    open.write_all(bytes).and_then(|()| open.sync_all()).map_err(file::failed("write", &path))
}
