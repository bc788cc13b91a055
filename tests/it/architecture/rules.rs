//! The rules themselves: each looks at the whole tree and returns what breaks it.

use std::collections::BTreeSet;
use std::fmt;

use super::source::{Named, Tree, module_of, named_paths, strip, without_tests};

/// The rooms of the controller: each may import only what stands before it.
/// `config` is plain data that is read once at the start, so everybody may be handed it.
const ROOMS: &[&[&str]] = &[
    &["kernel"],
    &["config"],
    &["db"],
    &["events"],
    &["jobs"],
    &["secrets"],
    &["access"],
    &["gateways", "documents"],
    &["web"],
    &["domains"],
    &["reports"],
    &["fleet"],
    &["backup"],
    &["boot"],
];

/// The domains, in the order in which they may import each other.
const DOMAINS: &[&str] = &[
    "branches",
    "settings",
    "notices",
    "staff",
    "ledger",
    "areas",
    "packages",
    "network",
    "resellers",
    "customers",
    "lines",
    "outages",
    "billing",
    "payments",
    "dunning",
    "usage",
    "broadcasts",
    "speedtest",
    "tickets",
    "surveys",
    "fieldwork",
    "calls",
    "referrals",
    "commissions",
    "portal",
];

/// The rooms of the agent, and the small things that all of them use.
const AGENT_ROOMS: &[&str] = &[
    "core", "device", "collect", "enforce", "spool", "uplink", "status", "config", "boot", "cli", "lib", "main",
    "clock", "crash", "files",
];

/// Which packages a package may name.
const PACKAGES: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("agent", &["protocol"]),
    ("controller", &["protocol"]),
    ("tests", &["protocol", "agent", "controller", "testbed"]),
];

/// One broken rule.
#[derive(Debug)]
pub struct Broken {
    /// From the project's root.
    pub file: String,
    /// From 1.
    pub line: usize,
    rule: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}:{}: {}", self.file, self.line, self.rule)
    }
}

fn broken(file: &str, line: usize, rule: impl Into<String>) -> Broken {
    Broken { file: file.to_owned(), line, rule: rule.into() }
}

/// A production source file, ready to be looked at.
struct Source<'a> {
    file: &'a str,
    /// Path below the package's `src/`.
    below: &'a str,
    module: Vec<String>,
    /// Without comments, strings and test-only code.
    code: String,
    text: &'a str,
}

impl Source<'_> {
    fn names(&self) -> Vec<Named> {
        named_paths(&self.code, &self.module)
    }

    /// Lines on which a word stands, not as a part of a longer one.
    fn lines_with(&self, word: &str) -> Vec<usize> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let edge = |c: Option<char>| !c.is_some_and(is_word);
        let hit = |line: &str| {
            line.match_indices(word)
                .any(|(at, _)| edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next()))
        };
        self.code.lines().enumerate().filter(|(_, line)| hit(line)).map(|(at, _)| at + 1).collect()
    }
}

/// The production sources of a package: files that are only compiled for tests are left out.
fn sources<'a>(tree: &'a Tree, package: &str) -> Vec<Source<'a>> {
    let root = format!("{package}/src/");
    let mut all = Vec::new();
    let mut test_only: BTreeSet<String> = BTreeSet::new();
    for (file, text) in tree.iter().filter(|(file, _)| file.ends_with(".rs")) {
        let Some(below) = file.strip_prefix(&root) else { continue };
        let (code, tests) = without_tests(&strip(text, false));
        let module = module_of(below);
        test_only
            .extend(tests.iter().map(|name| [module.join("/"), name.clone()].join("/").trim_matches('/').to_owned()));
        all.push(Source { file, below, module, code, text });
    }
    all.retain(|source| {
        let module = source.module.join("/");
        !test_only.iter().any(|test| module == *test || module.starts_with(&format!("{test}/")))
    });
    all
}

/// Packages name only what they may, in the code and in their manifests.
pub fn packages(tree: &Tree) -> Vec<Broken> {
    let mut found = Vec::new();
    for (package, may) in PACKAGES {
        let forbidden: Vec<&str> = ["protocol", "agent", "controller", "testbed"]
            .into_iter()
            .filter(|p| !may.contains(p) && p != package)
            .collect();
        let rule = |other: &str| {
            format!(
                "`{package}` may import {}, not `{other}`",
                if may.is_empty() { "nothing of ours".into() } else { may.join(", ") }
            )
        };
        for source in sources(tree, package) {
            let names = source.names();
            let foreign = names.iter().filter_map(|n| Some((n.line, n.path.first()?.strip_prefix("lastmile_")?)));
            found.extend(
                foreign
                    .filter(|(_, other)| forbidden.contains(other))
                    .map(|(line, other)| broken(source.file, line, rule(other))),
            );
        }
        let manifest = format!("{package}/Cargo.toml");
        for (at, line) in tree.get(&manifest).map(String::as_str).unwrap_or_default().lines().enumerate() {
            for other in &forbidden {
                if line.starts_with(&format!("lastmile-{other}")) {
                    found.push(broken(&manifest, at + 1, rule(other)));
                }
            }
        }
    }
    found
}

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|rooms| rooms.contains(&room))
}

