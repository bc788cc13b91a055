//! What happened to a customer, newest first: the record of events, without what only auditors read.

use lastmile_protocol::ids::CustomerId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::Tx;
use crate::domains::customers;
use crate::events::store::{self, Filter, Recorded};
use crate::kernel::paging::Page;
use crate::kernel::{At, Fault};

/// Something that happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimelineItem {
    /// Id of the event.
    pub id: String,
    /// When.
    pub at: At,
    /// What: `payment.taken`.
    pub kind: String,
    /// Key of its title in the languages of the pages.
    pub title_key: String,
    /// What is needed to understand it.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    /// Who.
    pub actor: TimelineActor,
}

/// Who did it; never from where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimelineActor {
    /// `staff`, `agent`, `customer` or `system`.
    pub kind: String,
    /// Name at that time.
    pub name: String,
}

impl From<Recorded> for TimelineItem {
    fn from(event: Recorded) -> Self {
        Self {
            title_key: format!("timeline.{}", event.kind),
            id: event.id,
            at: event.at,
            kind: event.kind,
            data: event.data,
            actor: TimelineActor { kind: event.actor.kind, name: event.actor.name },
        }
    }
}

/// A page of what happened to a customer; `after` is time and id of the last row of the page before.
///
/// # Errors
/// `NotFound` if the customer does not exist for this caller.
pub async fn timeline(
    tx: &mut Tx,
    customer: CustomerId,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Page<TimelineItem>, Fault> {
    customers::load(tx, customer).await?;
    let filter = Filter { customer_id: Some(customer), after, ..Filter::default() };
    let rows = store::list(tx, &filter, limit + 1).await?;
    let page = Page::cut(rows, limit, |last| (last.at.0, last.id.clone()));
    Ok(Page { items: page.items.into_iter().map(TimelineItem::from).collect(), next: page.next })
}
