//! Texts in the words of the ISP: read, checked and saved, tried out, put back.

use lastmile_protocol::ids::BranchId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::catalogue::{Template, Variable};
use super::rules::text::{self, BadText};
use super::store::channels;
use super::store::setup::{self, OwnText};
use super::{Channel, enqueue};
use crate::db::Tx;
use crate::events::{self, Event};
use crate::gateways::message::sms::segments::{self, Alphabet};
use crate::kernel::{Actor, At, Currency, Fault, FieldError, Language, Money, Scope};

/// A kind of message, as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TemplateView {
    /// The word: `payment_receipt`.
    pub template: String,
    /// When it is sent, in a sentence.
    pub about: String,
    /// Whether it is sent.
    pub enabled: bool,
    /// Whether it may be switched off.
    pub switchable: bool,
    /// By which ways, the first that works.
    pub channels: Vec<Channel>,
    /// Whether `enabled` and `channels` are as they come with Lastmile.
    pub is_default: bool,
    /// What may stand in it.
    pub variables: Vec<VariableView>,
    /// One of these must stand in every text; none is needed where this is empty.
    pub needs: Vec<String>,
    /// Its texts, every language and way.
    pub texts: Vec<TextView>,
}

/// What may stand in a text as `{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VariableView {
    /// The word between the braces.
    pub name: String,
    /// What it stands for.
    pub meaning: String,
    /// An example.
    pub sample: String,
    /// Only the recipient may see it: it is blotted out in the outbox and may not stand in a subject.
    pub secret: bool,
    /// Whether there is always a value; a line whose value is missing is left out.
    pub always: bool,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TextView {
    /// Its language.
    pub language: Language,
    /// By which way.
    pub channel: Channel,
    /// Subject; empty for SMS.
    pub subject: String,
    /// Text.
    pub body: String,
    /// Whether it is as it comes with Lastmile.
    pub is_default: bool,
    /// When it was changed.
    pub updated_at: Option<At>,
    /// By whom.
    pub updated_by: Option<String>,
}

/// A change of a kind of message. What is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateChange {
    /// Whether it is sent.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// By which ways, the first that works.
    #[serde(default)]
    pub channels: Option<Vec<Channel>>,
    /// Texts to set.
    #[serde(default)]
    pub texts: Vec<NewText>,
}

/// A text to be set or tried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewText {
    /// Its language.
    pub language: Language,
    /// By which way.
    pub channel: Channel,
    /// Subject; empty for SMS.
    #[serde(default)]
    pub subject: String,
    /// Text.
    pub body: String,
}

/// What goes back to how it comes with Lastmile. Absent: everything, the switch and the ways included.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateReset {
    /// Only texts in this language.
    #[serde(default)]
    pub language: Option<Language>,
    /// Only texts for this way.
    #[serde(default)]
    pub channel: Option<Channel>,
}

/// A text with example values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TextPreview {
    /// Subject.
    pub subject: String,
    /// Text.
    pub body: String,
    /// What is wrong with it; then it cannot be saved.
    pub errors: Vec<FieldError>,
    /// How long it is as SMS; absent for an e-mail.
    pub sms: Option<SmsLength>,
}

/// How long a text is as SMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SmsLength {
    /// `gsm7`, or `ucs2` as soon as one character needs it.
    pub alphabet: Alphabet,
    /// Characters that make it `ucs2`, each once.
    pub costly: Vec<String>,
    /// Septets or UTF-16 units.
    pub units: usize,
    /// SMS that it is charged as.
    pub parts: usize,
    /// Units that still fit into the last part.
    pub left: usize,
    /// What 1,000 of these messages cost, by the price of the way; absent while it has none.
    pub cost_of_1000: Option<Money>,
}

/// Every kind of message.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx) -> Result<Vec<TemplateView>, Fault> {
    let mut all = Vec::with_capacity(Template::ALL.len());
    for template in Template::ALL {
        all.push(load(tx, template).await?);
    }
    Ok(all)
}

