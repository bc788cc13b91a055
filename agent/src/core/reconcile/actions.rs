//! What is left to do on a RouterOS router.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_protocol::downlink::{Access, DesiredLine, Generation, Profile as WantedProfile};
use lastmile_protocol::ids::{LineId, LineNo};
use lastmile_protocol::uplink::FailReason;

use super::mark;
use super::view::{Profile, Secret, View};

/// What may be done at the moment.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The controller was heard within the lease. Without it lines are only ever opened.
    pub lease: bool,
    /// The agent may write on this router.
    pub enforce: bool,
    /// Lines that the brake does not let close, and why.
    pub frozen: &'a BTreeSet<LineNo>,
    /// Why, in words.
    pub frozen_why: &'a str,
    /// Lines whose session has to begin anew, because a change is not in force yet.
    pub renew: &'a BTreeSet<LineNo>,
    /// The counter of each line whose password was written, for routers that do not show passwords.
    pub written: &'a BTreeMap<LineNo, u64>,
}

/// One command to a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a profile.
    AddProfile {
        /// Name.
        name: Vec<u8>,
        /// `rate-limit`.
        rate_limit: String,
        /// Properties that are taken over from the router's own default profile.
        like: Vec<(&'static str, Vec<u8>)>,
    },
    /// Correct the speed of a profile of ours.
    SetProfile {
        /// Internal id.
        id: Vec<u8>,
        /// `rate-limit`.
        rate_limit: String,
    },
    /// Make a secret.
    AddSecret {
        /// Name.
        name: Vec<u8>,
        /// Password.
        password: Vec<u8>,
        /// Profile.
        profile: Vec<u8>,
        /// Closed from the beginning.
        disabled: bool,
        /// Its mark.
        comment: String,
    },
    /// Change a secret of ours.
    SetSecret {
        /// Internal id.
        id: Vec<u8>,
        /// What is changed.
        change: SecretChange,
    },
    /// Remove a secret of ours.
    RemoveSecret {
        /// Internal id.
        id: Vec<u8>,
    },
    /// End a live session.
    Kick {
        /// Internal id of the session.
        id: Vec<u8>,
    },
}

/// Changed fields of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretChange {
    /// New name.
    pub name: Option<Vec<u8>>,
    /// New password.
    pub password: Option<Vec<u8>>,
    /// New profile.
    pub profile: Option<Vec<u8>>,
    /// Make it a PPPoE secret again.
    pub service: bool,
    /// Close or open it.
    pub disabled: Option<bool>,
}

impl SecretChange {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Names of the fields, for people.
    fn fields(&self) -> Vec<&'static str> {
        let fields = [
            (self.name.is_some(), "name"),
            (self.password.is_some(), "password"),
            (self.profile.is_some(), "profile"),
            (self.service, "service"),
            (self.disabled == Some(true), "disabled=no"),
            (self.disabled == Some(false), "disabled=yes"),
        ];
        fields.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name).collect()
    }
}

/// What is left to do for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The line.
    pub line: LineNo,
    /// Commands in their order; when one is refused the rest of this line is left for the next pass.
    pub actions: Vec<Action>,
    /// The line is being removed.
    pub removal: bool,
    /// What differs, for people.
    pub differs: String,
}

/// What a pass over one router comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Profiles first: lines need them. (profile name, action)
    pub profiles: Vec<(Vec<u8>, Action)>,
    /// Lines with something to do, removals first.
    pub tasks: Vec<Task>,
    /// Lines that are as wanted.
    pub right: Vec<LineNo>,
    /// Removed lines that are gone from this router.
    pub removed: Vec<LineNo>,
    /// Lines that cannot be made so.
    pub failed: BTreeMap<LineNo, FailReason>,
    /// Marked secrets that are in no desired state. They are left alone.
    pub unlisted: u32,
}

/// Compares. `lines` are the lines of this router; `known` says whether a line id is in the desired state at all.
pub fn plan<'a>(
    lines: impl Iterator<Item = &'a DesiredLine>,
    tombstones: &BTreeMap<LineNo, (LineId, Generation)>,
    known: impl Fn(LineId) -> bool,
    view: &View,
    limits: Limits<'_>,
) -> Plan {
    let mut plan = Plan::default();
    for (no, (id, _)) in tombstones {
        bury(*no, *id, view, limits, &mut plan);
    }
    let mut moving = Moving::default();
    let lines = lines.collect::<Vec<_>>();
    for line in &lines {
        if let Access::Pppoe { username, .. } = &line.access
            && let Some(secret) = view.marked(line.id, username)
            && *secret.name != **username
        {
            moving.to.insert(&secret.name, (line.no, username));
        }
    }
    let mut profiles = BTreeMap::new();
    for line in lines {
        one_line(line, view, limits, &moving, &mut profiles, &mut plan);
    }
    plan.profiles = profiles.into_values().flatten().collect();
    let buried = tombstones.values().map(|(id, _)| *id).collect::<BTreeSet<_>>();
    let unlisted = view.marks().filter(|id| !known(*id) && !buried.contains(id)).count();
    plan.unlisted = u32::try_from(unlisted).unwrap_or(u32::MAX);
    plan
}

