//! The Linux host that the agent runs on, as a router of lines with fixed addresses: octets by rtnetlink, closing
//! by one nftables set.

mod links;
mod nft;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use lastmile_protocol::ids::LineId;
use tokio::sync::Mutex;

use self::links::Link;
use super::{Count, Counters, Counts, DeviceError, Facts, Lines, Names, key};
use crate::core::meter::Moment;
use crate::core::reconcile::{StaticAction, StaticView};

/// This host.
#[derive(Debug, Default)]
pub struct Host {
    /// The held set as it is known to be; read whole only once and after something else changed it, because a
    /// listing reads every element.
    held: Mutex<Option<BTreeMap<Ipv4Addr, Option<LineId>>>>,
}

/// Which addresses are looked up in the held set.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All that ought to be there.
    All,
    /// Each of these by itself.
    Few(Vec<Ipv4Addr>),
}

impl Counters for Host {
    async fn facts(&self) -> Result<Facts, DeviceError> {
        let read = |path: &'static str| async move {
            tokio::fs::read_to_string(path).await.map(|text| text.trim().to_owned()).unwrap_or_default()
        };
        let uptime = read("/proc/uptime").await;
        let load = read("/proc/loadavg").await;
        let cores = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
        Ok(Facts {
            identity: read("/proc/sys/kernel/hostname").await,
            board: "Linux".into(),
            version: read("/proc/sys/kernel/osrelease").await,
            cpu_percent: percent(&load, cores),
            uptime_seconds: uptime.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0),
        })
    }

    async fn counts(&self, names: Arc<Names>) -> Result<Counts, DeviceError> {
        let boot = boot_id().await;
        let mut counts = Counts::default();
        for link in links::all().await? {
            let line = names.line(link.name.as_bytes());
            counts.online = counts.online.saturating_add(u32::from(line.is_some() && link.up));
            counts.rows.extend(line.map(|line| link.count(line, &boot)));
        }
        Ok(counts)
    }

    async fn few(&self, names: &Names) -> Result<Vec<Count>, DeviceError> {
        let boot = boot_id().await;
        let links = links::all().await?;
        Ok(links.iter().filter_map(|link| Some(link.count(names.line(link.name.as_bytes())?, &boot))).collect())
    }
}

/// The load of the last minute over the cores, in percent.
fn percent(loadavg: &str, cores: u64) -> u8 {
    let hundredths = loadavg.split(' ').next().and_then(|one| one.replace('.', "").parse::<u64>().ok()).unwrap_or(0);
    u8::try_from((hundredths / cores.max(1)).min(100)).unwrap_or(100)
}

/// Counters and interface numbers begin anew with each boot of the host.
async fn boot_id() -> Vec<u8> {
    tokio::fs::read("/proc/sys/kernel/random/boot_id").await.unwrap_or_default()
}

impl Link {
    fn count(&self, line: lastmile_protocol::ids::LineNo, boot: &[u8]) -> Count {
        // What this host sends on the line's interface goes to the customer.
        let key = key(&[boot, &self.index.to_be_bytes(), self.name.as_bytes()]);
        Count { line, key, uptime_ms: None, fresh: false, down: self.tx, up: self.rx, online: self.up }
    }
}

impl Lines for Host {
    type View = StaticView;
    type Action = StaticAction;
    type Scope = Scope;

    async fn observe(&self, scope: &Scope, now: Moment) -> Result<StaticView, DeviceError> {
        nft::install().await?;
        let mut held = self.held.lock().await;
        let mut known = match held.take() {
            Some(known) => known,
            None => nft::list().await?,
        };
        match scope {
            Scope::All if known.is_empty() => {}
            Scope::All => {
                if !nft::all_there(known.keys().copied()).await? {
                    known = nft::list().await?;
                }
            }
            Scope::Few(addresses) => {
                for address in addresses {
                    match nft::get(*address).await? {
                        Some(line) => known.insert(*address, line),
                        None => known.remove(address),
                    };
                }
            }
        }
        *held = Some(known.clone());
        let interfaces = links::all().await?.into_iter().map(|link| (link.name, link.up)).collect();
        Ok(StaticView { read_ms: now.wall_ms, held: known, interfaces })
    }

    async fn act(&self, action: &StaticAction) -> Result<(), DeviceError> {
        match *action {
            StaticAction::Hold(address, line) => nft::add(address, line).await,
            StaticAction::Release(address) => nft::remove(address).await,
        }
    }
}