/// One kind of message.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, template: Template) -> Result<TemplateView, Fault> {
    let spec = template.spec();
    let rule = setup::rule(tx, template).await?;
    let own = setup::texts(tx, template).await?;
    let is_default = rule.is_none();
    let (enabled, channels) = rule.unwrap_or((true, spec.channels.to_vec()));
    let pairs = Language::ALL.into_iter().flat_map(|language| Channel::ALL.map(|channel| (language, channel)));
    Ok(TemplateView {
        template: template.to_string(),
        about: spec.about.to_owned(),
        enabled,
        switchable: spec.switchable,
        channels,
        is_default,
        variables: spec.variables.iter().map(variable).collect(),
        needs: spec.needs.iter().map(|need| (*need).to_owned()).collect(),
        texts: pairs.map(|pair| text_view(template, pair, &own)).collect(),
    })
}

fn variable(variable: &Variable) -> VariableView {
    VariableView {
        name: variable.name.to_owned(),
        meaning: variable.meaning.to_owned(),
        sample: variable.sample.0.to_owned(),
        secret: variable.secret,
        always: variable.always,
    }
}

fn text_view(template: Template, (language, channel): (Language, Channel), own: &[OwnText]) -> TextView {
    let own = own.iter().find(|text| text.language == language && text.channel == channel);
    let words = template.words(language, channel);
    TextView {
        language,
        channel,
        subject: own.map_or_else(|| words.subject.to_owned(), |text| text.subject.clone()),
        body: own.map_or_else(|| words.body.to_owned(), |text| text.body.clone()),
        is_default: own.is_none(),
        updated_at: own.map(|text| text.updated_at),
        updated_by: own.map(|text| text.updated_by.clone()),
    }
}

/// Changes a kind of message for the whole ISP.
///
/// # Errors
/// Every field that is wrong; `Forbidden` for who does not see all branches.
pub async fn change(
    tx: &mut Tx,
    actor: &Actor,
    branch: BranchId,
    template: Template,
    change: TemplateChange,
) -> Result<TemplateView, Fault> {
    for_all(tx)?;
    let before = load(tx, template).await?;
    checked(template, &change)?;
    if change.enabled.is_some() || change.channels.is_some() {
        let enabled = change.enabled.unwrap_or(before.enabled);
        let channels = change.channels.clone().unwrap_or_else(|| before.channels.clone());
        setup::put_rule(tx, template, enabled, &channels, &actor.name).await?;
    }
    for text in &change.texts {
        let body = text.body.trim();
        let pair = (text.language, text.channel);
        let words = template.words(pair.0, pair.1);
        // A text that is as it comes needs no row: then it follows what the next version says.
        if (text.subject.trim(), body) == (words.subject, words.body) {
            setup::delete_text(tx, template, pair).await?;
        } else {
            setup::put_text(tx, template, pair, (text.subject.trim(), body), &actor.name).await?;
        }
    }
    changed(tx, actor, branch, template, &before).await
}

fn checked(template: Template, change: &TemplateChange) -> Result<(), Fault> {
    let mut errors = Vec::new();
    let mut wrong = |field: String, message: String| errors.push(FieldError { field, message });
    if change.enabled == Some(false) && !template.spec().switchable {
        wrong("enabled".to_owned(), "this message cannot be switched off".to_owned());
    }
    if let Some(channels) = &change.channels {
        let twice =
            channels.iter().enumerate().any(|(at, channel)| channels.iter().skip(at + 1).any(|other| other == channel));
        if channels.is_empty() || twice {
            wrong("channels".to_owned(), "needs one way at least, and each once".to_owned());
        }
    }
    if change.texts.len() > Language::ALL.len() * Channel::ALL.len() {
        wrong("texts".to_owned(), "one text for each language and way".to_owned());
    }
    for (at, text) in change.texts.iter().enumerate() {
        for error in problems(template, text) {
            wrong(format!("texts[{at}].{}", error.field), error.message);
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Fault::Invalid(errors)) }
}

