//! The ballast: a file of no use but its size. When the disk is full, not even the spool's own reader can
//! open (it writes while it opens); deleting the ballast gives it the room to be opened and drained.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::files;

/// Makes the ballast if it is not there in full. A disk without room keeps none: that is no error.
///
/// # Errors
/// When the folder cannot be written for another reason.
pub fn lay(path: &Path, bytes: u64) -> io::Result<bool> {
    if fs::metadata(path).is_ok_and(|about| about.len() >= bytes) {
        return Ok(true);
    }
    match write(path, bytes) {
        Ok(()) => Ok(true),
        Err(error) => {
            let _ = fs::remove_file(path);
            if error.kind() == io::ErrorKind::StorageFull { Ok(false) } else { Err(error) }
        }
    }
}

/// Gives the room back. Whether there was any.
pub fn drop_it(path: &Path) -> bool {
    let gone = fs::remove_file(path).is_ok();
    let _ = files::sync_folder_of(path);
    gone
}

fn write(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    // Noise, not zeros: file systems that compress or leave holes would keep no room for zeros.
    let mut word = 0x9E37_79B9_7F4A_7C15_u64;
    let mut block = Vec::with_capacity(64 << 10);
    let mut left = bytes;
    while left > 0 {
        block.clear();
        while block.len() < (64 << 10) {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            block.extend_from_slice(&word.to_le_bytes());
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        file.write_all(block.get(..take).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(take).unwrap_or(0));
    }
    file.sync_all()
}
