//! The same facts for Prometheus, in its text format.

use std::fmt::Write as _;

use crate::status::view::View;
use crate::uplink::Phase;

/// The metrics.
#[must_use]
pub fn text(view: &View) -> String {
    let mut out = String::new();
    let info = format!("{{version=\"{}\",build=\"{}\"}}", view.version, view.build);
    family(&mut out, "lastmile_agent_info", "gauge", "The program", &[(info, 1)]);
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        family(&mut out, name, kind, help, &[(String::new(), value)]);
    };
    let spool = &view.spool;
    one(
        "lastmile_agent_connected",
        "gauge",
        "Whether the controller talks with us",
        u64::from(view.link.phase == Phase::Connected),
    );
    one("lastmile_agent_lease", "gauge", "Whether lines may be closed", view.link.lease.into());
    one("lastmile_agent_resends_total", "counter", "Chunks sent again", view.link.resends);
    one("lastmile_agent_chunks_under_way", "gauge", "Chunks sent and not acknowledged", count(view.link.under_way));
    one(
        "lastmile_agent_last_contact_seconds",
        "gauge",
        "When the controller was heard last, Unix time",
        seconds(view.link.last_contact_ms),
    );
    one("lastmile_agent_spool_chunks", "gauge", "Chunks that wait", view.spool_chunks);
    one("lastmile_agent_spool_records", "gauge", "Usage records that wait", spool.records);
    one(
        "lastmile_agent_spool_oldest_seconds",
        "gauge",
        "When the oldest was written, Unix time; 0 when none",
        seconds(spool.oldest_ms),
    );
    one("lastmile_agent_spool_bytes", "gauge", "Bytes of the spool on disk", spool.bytes);
    one("lastmile_agent_spool_cap_bytes", "gauge", "Bytes that it may take", spool.cap_bytes);
    one("lastmile_agent_spool_dropped_total", "counter", "Chunks dropped", spool.dropped);
    one(
        "lastmile_agent_spool_trouble",
        "gauge",
        "Whether the spool is in trouble",
        u64::from(!spool.trouble.is_empty()),
    );
    one("lastmile_agent_lines", "gauge", "Lines of the desired state", count(view.lines));
    one("lastmile_agent_lines_held", "gauge", "Lines that ought to be held", count(view.lines_held));
    one(
        "lastmile_agent_lines_unlisted",
        "gauge",
        "Lines with our mark in no desired state",
        view.unlisted_lines.into(),
    );
    type Value = fn(&super::view::RouterView) -> u64;
    let routers: [(&str, &str, Value); 5] = [
        ("lastmile_agent_router_up", "Whether the router answers", |r| u64::from(r.state == "healthy")),
        ("lastmile_agent_router_last_poll_seconds", "Last complete poll, Unix time", |r| seconds(r.last_poll_ms)),
        ("lastmile_agent_router_poll_milliseconds", "How long it took", |r| r.poll_took_ms.into()),
        ("lastmile_agent_router_sessions", "PPPoE sessions", |r| r.online.into()),
        ("lastmile_agent_router_down_bps", "Rate towards customers, bit/s", |r| r.down_bps),
    ];
    for (name, help, value) in routers {
        let samples: Vec<_> =
            view.routers.iter().map(|r| (format!("{{router=\"{}\"}}", label(&r.name)), value(r))).collect();
        family(&mut out, name, "gauge", help, &samples);
    }
    out
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1_000).unwrap_or(0)
}

fn family(out: &mut String, name: &str, kind: &str, help: &str, samples: &[(String, u64)]) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

/// A label's value: the three characters that end one are written as the format says.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").chars().filter(|c| !c.is_control()).collect()
}
