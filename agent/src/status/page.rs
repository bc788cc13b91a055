//! The technician's page: plain HTML that an old phone on a bad link can show. No script, no picture, one
//! style sheet inside; black on white, colour only behind a word. The first screen says what is wrong and what
//! to do first.

use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::status::view::{FoundLine, HeldView, RouterView, Verdict, View};
use crate::status::words::{Language, plain};
use crate::uplink::Phase;

/// Rows of a list at most: the page stays small whatever the POP.
const ROUTERS: usize = 30;
const HELD: usize = 40;

/// What the page needs beside the view.
pub struct Asked<'a> {
    /// Language.
    pub language: Language,
    /// What was searched for; empty when nothing.
    pub find: &'a str,
    /// What was found.
    pub found: &'a [FoundLine],
    /// Time zone of the POP.
    pub zone: &'a TimeZone,
    /// Allows the style sheet, and nothing else.
    pub nonce: &'a str,
}

/// The page.
#[must_use]
pub fn page(view: &View, asked: &Asked<'_>) -> Markup {
    let l = asked.language;
    let name = if view.link.pop_name.is_empty() { "Lastmile".to_owned() } else { plain(&view.link.pop_name) };
    html! {
        (DOCTYPE)
        html lang=(l.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="10";
                title { "POP " (name) }
                style nonce=(asked.nonce) { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    div {
                        h1 { "POP " (name) }
                        p.small { (l.pick("agent", "এজেন্ট")) " " (view.version) " · " (l.time(view.at_ms, asked.zone, true)) }
                    }
                    a.language href={ "?lang=" (l.other().code()) } lang=(l.other().code()) {
                        (l.other().pick("English", "বাংলা"))
                    }
                }
                main {
                    (verdict(view, asked))
                    (first_steps(view, l))
                    (find(view, asked))
                    (link(view, asked))
                    (routers(view, asked))
                    (held(view, l))
                }
                footer {
                    span { (l.pick("Refreshes every 10 s", "১০ সেকেন্ড পরপর নতুন হয়")) }
                    span { (l.pick("Lines held here: ", "এখানে বন্ধ লাইন: ")) b { (l.count(count(view.lines_held))) } }
                }
            }
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn verdict(view: &View, asked: &Asked<'_>) -> Markup {
    let l = asked.language;
    let since = l.time(view.link.since_ms, asked.zone, false);
    let (class, title, text) = match view.verdict {
        Verdict::Well => (
            "good",
            l.pick("Everything works", "সব ঠিক আছে").to_owned(),
            l.pick("Routers are read, the controller has everything.", "রাউটার পড়া যাচ্ছে, কন্ট্রোলার সব পাচ্ছে।").to_owned(),
        ),
        Verdict::Starting => (
            "warn",
            l.pick("Connecting to the controller", "কন্ট্রোলারের সাথে যোগ হচ্ছে").to_owned(),
            l.pick("The agent has just started.", "এজেন্ট এইমাত্র চালু হয়েছে।").to_owned(),
        ),
        Verdict::Away => (
            "bad",
            match l {
                Language::English => format!("No link to the controller since {since}"),
                Language::Bangla => format!("{since} থেকে কন্ট্রোলারের সংযোগ নেই"),
            },
            format!(
                "{}{} {}",
                l.lasting(view.at_ms - view.link.since_ms),
                l.pick(".", "।"),
                l.pick(
                    "Customers’ lines stay as they were. Nothing is lost: it waits here and is sent later.",
                    "গ্রাহকের লাইন যেমন ছিল তেমনই আছে। কোনো তথ্য হারায়নি: এখানে জমা থাকছে, পরে পাঠানো হবে।"
                )
            ),
        ),
        Verdict::Refused => (
            "bad",
            l.pick("The controller refuses this agent", "কন্ট্রোলার এই এজেন্টকে নিচ্ছে না").to_owned(),
            plain(&view.link.detail),
        ),
        Verdict::Spool => (
            "bad",
            l.pick("The buffer on this machine is in trouble", "এই মেশিনের বাফারে সমস্যা").to_owned(),
            plain(&view.spool.trouble),
        ),
        Verdict::Router => (
            "warn",
            l.pick("A router does not answer", "একটি রাউটার সাড়া দিচ্ছে না").to_owned(),
            l.pick("The other routers are read as usual.", "অন্য রাউটারগুলো আগের মতোই পড়া হচ্ছে।").to_owned(),
        ),
        Verdict::Line => (
            "warn",
            l.pick("A line is not as it should be", "একটি লাইন যেমন থাকার কথা তেমন নেই").to_owned(),
            if view.frozen.is_empty() {
                l.pick("See the list below.", "নিচের তালিকা দেখুন।").to_owned()
            } else {
                plain(&view.frozen)
            },
        ),
    };
    html! { section.verdict.(class) role="status" { h2 { (title) } p { (text) } } }
}

fn silent(router: &RouterView) -> bool {
    !matches!(router.state, "healthy" | "unknown")
}

fn first_steps(view: &View, l: Language) -> Markup {
    let mut steps: Vec<Markup> = Vec::new();
    if !view.spool.trouble.is_empty() {
        steps.push(html! { (l.pick("Make room on the disk of this machine", "এই মেশিনের ডিস্কে জায়গা করুন")) });
    }
    match view.link.phase {
        Phase::Away => steps.push(html! {
            (l.pick("Check the Internet of the POP: UDP to ", "পপের ইন্টারনেট দেখুন: UDP ")) b { (plain(&view.link.address)) }
        }),
        Phase::Refused => steps.push(html! { (l.pick("Tell the office: ", "অফিসে জানান: ")) (plain(&view.link.detail)) }),
        Phase::Connected | Phase::Connecting => {}
    }
    for router in view.routers.iter().filter(|router| silent(router)).take(3) {
        steps.push(html! {
            (l.pick("Look at ", "দেখুন: ")) b { (plain(&router.name)) } " (" (plain(&router.address)) "): "
            (router_state(router, l)) @if !router.detail.is_empty() { ", " (plain(&router.detail)) }
        });
    }
    if steps.is_empty() {
        return html! {};
    }
    html! {
        section { h3 { (l.pick("Do this first", "প্রথমে এগুলো করুন")) } ol { @for step in steps { li { (step) } } } }
    }
}

fn find(view: &View, asked: &Asked<'_>) -> Markup {
    let l = asked.language;
    html! {
        section {
            h3 { (l.pick("Find a customer", "গ্রাহক খুঁজুন")) }
            form method="get" action="/" {
                input type="hidden" name="lang" value=(l.code());
                label for="find" { (l.pick("PPPoE user or address", "PPPoE ইউজার বা ঠিকানা")) }
                input id="find" name="find" value=(plain(asked.find)) maxlength="64" autocomplete="off" autocapitalize="off" spellcheck="false";
                button { (l.pick("Find", "খুঁজুন")) }
            }
            @if !asked.find.is_empty() && asked.found.is_empty() {
                p { (l.pick("No line of this POP begins like that.", "এই পপের কোনো লাইন এভাবে শুরু হয় না।"))
                    " (" (l.count(count(view.lines))) ")" }
            }
            @for line in asked.found {
                (row(
                    html! { (plain(&line.access)) },
                    html! { (line_state(line, l)) },
                    html! { (plain(&line.profile)) @if let Some(held) = &line.held { " · " (plain(&held.why)) } },
                ))
            }
        }
    }
}

fn line_state(line: &FoundLine, l: Language) -> Markup {
    match (&line.held, line.open) {
        (None, true) => pill("good", l.pick("to be open", "চালু থাকার কথা")),
        (Some(HeldView { verified: true, .. }), false) => pill("bad", l.pick("held", "বন্ধ")),
        (_, false) => pill("warn", l.pick("to be held", "বন্ধ হবে")),
        (Some(_), true) => pill("warn", l.pick("not as wanted", "ঠিক নেই")),
    }
}

fn pill(class: &str, word: &str) -> Markup {
    html! { span.pill.(class) { (word) } }
}

fn row(left: Markup, right: Markup, below: Markup) -> Markup {
    html! { div.row { span { (left) } b { (right) } p.small { (below) } } }
}

fn link(view: &View, asked: &Asked<'_>) -> Markup {
    let l = asked.language;
    let (class, word) = match view.link.phase {
        Phase::Connected => ("good", l.pick("connected", "সংযুক্ত")),
        Phase::Connecting => ("warn", l.pick("connecting", "যোগ হচ্ছে")),
        Phase::Away => ("bad", l.pick("not reachable", "পাওয়া যাচ্ছে না")),
        Phase::Refused => ("bad", l.pick("refused", "নিচ্ছে না")),
    };
    let heard = view.link.last_contact_ms;
    let spool = &view.spool;
    let waiting = view.spool_chunks > 0;
    html! {
        section {
            h3 { (l.pick("Controller", "কন্ট্রোলার")) (pill(class, word)) }
            (row(
                html! { (l.pick("Last contact", "শেষ যোগাযোগ")) },
                html! { @if heard == 0 { (l.pick("none yet", "এখনো নেই")) } @else { (l.time(heard, asked.zone, true)) } },
                html! { @if heard != 0 { (l.ago(view.at_ms - heard)) } @if !view.link.detail.is_empty() { " · " (plain(&view.link.detail)) } },
            ))
            (row(
                html! { (l.pick("Waiting to be sent", "পাঠানো বাকি")) },
                html! { (l.count(spool.records)) (l.pick(" records", "টি রেকর্ড")) },
                html! {
                    @if waiting && spool.oldest_ms > 0 {
                        (l.pick("oldest ", "সবচেয়ে পুরনো ")) (l.lasting(view.at_ms - spool.oldest_ms)) ", "
                    }
                    (l.percent(spool.bytes, spool.cap_bytes)) (l.pick(" of ", " জায়গা, মোট ")) (l.bytes(spool.cap_bytes))
                    @if spool.dropped > 0 { " · " (l.count(spool.dropped)) (l.pick(" chunks dropped", "টি অংশ ফেলা হয়েছে")) }
                },
            ))
            (row(
                html! { (l.pick("Closing lines", "লাইন বন্ধ করা")) },
                html! { (if view.link.lease { l.pick("allowed", "চলছে") } else { l.pick("nobody new", "নতুন কাউকে নয়") }) },
                html! { @if !view.link.lease { (l.pick("until the controller is back", "কন্ট্রোলার ফিরে না আসা পর্যন্ত")) } @else if !view.frozen.is_empty() { (plain(&view.frozen)) } },
            ))
            @if let Some(off) = view.link.clock_off_ms {
                (row(
                    html! { (l.pick("Clock", "ঘড়ি")) },
                    html! { (if off.abs() < 5_000 { l.pick("right", "ঠিক") } else { l.pick("wrong", "ভুল") }) },
                    html! { (l.digits(&format!("{}.{}", off.abs() / 1_000, off.abs() % 1_000 / 100))) (l.pick(" s off", " সেকেন্ড পার্থক্য")) },
                ))
            }
        }
    }
}

fn router_state(router: &RouterView, l: Language) -> &'static str {
    match router.state {
        "healthy" => "OK",
        "unreachable" => l.pick("silent", "সাড়া নেই"),
        "auth_refused" => l.pick("wrong log-in", "লগ-ইন ভুল"),
        "failing" => l.pick("failing", "ঠিকমতো পড়া যায় না"),
        "session_limit" => l.pick("too many sessions", "সেশন বেশি"),
        _ => l.pick("not tried yet", "এখনো দেখা হয়নি"),
    }
}

fn routers(view: &View, asked: &Asked<'_>) -> Markup {
    let l = asked.language;
    let all = count(view.routers.len());
    let quiet = count(view.routers.iter().filter(|router| silent(router)).count());
    let online: u64 = view.routers.iter().map(|router| u64::from(router.online)).sum();
    let (down, up) =
        view.routers.iter().fold((0u64, 0u64), |(d, u), r| (d.saturating_add(r.down_bps), u.saturating_add(r.up_bps)));
    let mut sorted: Vec<&RouterView> = view.routers.iter().collect();
    sorted.sort_by_key(|router| !silent(router));
    html! {
        section {
            h3 { (l.pick("Routers", "রাউটার"))
                span.small {
                    @match l {
                        Language::English => { (quiet) " of " (all) " silent" }
                        Language::Bangla => { (l.count(all)) "টির " (l.count(quiet)) "টি সাড়া দিচ্ছে না" }
                    }
                }
            }
            @if sorted.is_empty() {
                p { (l.pick("No router yet: the office adds them on the page of this POP.", "এখনো কোনো রাউটার নেই: অফিস এই পপের পাতায় যোগ করবে।")) }
            }
            @for router in sorted.iter().take(ROUTERS) {
                (row(
                    html! { b { (plain(&router.name)) } },
                    pill(if router.state == "healthy" { "good" } else if silent(router) { "bad" } else { "warn" }, router_state(router, l)),
                    html! {
                        @if !router.board.is_empty() { (plain(&router.board)) " · " }
                        @if router.last_poll_ms == 0 { (l.pick("never read", "কখনো পড়া হয়নি")) }
                        @else { (l.pick("read ", "")) (l.ago(view.at_ms - router.last_poll_ms)) (l.pick("", " পড়া")) }
                        @if router.state == "healthy" {
                            " · CPU " (l.digits(&router.cpu_percent.to_string())) " % · " (l.count(router.online.into())) (l.pick(" online", " অনলাইন"))
                        } @else if !router.detail.is_empty() { " · " (plain(&router.detail)) }
                    },
                ))
            }
        }
        section {
            h3 { (l.pick("PPPoE sessions", "PPPoE সেশন")) span { (l.count(online)) } }
            (row(
                html! { (l.pick("Now", "এখন")) },
                html! { (l.rate(down)) " ↓ " (l.rate(up)) " ↑" },
                html! { (l.pick("lines of this POP: ", "এই পপের লাইন: ")) (l.count(count(view.lines)))
                    @if view.unlisted_lines > 0 { " · " (l.count(view.unlisted_lines.into())) (l.pick(" on routers, but in no list", "টি রাউটারে আছে, তালিকায় নেই")) } },
            ))
        }
    }
}

fn held(view: &View, l: Language) -> Markup {
    let mut sorted: Vec<&HeldView> = view.held.iter().collect();
    sorted.sort_by_key(|held| held.verified);
    html! {
        section {
            h3 { (l.pick("Lines held here", "এখানে বন্ধ লাইন")) span { (l.count(count(view.held.len()))) } }
            @for held in sorted.iter().take(HELD) {
                (row(
                    html! { b { (plain(&held.access)) } },
                    if held.verified { pill("bad", l.pick("held", "বন্ধ")) } else { pill("warn", l.pick("not yet", "এখনো হয়নি")) },
                    html! { (plain(&held.router)) @if !held.why.is_empty() { " · " (plain(&held.why)) } },
                ))
            }
            @if sorted.len() > HELD {
                p.small { (l.pick("and more: find a customer above", "আরও আছে: উপরে গ্রাহক খুঁজুন")) }
            }
        }
    }
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#000;--paper:#fff;--rule:#888}
*{box-sizing:border-box}
body{margin:0 auto;max-width:640px;padding:12px 14px 24px;font:17px/1.45 'Noto Sans','Noto Sans Bengali',system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
html[lang=bn] body{line-height:1.6}
header,footer,h3,.row{display:flex;justify-content:space-between;align-items:center;gap:4px 12px}
h1{font-size:19px;margin:0}h2{font-size:23px;line-height:1.25;margin:0 0 4px}
html[lang=bn] h2{line-height:1.5}
h3{font-size:18px;margin:24px 0 4px;padding-bottom:8px;border-bottom:3px solid var(--ink)}
h3 span{font-weight:400}
p{margin:0}.small{font-size:15px;font-weight:400}
.language,button{display:flex;align-items:center;justify-content:center;min-height:48px;min-width:48px;padding:0 14px;border:2px solid var(--ink);border-radius:8px;font:inherit;font-weight:700;color:var(--ink);background:var(--paper);text-decoration:none}
button{width:100%;margin-top:10px;background:var(--ink);color:var(--paper)}
label{display:block;font-weight:700;margin:8px 0 6px}
#find{width:100%;min-height:52px;padding:0 12px;border:3px solid var(--ink);border-radius:8px;font:inherit;color:inherit;background:inherit}
.verdict{margin-top:12px;padding:14px 16px;border-radius:10px}
.good{background:#0b5d2c;color:#fff}.warn{background:#ffcf00;color:#000}.bad{background:#a8000f;color:#fff}
ol{margin:8px 0 0;padding-left:26px}li{margin-bottom:6px}
.row{flex-wrap:wrap;padding:9px 0;border-bottom:1px solid var(--rule)}
.row>span{flex:1 1 auto;min-width:40%}.row>b{text-align:right}.row>p{flex-basis:100%;min-height:0}
.pill{display:inline-block;padding:2px 9px;border-radius:6px;font-size:15px;font-weight:700}
footer{margin-top:20px;padding-top:10px;border-top:1px solid var(--rule);font-size:15px}
@media (prefers-color-scheme:dark){:root{--ink:#fff;--paper:#0b0b0b;--rule:#666}.good{background:#0f7a3b}.bad{background:#b3121f}}
";