fn problems(template: Template, text: &NewText) -> Vec<FieldError> {
    let field = |field: &str, result: Result<(), BadText>| {
        result.err().map(|error| FieldError { field: field.to_owned(), message: error.to_string() })
    };
    [
        field("subject", text::check_subject(template, text.channel, text.subject.trim())),
        field("body", text::check_body(template, text.language, text.channel, text.body.trim())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Puts texts, and without a choice the switch and the ways too, back to how they come with Lastmile.
///
/// # Errors
/// `Forbidden` for who does not see all branches.
pub async fn reset(
    tx: &mut Tx,
    actor: &Actor,
    branch: BranchId,
    template: Template,
    reset: &TemplateReset,
) -> Result<TemplateView, Fault> {
    for_all(tx)?;
    let before = load(tx, template).await?;
    for text in &before.texts {
        let wanted = reset.language.is_none_or(|language| language == text.language)
            && reset.channel.is_none_or(|channel| channel == text.channel);
        if wanted {
            setup::delete_text(tx, template, (text.language, text.channel)).await?;
        }
    }
    if reset.language.is_none() && reset.channel.is_none() {
        setup::delete_rule(tx, template).await?;
    }
    changed(tx, actor, branch, template, &before).await
}

/// Shows a text with example values, and what it costs as SMS.
///
/// # Errors
/// When the database fails.
pub async fn preview(tx: &mut Tx, template: Template, text: &NewText) -> Result<TextPreview, Fault> {
    let errors = problems(template, text);
    let samples = text::samples(template, text.language);
    let filled =
        |given: &str| text::fill(given.trim(), &samples).map_or_else(|_| given.to_owned(), |filled| filled.clear);
    let body = filled(&text.body);
    let sms = match text.channel {
        Channel::Email => None,
        Channel::Sms => Some(length(tx, &body).await?),
    };
    Ok(TextPreview { subject: filled(&text.subject), body, errors, sms })
}

async fn length(tx: &mut Tx, body: &str) -> Result<SmsLength, Fault> {
    let measure = segments::measure(body);
    let mut costly: Vec<String> = Vec::new();
    for c in body.chars().filter(|c| segments::alphabet(c.encode_utf8(&mut [0; 4])) == Alphabet::Ucs2) {
        let text = c.to_string();
        if costly.len() < 20 && !costly.contains(&text) {
            costly.push(text);
        }
    }
    let price = channels::load(tx, Channel::Sms).await?.map(|row| row.price_per_1000);
    let cost = price.filter(|price| price.minor() > 0).map(|price| times(price, enqueue::parts(Channel::Sms, body)));
    Ok(SmsLength {
        alphabet: measure.alphabet,
        costly,
        units: measure.units,
        parts: measure.parts,
        left: measure.left,
        cost_of_1000: cost.transpose()?,
    })
}

fn times(price: Money, count: i64) -> Result<Money, Fault> {
    let currency: Currency = price.currency();
    let minor = price.minor().checked_mul(count).ok_or_else(|| Fault::field("body", "is too long to have a price"))?;
    Ok(Money::new(minor, currency))
}

fn for_all(tx: &Tx) -> Result<(), Fault> {
    if *tx.scope() == Scope::All {
        return Ok(());
    }
    Err(Fault::Forbidden { detail: "messages are set up for all branches, by who sees them all".to_owned() })
}

async fn changed(
    tx: &mut Tx,
    actor: &Actor,
    branch: BranchId,
    template: Template,
    before: &TemplateView,
) -> Result<TemplateView, Fault> {
    let after = load(tx, template).await?;
    if after == *before {
        return Ok(after);
    }
    let differ = |a: &TemplateView, b: &TemplateView| -> Vec<TextView> {
        a.texts.iter().filter(|text| !b.texts.contains(text)).cloned().collect()
    };
    let side = |own: &TemplateView, other: &TemplateView| json!({ "enabled": own.enabled, "channels": own.channels, "texts": differ(own, other) });
    let event = Event {
        kind: "notice_template.changed",
        subject_kind: "notice_template",
        subject_id: template.to_string(),
        branch_id: branch,
        customer_id: None,
        data: json!({ "before": side(before, &after), "after": side(&after, before) }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await?;
    Ok(after)
}
