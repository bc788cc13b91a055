//! Reading Rust sources just well enough to see who names whom.
//!
//! No parser crate: comments, strings and test-only code are blanked out (line numbers stay), then paths that
//! start with `crate`, `super`, `self` or a package's name are spelled out, groups and all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Source files by their path from the project's root, with `/` between the parts.
pub type Tree = BTreeMap<String, String>;

/// Folders that hold what was built or fetched, not what was written.
const BUILT: &[&str] = &["target", "node_modules", "dist", ".git"];

/// A path that some line of a file names, from the root of its own or another package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Line, from 1.
    pub line: usize,
    /// `["crate", "db", "Tx"]` or `["lastmile_protocol", "ids"]`.
    pub path: Vec<String>,
}

/// Reads every `.rs`, `.toml` and `.sql` file below the project's root.
pub fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    read_into(root, root, &mut tree);
    tree
}

fn read_into(root: &Path, folder: &Path, tree: &mut Tree) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project is readable") {
        let path = entry.expect("a folder entry is readable").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !BUILT.contains(&name.as_str()) {
            read_into(root, &path, tree);
        } else if [".rs", ".toml", ".sql"].iter().any(|end| name.ends_with(end)) {
            let from_root = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            tree.insert(from_root, std::fs::read_to_string(&path).expect("a source file is text"));
        }
    }
}

/// The text with comments blanked out, and strings too unless `keep_strings`. Line breaks stay where they are.
pub fn strip(text: &str, keep_strings: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let (len, keep) = match rest {
            ['/', '/', ..] => (rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()), false),
            ['/', '*', ..] => (block_comment(rest), false),
            ['"', ..] => (quoted(rest), keep_strings),
            ['r', '"' | '#', ..] if !previous_is_word(&chars, at) && raw_string(rest).is_some() => {
                (raw_string(rest).unwrap_or(1), keep_strings)
            }
            ['\'', ..] => char_literal(rest).map_or((1, true), |len| (len, false)),
            _ => (1, true),
        };
        out.extend(rest[..len].iter().map(|c| if keep || *c == '\n' { *c } else { ' ' }));
        at += len;
    }
    out
}

fn previous_is_word(chars: &[char], at: usize) -> bool {
    // `br"…"` counts as a raw string too: the `b` before it is harmless.
    at > 0 && is_word(chars[at - 1]) && chars[at - 1] != 'b'
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let body = 2 + hashes;
    let end = (body..rest.len())
        .find(|at| rest[*at] == '"' && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes);
    Some(end.map_or(rest.len(), |at| at + 1 + hashes))
}

/// Length of `'x'` or `'\n'`; none for a lifetime.
fn char_literal(rest: &[char]) -> Option<usize> {
    match rest {
        [_, '\\', _, tail @ ..] => tail.iter().take(10).position(|c| *c == '\'').map(|at| at + 4),
        [_, _, '\'', ..] => Some(3),
        _ => None,
    }
}

/// Blanks out `#[cfg(test)] mod name { … }` in stripped text, and names the modules that are declared
/// test-only but stand in a file of their own.
pub fn without_tests(stripped: &str) -> (String, BTreeSet<String>) {
    let mut text = stripped.to_owned();
    let mut test_only = BTreeSet::new();
    let mut from = 0;
    while let Some(found) = text[from..].find("#[cfg(test)]") {
        let start = from + found;
        from = start + "#[cfg(test)]".len();
        let item: String = text[from..].chars().take_while(|c| !"{;".contains(*c)).collect();
        let mut words = item.split_whitespace().skip_while(|w| *w != "mod").skip(1);
        let end = from + item.len();
        match (text[end..].chars().next(), words.next()) {
            (Some(';'), Some(name)) => {
                test_only.insert(name.to_owned());
            }
            (Some('{'), _) => blank(&mut text, start, end),
            _ => {}
        }
    }
    (text, test_only)
}

/// Blanks from `start` to the brace that closes the one at `open`.
fn blank(text: &mut String, start: usize, open: usize) {
    let mut depth = 0usize;
    let mut end = text.len();
    for (at, c) in text[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            end = open + at + c.len_utf8();
            break;
        }
    }
    let spaces: String = text[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    text.replace_range(start..end, &spaces);
}

/// The module path of a file within its package: `src/db/mod.rs` → `["db"]`, `src/boot.rs` → `["boot"]`.
pub fn module_of(path_in_src: &str) -> Vec<String> {
    let plain = path_in_src.trim_end_matches(".rs");
    let mut parts: Vec<String> = plain.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// Every path in stripped text that starts at a package's root; `super` and `self` are resolved against `module`.
pub fn named_paths(stripped: &str, module: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some((start, root)) = next_root(stripped, from) {
        let line = 1 + stripped[..start].matches('\n').count();
        let mut paths = Vec::new();
        expand(&stripped[start..], &mut Vec::new(), &mut paths);
        found.extend(paths.into_iter().filter_map(|path| resolve(path, module)).map(|path| Named { line, path }));
        from = start + root.len();
    }
    found
}

const ROOTS: &[&str] =
    &["crate", "super", "self", "lastmile_protocol", "lastmile_agent", "lastmile_controller", "lastmile_testbed"];

fn next_root(text: &str, from: usize) -> Option<(usize, &'static str)> {
    ROOTS
        .iter()
        .filter_map(|root| {
            let mut at = from;
            while let Some(found) = text[at..].find(root) {
                let start = at + found;
                let before = text[..start].chars().next_back();
                let path_goes_on = text[start + root.len()..].trim_start().starts_with("::");
                let begins_path = !before.is_some_and(is_word) && !text[..start].trim_end().ends_with("::");
                if path_goes_on && begins_path {
                    return Some((start, *root));
                }
                at = start + root.len();
            }
            None
        })
        .min()
}

/// Spells out `a::{b, c::{d, e}}` into full paths; returns what is left behind it.
fn expand<'a>(text: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    let word: String = text.chars().take_while(|c| is_word(*c)).collect();
    if word.is_empty() {
        let star = text.starts_with('*');
        paths.push(prefix.clone());
        return if star { &text[1..] } else { text };
    }
    prefix.push(word.clone());
    let rest = text[word.len()..].trim_start();
    let left = match rest.strip_prefix("::").map(str::trim_start) {
        Some(group) if group.starts_with('{') => expand_group(&group[1..], prefix, paths),
        Some(tail) => expand(tail, prefix, paths),
        None => {
            paths.push(prefix.clone());
            rest
        }
    };
    prefix.pop();
    left
}

fn expand_group<'a>(mut text: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return rest;
        }
        let before = text.len();
        text = expand(text, prefix, paths).trim_start();
        if let Some(renamed) = text.strip_prefix("as ") {
            text = renamed.trim_start().trim_start_matches(is_word).trim_start();
        }
        text = text.strip_prefix(',').unwrap_or(text);
        if text.is_empty() || text.len() == before {
            return text;
        }
    }
}

fn resolve(path: Vec<String>, module: &[String]) -> Option<Vec<String>> {
    let mut here: Vec<String> = module.to_vec();
    let mut rest = path.as_slice();
    match rest.first()?.as_str() {
        "super" | "self" => {
            while let Some((first, tail)) = rest.split_first() {
                match first.as_str() {
                    "super" => drop(here.pop()),
                    "self" => {}
                    _ => break,
                }
                rest = tail;
            }
            Some(std::iter::once("crate".to_owned()).chain(here).chain(rest.iter().cloned()).collect())
        }
        _ => Some(path),
    }
}