/// `kernel < db < … < boot`: a room imports only what stands before it, and neighbours of one rank not each other.
pub fn controller_rooms(tree: &Tree) -> Vec<Broken> {
    let mut found = Vec::new();
    for source in sources(tree, "controller") {
        let Some(room) = source.module.first() else { continue };
        let Some(own) = rank(room) else { continue };
        for named in source.names().iter().filter(|n| n.path[0] == "crate") {
            let Some(other) = named.path.get(1).filter(|other| *other != room) else { continue };
            if rank(other).is_some_and(|theirs| theirs >= own) {
                let order = ROOMS.iter().map(|rooms| rooms.join(" ")).collect::<Vec<_>>().join(" < ");
                found.push(broken(source.file, named.line, format!("{room} may not import {other} ({order})")));
            }
        }
    }
    found
}

/// Domains import each other in their order, only what `mod.rs` shows, and keep their SQL in `store`.
pub fn domains(tree: &Tree) -> Vec<Broken> {
    let mut found = Vec::new();
    for source in sources(tree, "controller") {
        let own = match source.module.as_slice() {
            [room, domain, ..] if room == "domains" => Some(domain.as_str()),
            _ => None,
        };
        if let Some(domain) = own {
            if !DOMAINS.contains(&domain) {
                found.push(broken(
                    source.file,
                    1,
                    format!("`{domain}` is no domain of the list; it needs a place in the order first"),
                ));
                continue;
            }
            found.extend(sql_outside_store(&source));
        }
        for named in source.names() {
            if let [_, room, other, rest @ ..] = named.path.as_slice()
                && room == "domains"
                && own != Some(other)
            {
                found.extend(domain_import(tree, &source, own, named.line, other, rest));
            }
        }
    }
    found
}

fn domain_import(
    tree: &Tree,
    source: &Source<'_>,
    own: Option<&str>,
    line: usize,
    other: &str,
    rest: &[String],
) -> Option<Broken> {
    let place = |name: &str| DOMAINS.iter().position(|d| *d == name);
    if let (Some(domain), Some(theirs)) = (own, place(other))
        && place(domain).is_some_and(|mine| theirs > mine)
    {
        return Some(broken(
            source.file,
            line,
            format!("{domain} may not import {other}, which stands above it; say it with an event"),
        ));
    }
    let inner = rest.first()?;
    let is_module = [
        format!("controller/src/domains/{other}/{inner}.rs"),
        format!("controller/src/domains/{other}/{inner}/mod.rs"),
    ]
    .iter()
    .any(|file| tree.contains_key(file));
    // `boot` puts routes and jobs together, so it may name them; nobody else looks behind the front door.
    let boot = source.module.first().is_some_and(|room| room == "boot") && inner != "store";
    (is_module && !boot).then(|| {
        broken(source.file, line, format!("{other} is imported through its mod.rs only, not through `{inner}`"))
    })
}

fn sql_outside_store(source: &Source<'_>) -> Vec<Broken> {
    if source.module.get(2).is_some_and(|part| part == "store" || part == "tests") {
        return Vec::new();
    }
    let (with_strings, _) = without_tests(&strip(source.text, true));
    let starts = ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", "\"WITH "];
    let is_sql = |line: &&str| starts.iter().any(|start| line.contains(start));
    with_strings
        .lines()
        .enumerate()
        .filter(|(_, line)| is_sql(line))
        .map(|(at, _)| broken(source.file, at + 1, "the SQL of a domain stands in its `store`"))
        .collect()
}

/// What cannot be replayed: a state machine that touches one of these is none.
const IMPURE: &[&str] =
    &["tokio", "sqlx", "sled", "quinn", "SystemTime", "Instant", "fs", "UdpSocket", "TcpStream", "SystemRandom"];

