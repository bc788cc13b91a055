//! The file of a backup: a header in clear, then the encrypted and compressed items.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::envelope;
use super::rows::{Item, Items};
use super::{BackupError, Content, Header};
use crate::kernel::ids::hex;
use crate::secrets::Keyring;

/// First bytes of every file.
const MAGIC: &[u8] = b"LASTMILE-BACKUP\n";
/// The layout that this program writes and reads.
pub(super) const FORMAT: u8 = 1;
/// A header is a few hundred bytes.
const HEADER_MAX: usize = 64 * 1024;
/// What the key of a file is derived for.
const PURPOSE: &str = "backup";
/// Speed over size: the machine has other things to do.
const LEVEL: i32 = 3;

pub(super) fn failed(act: &'static str, place: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let place = place.display().to_string();
    move |source| BackupError::File { act, place, source }
}

/// A file that is being written. Dropped without [`Draft::finish`], it leaves nothing behind.
pub(super) struct Draft {
    out: Option<zstd::Encoder<'static, envelope::Writer<BufWriter<File>>>>,
    draft: PathBuf,
    place: PathBuf,
}

impl Draft {
    pub(super) fn begin(place: &Path, header: &Header, keyring: &Keyring) -> Result<Self, BackupError> {
        let draft = place.with_extension("part");
        let wrong = || failed("write", &draft);
        let salt = unhex(&header.salt).ok_or_else(|| BackupError::Foreign("the salt is no salt".to_owned()))?;
        let (_, key) = keyring.derive(PURPOSE, &salt);
        let json = serde_json::to_vec(header).map_err(|error| wrong()(io::Error::other(error)))?;
        let open = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let mut out = BufWriter::with_capacity(256 * 1024, open.map_err(wrong())?);
        let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
        out.write_all(MAGIC)
            .and_then(|()| out.write_all(&[FORMAT]))
            .and_then(|()| out.write_all(&length.to_be_bytes()))
            .and_then(|()| out.write_all(&json))
            .map_err(wrong())?;
        let sealed = envelope::Writer::new(&key, &json, out).map_err(wrong())?;
        let packed = zstd::Encoder::new(sealed, LEVEL).map_err(wrong())?;
        Ok(Self { out: Some(packed), place: place.to_owned(), draft })
    }

    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), BackupError> {
        match &mut self.out {
            Some(out) => out.write_all(block).map_err(failed("write", &self.draft)),
            None => Ok(()),
        }
    }

    /// Closes the file, on the disk and under its name, and says how large it is.
    pub(super) fn finish(mut self) -> Result<u64, BackupError> {
        let wrong = || failed("write", &self.draft);
        let Some(out) = self.out.take() else { return Ok(0) };
        let out = out.finish().and_then(envelope::Writer::finish).map_err(wrong())?;
        let file = out.into_inner().map_err(|error| wrong()(error.into_error()))?;
        file.sync_all().map_err(wrong())?;
        let size = file.metadata().map_err(wrong())?.len();
        std::fs::rename(&self.draft, &self.place).map_err(wrong())?;
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong())?;
        Ok(size)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After the end it has its other name; nothing is there then.
        let _ = std::fs::remove_file(&self.draft);
    }
}

/// A file that is being read.
pub(super) struct Opened {
    pub(super) header: Header,
    items: Items<zstd::Decoder<'static, BufReader<envelope::Reader<BufReader<File>>>>>,
    place: PathBuf,
    size: u64,
}

/// What a file says of itself, without its key. Whether that is true is seen only when it is opened.
///
/// # Errors
/// When it cannot be read or is no backup.
pub fn describe(place: &Path) -> Result<Header, BackupError> {
    open_header(place).map(|(header, _, _)| header)
}

fn open_header(place: &Path) -> Result<(Header, Vec<u8>, BufReader<File>), BackupError> {
    let foreign = |what: &str| BackupError::Foreign(format!("{} is {what}", place.display()));
    let mut input = BufReader::with_capacity(256 * 1024, File::open(place).map_err(failed("read", place))?);
    let mut head = [0; 21];
    input.read_exact(&mut head).map_err(|_| foreign("no backup of Lastmile"))?;
    let (magic, rest) = head.split_at(MAGIC.len());
    let (format, length) = rest.split_at(1);
    if magic != MAGIC {
        return Err(foreign("no backup of Lastmile"));
    }
    if format != [FORMAT] {
        return Err(foreign("of a layout that this program does not know; use the newer program"));
    }
    let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    if length > HEADER_MAX {
        return Err(foreign("damaged: its header is impossibly long"));
    }
    let mut json = vec![0; length];
    input.read_exact(&mut json).map_err(|_| foreign("cut off"))?;
    let header =
        serde_json::from_slice(&json).map_err(|error| foreign(&format!("damaged: its header says {error}")))?;
    Ok((header, json, input))
}

impl Opened {
    pub(super) fn open(place: &Path, keyring: &Keyring) -> Result<Self, BackupError> {
        let (header, json, input) = open_header(place)?;
        let size = input.get_ref().metadata().map_err(failed("read", place))?.len();
        let damaged = || BackupError::Damaged("its header is damaged".to_owned());
        let salt = unhex(&header.salt).ok_or_else(damaged)?;
        let key = keyring
            .derive_as(&header.key_id, PURPOSE, &salt)
            .ok_or_else(|| BackupError::Key { wanted: header.key_id.clone(), present: keyring.ids().join(", ") })?;
        let sealed = envelope::Reader::new(&key, &json, input).map_err(failed("read", place))?;
        let packed = zstd::Decoder::new(sealed).map_err(failed("read", place))?;
        Ok(Self { header, items: Items::new(packed), place: place.to_owned(), size })
    }

    /// The next item; `None` at the end, when everything was checked.
    pub(super) fn next(&mut self) -> Result<Option<Item>, BackupError> {
        self.items.next().map_err(|error| damaged(&self.place, error))
    }

    /// What was read, once everything was: the envelope must have ended too.
    pub(super) fn finish(self) -> Result<Content, BackupError> {
        let (tables, rows) = self.items.counts();
        let mut packed = self.items.into_input();
        let mut rest = [0];
        // Reads the end of the compressed stream, and with it the last chunk.
        let more = packed.read(&mut rest).map_err(|error| damaged(&self.place, error))?;
        let mut sealed = packed.finish().into_inner();
        sealed.ended().map_err(|error| damaged(&self.place, error))?;
        if more > 0 {
            return Err(BackupError::Damaged("something stands behind its end".to_owned()));
        }
        Ok(Content { tables, rows, size: self.size })
    }
}

fn damaged(place: &Path, error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
            BackupError::Damaged(error.to_string())
        }
        _ => failed("read", place)(error),
    }
}

/// Reads a whole backup back: decrypts every chunk, unpacks every row, compares every count.
///
/// # Errors
/// When it is damaged, or encrypted under a key that is not here.
pub fn check(place: &Path, keyring: &Keyring) -> Result<(Header, Content), BackupError> {
    let mut opened = Opened::open(place, keyring)?;
    while opened.next()?.is_some() {}
    let header = opened.header.clone();
    Ok((header, opened.finish()?))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()))
        .collect();
    bytes.filter(|bytes| hex(bytes) == text)
}