fn bury(line: LineNo, id: LineId, view: &View, limits: Limits<'_>, plan: &mut Plan) {
    let Some(secret) = view.marked(id, b"") else {
        plan.removed.push(line);
        return;
    };
    if let Some(reason) = limits.may_not_close(line) {
        plan.failed.insert(line, reason);
        return;
    }
    let mut actions = vec![Action::RemoveSecret { id: secret.id.to_vec() }];
    kick(view, &secret.name, &mut actions);
    plan.tasks.push(Task { line, actions, removal: true, differs: "the secret is still there".into() });
}

/// Lines that change their name, by the name that they leave.
#[derive(Default)]
struct Moving<'a> {
    to: BTreeMap<&'a [u8], (LineNo, &'a [u8])>,
}

impl Moving<'_> {
    /// Whether waiting for `name` to become free would wait for oneself, and the lowest line of that ring.
    fn ring(&self, name: &[u8], own: &[u8]) -> Option<LineNo> {
        let mut lowest = None;
        let mut at = name;
        for _ in 0..self.to.len() {
            let (line, next) = self.to.get(at)?;
            lowest = Some(lowest.map_or(*line, |low: LineNo| low.min(*line)));
            if at == own {
                return lowest;
            }
            at = next;
        }
        None
    }
}

type Profiles = BTreeMap<Vec<u8>, Option<(Vec<u8>, Action)>>;

fn one_line(
    line: &DesiredLine,
    view: &View,
    limits: Limits<'_>,
    moving: &Moving<'_>,
    profiles: &mut Profiles,
    plan: &mut Plan,
) {
    let task = match left_to_do(line, view, limits, moving) {
        Ok(task) => task,
        Err(reason) => {
            plan.failed.insert(line.no, reason);
            return;
        }
    };
    let (profile, actions, differs) = task;
    if profile.is_none() && actions.is_empty() && differs.is_empty() {
        plan.right.push(line.no);
        return;
    }
    if !limits.enforce {
        let why = "the agent may not write on this router";
        plan.failed.insert(line.no, FailReason::Frozen(why.into()));
        return;
    }
    if let Some(action) = profile {
        profiles.entry(line.profile.name.clone().into_bytes()).or_insert_with_key(|name| Some((name.clone(), action)));
    }
    plan.tasks.push(Task { line: line.no, actions, removal: false, differs: differs.join(", ") });
}

