//! Places where a test stops the program to kill it exactly there.
//!
//! Debug builds only: `LASTMILE_CRASH_AT=name:N` makes the N-th pass of the place write one line to standard
//! error and block for ever. With `LASTMILE_CRASH_WHEN=path` passes are counted only while that file exists: so a test
//! chooses the moment. A release build has none of it.

/// A place between two steps that must survive a kill.
#[cfg(debug_assertions)]
pub fn crash_point(name: &'static str) {
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64, Option<PathBuf>)>> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("LASTMILE_CRASH_AT").ok()?;
        let (name, pass) = text.rsplit_once(':')?;
        Some((name.to_owned(), pass.parse().ok()?, std::env::var_os("LASTMILE_CRASH_WHEN").map(PathBuf::from)))
    });
    let Some((wanted, pass, when)) = wanted else { return };
    let counts = wanted == name && when.as_ref().is_none_or(|path| path.exists());
    if !counts || PASSES.fetch_add(1, Ordering::SeqCst) + 1 != *pass {
        return;
    }
    let _ = writeln!(std::io::stderr(), "crash-point {name}");
    loop {
        std::thread::park();
    }
}

/// Nothing: a release build cannot be stopped from outside.
#[cfg(not(debug_assertions))]
pub fn crash_point(_name: &'static str) {}
