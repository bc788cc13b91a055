//! Usage on both databases: applied once, split at midnight to the byte, read back as it was measured.