type Left = (Option<Action>, Vec<Action>, Vec<&'static str>);

fn left_to_do(line: &DesiredLine, view: &View, limits: Limits<'_>, moving: &Moving<'_>) -> Result<Left, FailReason> {
    let Access::Pppoe { username, password } = &line.access else { return Err(FailReason::NoRouter) };
    let profile = profile_action(&line.profile, view)?;
    let mut differs = Vec::new();
    if profile.is_some() {
        differs.push("rate");
    }
    let Some(secret) = view.marked(line.id, username) else {
        if let Some(other) = view.named(username) {
            wait_for(other, username, b"", moving)?;
            return Ok((None, Vec::new(), vec!["name is still another line's"]));
        }
        let add = Action::AddSecret {
            name: username.clone(),
            password: password.clone(),
            profile: line.profile.name.clone().into_bytes(),
            disabled: !line.open,
            comment: mark(line.id),
        };
        return Ok((profile, vec![add], vec!["the secret is missing"]));
    };
    let mut change = change_of(line, username, password, secret, limits);
    if change.name.is_some()
        && let Some(other) = view.named(username)
    {
        match wait_for(other, username, &secret.name, moving)? {
            // One of the ring steps aside, so that the others can move.
            Some(lowest) if lowest == line.no => change.name = Some(format!("lastmile-{}", line.id).into_bytes()),
            _ => change.name = None,
        }
        differs.push("name is still another line's");
    }
    let closing = !line.open && (!secret.disabled || view.sessions(username).next().is_some());
    if closing && let Some(reason) = limits.may_not_close(line.no) {
        return Err(reason);
    }
    let renews = change.name.is_some()
        || change.profile.is_some()
        || (change.password.is_some() && secret.password.is_some())
        || limits.renew.contains(&line.no);
    if !limits.lease && (renews || profile.is_some()) {
        return Err(FailReason::Frozen(NO_LEASE.into()));
    }
    differs.extend(change.fields());
    let mut actions = Vec::new();
    if !change.is_empty() {
        actions.push(Action::SetSecret { id: secret.id.to_vec(), change });
    }
    if renews || !line.open {
        let before = actions.len();
        kick(view, &secret.name, &mut actions);
        if !line.open && actions.len() > before {
            differs.push("a session is up");
        }
    }
    Ok((profile, actions, differs))
}

fn change_of(line: &DesiredLine, name: &[u8], password: &[u8], secret: &Secret, limits: Limits<'_>) -> SecretChange {
    let wanted = |wanted: &[u8], has: &[u8]| (wanted != has).then(|| wanted.to_vec());
    SecretChange {
        name: wanted(name, &secret.name),
        password: match &secret.password {
            Some(has) => wanted(password, has),
            None => (limits.written.get(&line.no) != Some(&line.counter)).then(|| password.to_vec()),
        },
        profile: wanted(line.profile.name.as_bytes(), &secret.profile),
        service: *secret.service != *b"pppoe",
        disabled: (secret.disabled == line.open).then_some(!line.open),
    }
}

/// Somebody else has the name. Is it one of ours that will leave it?
fn wait_for(other: &Secret, name: &[u8], own: &[u8], moving: &Moving<'_>) -> Result<Option<LineNo>, FailReason> {
    let leaves = moving.to.contains_key(name) && super::marked(&other.comment).is_some();
    if leaves { Ok(moving.ring(name, own)) } else { Err(FailReason::NameTaken) }
}

fn kick(view: &View, name: &[u8], actions: &mut Vec<Action>) {
    actions.extend(view.sessions(name).map(|session| Action::Kick { id: session.id.to_vec() }));
}

const NO_LEASE: &str = "the controller was not heard within the lease: lines are only opened";

impl Limits<'_> {
    /// Why nothing may be written for a line, where that is so.
    pub(super) fn may_not(self, line: LineNo, closes: bool, writes: bool) -> Option<FailReason> {
        if closes {
            return self.may_not_close(line);
        }
        (writes && !self.enforce).then(|| FailReason::Frozen("the agent may not write on this router".into()))
    }

    fn may_not_close(self, line: LineNo) -> Option<FailReason> {
        if !self.enforce {
            return Some(FailReason::Frozen("the agent may not write on this router".into()));
        }
        if !self.lease {
            return Some(FailReason::Frozen(NO_LEASE.into()));
        }
        self.frozen.contains(&line).then(|| FailReason::Frozen(self.frozen_why.into()))
    }
}

/// `rate-limit` of a profile: rx/tx of the router, which is up/down of the customer.
fn rate_limit(wanted: &WantedProfile) -> String {
    match (wanted.up_bps, wanted.down_bps) {
        (0, 0) => String::new(),
        (up, down) => format!("{up}/{down}"),
    }
}

fn profile_action(wanted: &WantedProfile, view: &View) -> Result<Option<Action>, FailReason> {
    let name = wanted.name.as_bytes();
    let Some(has) = view.profile(name) else {
        let like = view.profile(b"default").map(default_values).unwrap_or_default();
        return Ok(Some(Action::AddProfile { name: name.to_vec(), rate_limit: rate_limit(wanted), like }));
    };
    if rate_of(&has.rate_limit) == Some((wanted.up_bps, wanted.down_bps)) {
        return Ok(None);
    }
    if has.ours() {
        return Ok(Some(Action::SetProfile { id: has.id.to_vec(), rate_limit: rate_limit(wanted) }));
    }
    let rate = String::from_utf8_lossy(&has.rate_limit);
    Err(FailReason::Differs(format!("profile {} is not ours and has the rate \"{rate}\"", wanted.name)))
}

/// Without an address a session is of no use, and addresses are the operator's: ours come from where his do.
fn default_values(default: &Profile) -> Vec<(&'static str, Vec<u8>)> {
    let values = [
        ("local-address", &default.local_address),
        ("remote-address", &default.remote_address),
        ("dns-server", &default.dns_server),
    ];
    values.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.to_vec())).collect()
}

/// A plain `rate-limit` as (up, down), compared as numbers: routers write `10M` back as they like.
fn rate_of(text: &[u8]) -> Option<(u64, u64)> {
    let text = core::str::from_utf8(text).ok()?;
    if text.is_empty() {
        return Some((0, 0));
    }
    let (up, down) = text.split_once('/').unwrap_or((text, text));
    Some((bps(up)?, bps(down)?))
}

fn bps(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 1_000),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 1_000_000),
        b'g' | b'G' => (text.get(..text.len() - 1)?, 1_000_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
