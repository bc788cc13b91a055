//! Puts messages into the outbox, in the transaction of their cause.

use lastmile_protocol::ids::NoticeId;

use super::catalogue::Template;
use super::jobs::wake;
use super::rules::text::{self, Filled, Value};
use super::store::outbox::{self, NewNotice};
use super::store::setup::{self, Setup};
use super::{Channel, Data, Queued, Recipient, Skip, Who};
use crate::db::Tx;
use crate::domains::{branches, settings};
use crate::gateways::message::sms::segments;

use crate::kernel::{Fault, Language, email, phone};

/// Kind of the job that carries out what is in the outbox; its key is the way.
pub const SEND: &str = "notices.send";

/// Writes a message to each of these people into the outbox, and says for each what became of it. Nothing is sent
/// before the transaction is committed.
///
/// # Errors
/// When the database fails, or `data` lacks a value that the template always has.
pub async fn enqueue(
    tx: &mut Tx,
    recipients: &[Recipient],
    template: Template,
    data: &Data<'_>,
) -> Result<Vec<Queued>, Fault> {
    let setup = setup::load(tx, template).await?;
    let mut all = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        all.push(one(tx, &setup, recipient, template, data).await?);
    }
    let mut channels: Vec<_> = all
        .iter()
        .filter_map(|queued| if let Queued::Notice { channel, .. } = queued { Some(*channel) } else { None })
        .collect();
    channels.sort_unstable();
    channels.dedup();
    let now = tx.now_ms();
    for channel in channels {
        wake(tx, channel, now).await?;
    }
    Ok(all)
}

async fn one(
    tx: &mut Tx,
    setup: &Setup,
    recipient: &Recipient,
    template: Template,
    data: &Data<'_>,
) -> Result<Queued, Fault> {
    if !setup.enabled {
        return Ok(Queued::Skipped(Skip::SwitchedOff));
    }
    let (channel, address) = match way(setup, recipient) {
        Ok(way) => way,
        Err(skip) => return Ok(Queued::Skipped(skip)),
    };
    let language = language(tx, recipient).await?;
    let (subject, body) = words(tx, setup, recipient, (template, language, channel), data).await?;
    let spec = template.spec();
    let (id, now) = (tx.new_id::<NoticeId>(), tx.now_ms());
    let sealed_body = match (body.is_secret(), data.keyring()) {
        (false, _) => None,
        (true, Some(keyring)) => {
            Some(keyring.seal("notices", &id.to_string(), "sealed_body", body.clear.as_bytes())?)
        }
        (true, None) => return Err(Fault::internal("a message with a secret needs the keys")),
    };
    let new = NewNotice {
        id,
        branch_id: recipient.branch_id,
        who: recipient.who,
        template,
        language,
        channel,
        recipient_name: recipient.name.clone(),
        address,
        subject: subject.shown,
        parts: parts(channel, &body.clear),
        body: body.shown,
        sealed_body,
        priority: spec.priority,
        dedupe_key: data.cause().map(|cause| format!("{cause}:{}", who(recipient.who))),
        due_at_ms: now,
        expires_at_ms: now.saturating_add(spec.lives_ms),
    };
    if !outbox::insert(tx, &new).await? {
        return Ok(Queued::Before);
    }
    tx.nudge(crate::db::Nudge::Changed { kind: "notice", id: id.to_string(), branch: recipient.branch_id });
    Ok(Queued::Notice { id, channel })
}

/// The first way that is set up and for which there is an address.
fn way(setup: &Setup, recipient: &Recipient) -> Result<(Channel, String), Skip> {
    let mut skip = Skip::NoChannel;
    for channel in setup.channels.iter().copied().filter(|channel| setup.ways.contains(channel)) {
        let address = match channel {
            Channel::Email => recipient.email.as_deref().and_then(email::normalize),
            Channel::Sms => recipient.phone.as_deref().and_then(phone::normalize),
        };
        match address {
            Some(address) => return Ok((channel, address)),
            None => skip = Skip::NoAddress,
        }
    }
    Err(skip)
}

async fn language(tx: &mut Tx, recipient: &Recipient) -> Result<Language, Fault> {
    if let Some(language) = recipient.language {
        return Ok(language);
    }
    let set = settings::text(tx, Some(recipient.branch_id), settings::LANGUAGE).await?;
    Ok(set.parse().unwrap_or(Language::En))
}

/// Subject and text with their values.
async fn words(
    tx: &mut Tx,
    setup: &Setup,
    recipient: &Recipient,
    (template, language, channel): (Template, Language, Channel),
    data: &Data<'_>,
) -> Result<(Filled, Filled), Fault> {
    let mut values = data.values(language);
    let plain = |text: String| Value { text, secret: false };
    values.insert("name", plain(recipient.name.clone()));
    values.insert("company", plain(company(tx, recipient).await?));
    for variable in template.spec().variables {
        let missing = variable.always && !values.contains_key(variable.name);
        let open = variable.secret && values.get(variable.name).is_some_and(|value| !value.secret);
        if missing || open {
            let wrong = if missing { "lacks" } else { "does not keep secret" };
            return Err(Fault::internal(format!("the message {template} {wrong} {}", variable.name)));
        }
    }
    let own = setup.texts.iter().find(|text| text.language == language && text.channel == channel);
    let built_in = template.words(language, channel);
    let (subject, body) =
        own.map_or((built_in.subject, built_in.body), |text| (text.subject.as_str(), text.body.as_str()));
    let fill = |text: &str| text::fill(text, &values).map_err(Fault::internal);
    Ok((fill(subject)?, fill(body)?))
}

async fn company(tx: &mut Tx, recipient: &Recipient) -> Result<String, Fault> {
    let name = settings::text(tx, Some(recipient.branch_id), settings::COMPANY_NAME).await?;
    if name.is_empty() { Ok(branches::load(tx, recipient.branch_id).await?.name) } else { Ok(name) }
}

/// How many messages the provider charges.
pub(super) fn parts(channel: Channel, text: &str) -> i64 {
    match channel {
        Channel::Email => 1,
        Channel::Sms => i64::try_from(segments::measure(text).parts).unwrap_or(i64::MAX),
    }
}

fn who(who: Who) -> String {
    match who {
        Who::Staff(id) => id.to_string(),
        Who::Customer(id) => id.to_string(),
    }
}
