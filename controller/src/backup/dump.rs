//! Making a backup: one snapshot of all tables, streamed into the file while everybody goes on working.

use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::file::{self, Draft, FORMAT, check};
use super::rows::{Item, write};
use super::{BackupError, Content, Header, store};
use crate::db::{Db, Dialect, Tx};
use crate::domains::network;
use crate::events::seal;
use crate::kernel::ids::hex;
use crate::kernel::{At, Scope, rng};
use crate::secrets::Keyring;

/// Bytes handed to the writing thread at a time.
const BLOCK: usize = 256 * 1024;
/// Blocks that may wait for the disk.
const WAITING: usize = 8;
/// Bytes of salt.
const SALT: usize = 32;
/// Files of the data directory that belong to the backup: agents know the controller by this key.
const FILES: &[&str] = &["fleet.key", "fleet.crt"];

/// Makes a backup and reads it back. `data_dir` holds the controller's own key; `told` hears how many rows are written.
///
/// # Errors
/// When the database or the disk fails, or what was read back is not what was written.
pub async fn make(
    db: &Db,
    keyring: &Arc<Keyring>,
    data_dir: &Path,
    place: &Path,
    mut told: impl FnMut(u64) + Send,
) -> Result<(Header, Content), BackupError> {
    if place.exists() {
        return Err(BackupError::NotEmpty(format!("{} exists already", place.display())));
    }
    let mut tx = db.read(&Scope::All).await?;
    store::take_your_time(&mut tx).await?;
    let header = header(&mut tx, keyring).await?;
    let (sink, writing) = begin(Draft::begin(place, &header, keyring)?);
    let mut out = Out { buffer: Vec::with_capacity(BLOCK * 2), sink, rows: 0, tables: 0 };
    let read = everything(&mut tx, data_dir, &mut out, &mut told).await;
    tx.rollback().await?;
    let Out { buffer, sink, rows, tables, .. } = out;
    // After a failure the draft is dropped by its thread, and with it the file.
    if read.is_ok() {
        let _ = sink.send(Block::Bytes(buffer)).await;
        let _ = sink.send(Block::End).await;
    }
    drop(sink);
    let wrote = writing.await.map_err(|error| BackupError::Fault(error.to_string()))?;
    // What the disk says comes first: it is the reason for the rest.
    let size = wrote.and_then(|size| read.map(|()| size))?;
    let written = Content { tables, rows, size };
    read_back(place, keyring, &header, &written).await?;
    Ok((header, written))
}

async fn header(tx: &mut Tx, keyring: &Keyring) -> Result<Header, BackupError> {
    let database = match tx.dialect() {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
    };
    Ok(Header {
        format: FORMAT,
        made_at: At(tx.now_ms()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database: database.to_owned(),
        key_id: keyring.id(),
        salt: hex(&rng::bytes::<SALT>(tx.rng())),
        schema: store::applied(tx).await?.into_iter().map(|(file, _)| file).max().unwrap_or_default(),
        incarnation: network::incarnation(tx).await?,
        audit_head: seal::state(tx).await?.head,
    })
}

enum Block {
    Bytes(Vec<u8>),
    End,
}

/// A thread that compresses, encrypts and writes.
fn begin(mut draft: Draft) -> (mpsc::Sender<Block>, JoinHandle<Result<u64, BackupError>>) {
    let (sink, mut blocks) = mpsc::channel(WAITING);
    let writing = tokio::task::spawn_blocking(move || {
        while let Some(block) = blocks.blocking_recv() {
            match block {
                Block::Bytes(bytes) => draft.write(&bytes)?,
                Block::End => return draft.finish(),
            }
        }
        Ok(0)
    });
    (sink, writing)
}

struct Out {
    buffer: Vec<u8>,
    sink: mpsc::Sender<Block>,
    rows: u64,
    tables: u64,
}

impl Out {
    async fn item(&mut self, item: &Item) -> Result<(), BackupError> {
        write(&mut self.buffer, item);
        if self.buffer.len() >= BLOCK {
            let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(BLOCK * 2));
            // The thread has ended: it says why when it is asked.
            let _ = self.sink.send(Block::Bytes(full)).await;
            if self.sink.is_closed() {
                return Err(BackupError::Fault("the file could not be written".to_owned()));
            }
        }
        Ok(())
    }
}

async fn everything(
    tx: &mut Tx,
    data_dir: &Path,
    out: &mut Out,
    told: &mut (impl FnMut(u64) + Send),
) -> Result<(), BackupError> {
    for (file, checksum) in store::applied(tx).await? {
        out.item(&Item::Migration { file, checksum }).await?;
    }
    for name in FILES {
        let path = data_dir.join(name);
        if path.exists() {
            let content = std::fs::read(&path).map_err(file::failed("read", &path))?;
            out.item(&Item::File { name: (*name).to_owned(), content }).await?;
        }
    }
    for name in store::tables(tx).await? {
        // The schema is made by the migrations again, not from rows.
        if name != "schema_migrations" {
            one_table(tx, &name, out, told).await?;
        }
    }
    let rows = out.rows;
    out.item(&Item::End { rows }).await
}

async fn one_table(
    tx: &mut Tx,
    name: &str,
    out: &mut Out,
    told: &mut (impl FnMut(u64) + Send),
) -> Result<(), BackupError> {
    let table = store::table(tx, name).await?;
    out.item(&Item::Table { name: table.name.clone(), columns: table.columns.clone() }).await?;
    let mut rows = sqlx::query(AssertSqlSafe(table.select())).persistent(false).fetch(tx.conn());
    let mut count = 0_u64;
    while let Some(row) = rows.try_next().await? {
        out.item(&Item::Row(table.cells(&row)?)).await?;
        count += 1;
        if count.is_multiple_of(10_000) {
            told(out.rows + count);
        }
    }
    drop(rows);
    out.rows += count;
    out.tables += 1;
    told(out.rows);
    out.item(&Item::TableEnd { rows: count }).await
}

/// A backup that was never read is a hope. What is damaged is removed, so that nobody relies on it.
async fn read_back(
    place: &Path,
    keyring: &Arc<Keyring>,
    header: &Header,
    written: &Content,
) -> Result<(), BackupError> {
    let (file, keys) = (place.to_owned(), Arc::clone(keyring));
    let read = tokio::task::spawn_blocking(move || check(&file, &keys)).await;
    let read = read.map_err(|error| BackupError::Fault(error.to_string()))?;
    let wrong = match read {
        Ok((found, content)) if found == *header && content == *written => return Ok(()),
        Ok(_) => BackupError::Damaged("what was read back is not what was written".to_owned()),
        Err(error) => error,
    };
    let _ = std::fs::remove_file(place);
    Err(wrong)
}
