//! Hands the controller its build id as `LASTMILE_BUILD_ID`, embeds the migrations, and builds it again when they or
//! the pages that a release carries inside have changed.
//!
//! It never runs npm: the Makefile builds the pages first, and a controller without them says so on its page.

include!("../deploy/build_id.rs");

fn main() -> std::io::Result<()> {
    let _ = AGENT;
    println!("cargo::rustc-env=LASTMILE_BUILD_ID={}", build_id(CONTROLLER));
    // A debug build reads the pages from disk. `make` touches index.html after it made the first bundle.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        let pages = if Path::new("ui/dist").exists() { "ui/dist" } else { "ui/index.html" };
        println!("cargo::rerun-if-changed={pages}");
    }
    embed_migrations(Path::new("../migrations"))
}

/// Writes the list of migrations as `include_str!` lines, so that the program carries them.
fn embed_migrations(folder: &Path) -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "sql") {
            files.push(path.canonicalize()?);
        }
    }
    files.sort();
    let mut code = String::from("&[\n");
    for path in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        code.push_str(&format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string()));
    }
    code.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("migrations.rs"), code)
}