/// `agent::core` and `protocol` hold no runtime, no disk, no socket and no clock; `core` names the protocol only.
pub fn pure_rooms(tree: &Tree) -> Vec<Broken> {
    let mut found = Vec::new();
    let core = sources(tree, "agent").into_iter().filter(|s| s.module.first().is_some_and(|room| room == "core"));
    for (room, source) in
        core.map(|s| ("agent::core", s)).chain(sources(tree, "protocol").into_iter().map(|s| ("protocol", s)))
    {
        for word in IMPURE {
            found.extend(
                source
                    .lines_with(word)
                    .into_iter()
                    .map(|line| broken(source.file, line, format!("{room} is pure: no `{word}`"))),
            );
        }
        if room == "agent::core" {
            let outside = source
                .names()
                .into_iter()
                .filter(|n| n.path[0] == "crate" && n.path.get(1).is_some_and(|r| r != "core"));
            found.extend(outside.map(|n| {
                broken(source.file, n.line, format!("core imports the protocol only, not `{}`", n.path.join("::")))
            }));
        }
    }
    for (at, line) in tree.get("protocol/Cargo.toml").map(String::as_str).unwrap_or_default().lines().enumerate() {
        if ["tokio", "sqlx", "quinn"].iter().any(|name| line.starts_with(name)) {
            found.push(broken("protocol/Cargo.toml", at + 1, "the protocol has no runtime, no SQL and no transport"));
        }
    }
    found
}

/// `rules` of every domain and of the usage layout: time is a number that is handed in, and so is chance.
pub fn pure_rules(tree: &Tree) -> Vec<Broken> {
    let impure = ["Clock", "Rng", "SystemTime", "Instant", "tokio", "sqlx", "axum", "async", "Tx", "Db", "env", "fs"];
    let is_rules = |s: &Source<'_>| s.module.iter().any(|part| part == "rules");
    let mut found = Vec::new();
    for source in sources(tree, "controller").into_iter().filter(is_rules) {
        for word in impure {
            found.extend(
                source
                    .lines_with(word)
                    .into_iter()
                    .map(|line| broken(source.file, line, format!("rules are pure: no `{word}`"))),
            );
        }
    }
    found
}

/// bincode in `codec.rs`, axum's router in `web`: what has one place can be replaced there.
pub fn one_place(tree: &Tree) -> Vec<Broken> {
    let mut found = Vec::new();
    for package in ["protocol", "agent", "controller", "tests"] {
        for source in sources(tree, package).iter().filter(|s| s.file != "protocol/src/codec.rs") {
            found.extend(
                source
                    .lines_with("bincode")
                    .into_iter()
                    .map(|l| broken(source.file, l, "only protocol/src/codec.rs names bincode")),
            );
        }
    }
    let outside_web =
        |s: &Source<'_>| ["domains", "reports", "fleet"].iter().any(|room| s.below.starts_with(&format!("{room}/")));
    for source in sources(tree, "controller").into_iter().filter(outside_web) {
        for way in ["axum::routing", "axum::Router"] {
            let hits = source.code.lines().enumerate().filter(|(_, line)| line.contains(way));
            found.extend(
                hits.map(|(at, _)| broken(source.file, at + 1, "routes are made by web's `route(…, Policy, …)` only")),
            );
        }
    }
    found
}

/// Nothing lies about at the top of a package: what is new belongs to a room, or is a new room by decision.
pub fn top_levels(tree: &Tree) -> Vec<Broken> {
    let controller: Vec<&str> = ROOMS.iter().flat_map(|rooms| rooms.iter().copied()).chain(["lib", "main"]).collect();
    let mut found = Vec::new();
    for file in tree.keys().filter(|file| file.ends_with(".rs")) {
        let (names, below): (&[&str], _) = if let Some(below) = file.strip_prefix("controller/src/") {
            (&controller, below)
        } else if let Some(below) = file.strip_prefix("agent/src/") {
            (AGENT_ROOMS, below)
        } else {
            continue;
        };
        let top = below.split('/').next().unwrap_or(below).trim_end_matches(".rs");
        if !names.contains(&top) {
            found.push(broken(file, 1, format!("`{top}` is no room of this package ({})", names.join(" "))));
        }
    }
    found
}

/// The first line says what a file is; a lint is answered (`expect` with a reason), never waved through.
pub fn every_file(tree: &Tree) -> Vec<Broken> {
    let mut found = Vec::new();
    // What lies in `deploy` is included into other files, which say it for them.
    for (file, text) in tree.iter().filter(|(file, _)| file.ends_with(".rs") && !file.starts_with("deploy/")) {
        if !text.starts_with("//!") {
            found.push(broken(file, 1, "the first line says what the file is (`//! …`)"));
        }
        let waved = |line: &str| line.contains("#[allow(") || line.contains("#![allow(");
        let lines = strip(text, false);
        found.extend(
            lines
                .lines()
                .enumerate()
                .filter(|(_, l)| waved(l))
                .map(|(at, _)| broken(file, at + 1, "`#[expect(…, reason)]` instead of `#[allow]`")),
        );
    }
    found
}
