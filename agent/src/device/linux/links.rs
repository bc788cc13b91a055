//! Interfaces of this host, over rtnetlink.

use futures_util::TryStreamExt;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use crate::device::DeviceError;

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) up: bool,
    pub(super) rx: u64,
    pub(super) tx: u64,
}

/// All interfaces with their 64-bit counters.
pub(super) async fn all() -> Result<Vec<Link>, DeviceError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|e| DeviceError::Netlink(e.to_string()))?;
    let connection = tokio::spawn(connection);
    let links = handle.link().get().execute().try_filter_map(async |message| Ok(link(&message))).try_collect().await;
    connection.abort();
    links.map_err(|e: rtnetlink::Error| DeviceError::Netlink(e.to_string()))
}

fn link(message: &LinkMessage) -> Option<Link> {
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        up: message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        rx: 0,
        tx: 0,
    };
    let mut counted = false;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Stats64(stats) => {
                counted = true;
                (link.rx, link.tx) = (stats.rx_bytes, stats.tx_bytes);
            }
            _ => {}
        }
    }
    (counted && !link.name.is_empty()).then_some(link)
}
