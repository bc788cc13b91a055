//! Who may import whom, and which things have one place only.
//!
//! The rules are written once, here. A broken one is reported with its file, its line and what was expected,
//! so that the reader need not search for the reason. Test-only code is exempt: a test of a lower room may
//! well stand on the whole house.
//!
//! Every rule has a planted violation at the end of this file: a rule that finds nothing proves nothing.

mod rules;
mod source;

use rules::Broken;
use source::Tree;

fn project() -> Tree {
    source::read_tree(&crate::project_root())
}

fn assert_holds(broken: &[Broken]) {
    let list: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} broken rule(s) of the house:\n{}", list.len(), list.join("\n"));
}

#[test]
fn packages_depend_on_the_contract_only() {
    assert_holds(&rules::packages(&project()));
}

#[test]
fn controller_rooms_import_only_what_stands_before_them() {
    assert_holds(&rules::controller_rooms(&project()));
}

#[test]
fn domains_import_each_other_in_order_and_through_the_front_door() {
    assert_holds(&rules::domains(&project()));
}

#[test]
fn agent_core_and_protocol_are_pure() {
    assert_holds(&rules::pure_rooms(&project()));
}

#[test]
fn rules_know_no_clock_no_sql_and_no_chance() {
    assert_holds(&rules::pure_rules(&project()));
}

#[test]
fn things_with_one_place_are_in_it() {
    assert_holds(&rules::one_place(&project()));
}

#[test]
fn top_levels_hold_just_the_named_things() {
    assert_holds(&rules::top_levels(&project()));
}

#[test]
fn every_file_says_what_it_is_and_no_lint_is_waved_through() {
    assert_holds(&rules::every_file(&project()));
}

/// A tree of one file, with the head every file has.
fn planted(path: &str, text: &str) -> Tree {
    let head = if path.ends_with(".rs") { "//! Planted.\n" } else { "" };
    Tree::from([(path.to_owned(), format!("{head}{text}"))])
}

/// The rule finds exactly one violation, in that file, on that line.
#[track_caller]
fn assert_found(rule: fn(&Tree) -> Vec<Broken>, tree: &Tree, path: &str, line: usize) {
    let broken = rule(tree);
    assert_eq!(broken.len(), 1, "expected one finding: {broken:?}");
    assert_eq!((broken[0].file.as_str(), broken[0].line), (path, line), "{}", broken[0]);
}

#[track_caller]
fn assert_clean(rule: fn(&Tree) -> Vec<Broken>, tree: &Tree) {
    let broken = rule(tree);
    assert!(broken.is_empty(), "expected no finding: {broken:?}");
}

#[test]
fn planted_upward_imports_are_found() {
    let path = "controller/src/db/pool.rs";
    for text in [
        "use crate::fleet::Session;",
        "use crate::{kernel::Money, fleet::{self, Session}};",
        "fn f() -> crate::fleet::Session { todo() }",
        "use super::super::fleet::Session;",
    ] {
        let found = rules::controller_rooms(&planted(path, text));
        assert!(!found.is_empty(), "not found: {text}");
        assert!(found.iter().all(|b| b.file == path && b.line == 2), "{found:?}");
        assert!(found[0].to_string().contains("db may not import fleet"), "{}", found[0]);
    }
    assert_clean(rules::controller_rooms, &planted(path, "use crate::kernel::{Money, Scope};"));
    assert_clean(
        rules::controller_rooms,
        &planted(path, "// use crate::fleet::Session;\nconst A: &str = \"crate::fleet\";"),
    );
    assert_clean(rules::controller_rooms, &planted(path, "#[cfg(test)]\nmod tests {\n use crate::fleet::Session;\n}"));
}

#[test]
fn planted_domain_violations_are_found() {
    let lines = "controller/src/domains/lines/mod.rs";
    assert_found(rules::domains, &planted(lines, "use crate::domains::payments::Payment;"), lines, 2);
    assert_clean(rules::domains, &planted(lines, "use crate::domains::network::{LineState, put_line};"));

    let dunning = "controller/src/domains/dunning/jobs.rs";
    let mut tree = planted(dunning, "\nuse crate::domains::lines::store::load;");
    tree.insert("controller/src/domains/lines/store.rs".to_owned(), "//! SQL.\n".to_owned());
    assert_found(rules::domains, &tree, dunning, 3);

    let unnamed = "controller/src/domains/helpers/mod.rs";
    assert_found(rules::domains, &planted(unnamed, ""), unnamed, 1);

    let sql = "controller/src/domains/areas/api.rs";
    assert_found(rules::domains, &planted(sql, "const Q: &str = \"SELECT id FROM areas\";"), sql, 2);
}

#[test]
fn planted_package_and_purity_violations_are_found() {
    let agent = "agent/src/uplink/mod.rs";
    assert_found(rules::packages, &planted(agent, "use lastmile_controller::db::Db;"), agent, 2);
    let manifest = "agent/Cargo.toml";
    assert_found(
        rules::packages,
        &planted(manifest, "[dependencies]\nlastmile-controller.workspace = true"),
        manifest,
        2,
    );

    let meter = "agent/src/core/meter.rs";
    assert_found(rules::pure_rooms, &planted(meter, "use crate::spool::Spool;"), meter, 2);
    assert_found(rules::pure_rooms, &planted(meter, "async fn f() { tokio::spawn(g()); }"), meter, 2);
    let hello = "protocol/src/hello.rs";
    assert_found(rules::pure_rooms, &planted(hello, "fn f() -> std::time::SystemTime { g() }"), hello, 2);

    let rule = "controller/src/domains/usage/rules.rs";
    assert_found(rules::pure_rules, &planted(rule, "fn f(clock: &dyn Clock) -> i64 { clock.wall_ms() }"), rule, 2);
    assert_clean(rules::pure_rules, &planted(rule, "fn f(now_ms: i64) -> i64 { now_ms }"));
}

#[test]
fn planted_strays_are_found() {
    let frame = "protocol/src/frame.rs";
    assert_found(rules::one_place, &planted(frame, "use bincode::config::Config;"), frame, 2);
    assert_clean(rules::one_place, &planted("protocol/src/codec.rs", "use bincode::config::Config;"));
    let api = "controller/src/domains/areas/api.rs";
    assert_found(rules::one_place, &planted(api, "use axum::routing::get;"), api, 2);

    let stray = "controller/src/utils.rs";
    assert_found(rules::top_levels, &planted(stray, ""), stray, 1);

    let bare = Tree::from([("agent/src/spool/mod.rs".to_owned(), "use std::fs;\n".to_owned())]);
    assert_found(rules::every_file, &bare, "agent/src/spool/mod.rs", 1);
    let waved = "agent/src/spool/mod.rs";
    assert_found(rules::every_file, &planted(waved, "#[allow(clippy::unwrap_used)]\nfn f() {}"), waved, 2);
}
