//! What the agent asks of a RouterOS router: only the columns that are needed, rows taken as they come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lastmile_protocol::ids::{LineId, LineNo, RouterId};

use super::codec::Sentence;
use super::{ApiError, Client, Command, values};
use crate::core::meter::Moment;
use crate::core::reconcile::{Action, PROFILE_MARK, Profile, Secret, Session, View, mark};
use crate::device::{Count, Counters, Counts, DeviceError, Facts, Lines, Names, key};

/// A RouterOS router that answers.
#[derive(Debug)]
pub struct Router {
    client: Client,
    id: RouterId,
}

impl Router {
    /// The router behind a connection.
    #[must_use]
    pub const fn new(client: Client, id: RouterId) -> Self {
        Self { client, id }
    }
}

/// Which secrets and sessions are looked at.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Everything of ours, and whatever has one of these names.
    All(Arc<Names>),
    /// Only these: (mark, wanted name; empty for a removed line).
    Few(Vec<(LineId, Vec<u8>)>),
}

/// Counters of sessions stand on their interface, `<pppoe-NAME>`.
fn session_name(interface: &[u8]) -> Option<&[u8]> {
    interface.strip_prefix(b"<pppoe-")?.strip_suffix(b">")
}

fn interface_of(name: &[u8]) -> Vec<u8> {
    [b"<pppoe-", name, b">"].concat()
}

const COUNTERS: &str = ".id,name,rx-byte,tx-byte";

fn count(router: RouterId, names: &Names, row: Sentence<'_>) -> Option<Count> {
    let (mut id, mut line, mut rx, mut tx) = (None, None, None, None);
    for (name, value) in row.attributes() {
        match name {
            b".id" => id = Some(value),
            b"name" => line = names.line(session_name(value)?),
            b"rx-byte" => rx = values::number(value),
            b"tx-byte" => tx = values::number(value),
            _ => {}
        }
    }
    // What the router receives the customer sends.
    let key = key(&[&router.to_bytes(), id?]);
    Some(Count { line: line?, key, uptime_ms: None, fresh: false, down: tx?, up: rx?, online: true })
}

impl Counters for Router {
    async fn facts(&self) -> Result<Facts, DeviceError> {
        let resource = Command::new("/system/resource/print").columns("uptime,version,cpu-load,board-name");
        let identity = Command::new("/system/identity/print").columns("name");
        let (facts, name) = tokio::try_join!(
            self.client.fold(resource, Facts::default(), |facts, row| {
                for (name, value) in row.attributes() {
                    match name {
                        b"uptime" => facts.uptime_seconds = values::duration_ms(value).unwrap_or(0) / 1000,
                        b"version" => facts.version = text(value),
                        b"board-name" => facts.board = text(value),
                        b"cpu-load" => {
                            let load = values::number(value).unwrap_or(0).min(100);
                            facts.cpu_percent = u8::try_from(load).unwrap_or(100);
                        }
                        _ => {}
                    }
                }
            }),
            self.client.fold(identity, String::new(), |name, row| {
                *name = row.get(b"name").map(text).unwrap_or_default();
            }),
        )?;
        Ok(Facts { identity: name, ..facts })
    }

    async fn counts(&self, names: Arc<Names>) -> Result<Counts, DeviceError> {
        // Uptimes first: an uptime that is a moment too old is harmless, one of a later session would not be. Who is
        // in the second list alone has dialled in between the two.
        let active = Command::new("/ppp/active/print").columns("name,uptime").equal("service", "pppoe");
        let state = (Arc::clone(&names), BTreeMap::<LineNo, Option<u64>>::new(), Counts::default());
        let (_, uptimes, mut counts) = self
            .client
            .fold(active, state, |(names, uptimes, counts), row| {
                counts.online = counts.online.saturating_add(1);
                let (mut line, mut uptime) = (None, None);
                for (name, value) in row.attributes() {
                    match name {
                        b"name" => line = names.line(value),
                        b"uptime" => uptime = values::duration_ms(value),
                        _ => {}
                    }
                }
                match line {
                    Some(line) => drop(uptimes.insert(line, uptime)),
                    None => counts.foreign = counts.foreign.saturating_add(1),
                }
            })
            .await?;
        let interfaces = Command::new("/interface/print").columns(COUNTERS).equal("type", "pppoe-in");
        let router = self.id;
        let (_, rows) = self
            .client
            .fold(interfaces, (names, Vec::with_capacity(uptimes.len())), move |(names, rows), row| {
                rows.extend(count(router, names, row));
            })
            .await?;
        counts.rows = rows;
        for row in &mut counts.rows {
            let listed = uptimes.get(&row.line);
            (row.uptime_ms, row.fresh) = (listed.copied().flatten(), listed.is_none());
        }
        Ok(counts)
    }

    async fn few(&self, names: &Names) -> Result<Vec<Count>, DeviceError> {
        let mut command = Command::new("/interface/print").columns(COUNTERS);
        for (index, (name, _)) in names.iter().enumerate() {
            command = command.equal("name", interface_of(name));
            if index > 0 {
                command = command.or();
            }
        }
        let router = self.id;
        let state = (names.clone(), Vec::new());
        let (_, rows) =
            self.client.fold(command, state, move |(names, rows), row| rows.extend(count(router, names, row))).await?;
        Ok(rows)
    }
}

impl Lines for Router {
    type View = View;
    type Action = Action;
    type Scope = Scope;

    async fn observe(&self, scope: &Scope, now: Moment) -> Result<View, DeviceError> {
        let (secrets, profiles) = tokio::try_join!(self.secrets(scope), self.profiles())?;
        let sessions = self.sessions(scope, &secrets).await?;
        Ok(View::new(now.wall_ms, secrets, profiles, sessions))
    }

    async fn act(&self, action: &Action) -> Result<(), DeviceError> {
        match self.client.run(command(action)).await {
            Ok(_) => Ok(()),
            // What was to go has gone.
            Err(ApiError::Trap(trap))
                if trap.category == Some(0) && matches!(action, Action::Kick { .. } | Action::RemoveSecret { .. }) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Router {
    async fn secrets(&self, scope: &Scope) -> Result<Vec<Secret>, ApiError> {
        let mut command =
            Command::new("/ppp/secret/print").columns(".id,name,password,service,profile,disabled,comment");
        if let Scope::Few(lines) = scope {
            let mut words = 0;
            for (id, name) in lines {
                command = command.equal("comment", mark(*id));
                words += 1;
                if !name.is_empty() {
                    command = command.equal("name", name);
                    words += 1;
                }
            }
            for _ in 1..words {
                command = command.or();
            }
        }
        let (_, secrets) = self
            .client
            .fold(command, (scope.clone(), Vec::new()), |(scope, secrets), row| {
                let secret = secret(row);
                if secret.comment.starts_with(b"lastmile:") || scope.names(&secret.name) {
                    secrets.push(secret);
                }
            })
            .await?;
        Ok(secrets)
    }

    async fn profiles(&self) -> Result<Vec<Profile>, ApiError> {
        let columns = ".id,name,rate-limit,comment,local-address,remote-address,dns-server";
        let command = Command::new("/ppp/profile/print").columns(columns);
        self.client.fold(command, Vec::new(), |profiles, row| profiles.push(profile(row))).await
    }

    /// Sessions of the wanted names, and of the names that our secrets have now.
    async fn sessions(&self, scope: &Scope, secrets: &[Secret]) -> Result<Vec<Session>, ApiError> {
        let mut command =
            Command::new("/ppp/active/print").columns(".id,name,address,caller-id,uptime").equal("service", "pppoe");
        // Of thousands of secrets nearly all have the name that is wanted: only the others are kept once more.
        let others = secrets.iter().filter(|secret| !scope.names(&secret.name));
        let mut names = others.map(|secret| secret.name.clone()).collect::<BTreeSet<_>>();
        if let Scope::Few(lines) = scope {
            names.extend(lines.iter().map(|(_, name)| name.as_slice().into()));
            names.remove(&b""[..]);
            for (index, name) in names.iter().enumerate() {
                command = command.equal("name", name);
                if index > 0 {
                    command = command.or();
                }
            }
        }
        let state = (scope.clone(), names, Vec::new());
        let (_, _, sessions) = self
            .client
            .fold(command, state, |(scope, names, sessions), row| {
                let name = row.get(b"name").unwrap_or_default();
                if names.contains(name) || scope.names(name) {
                    sessions.push(session(row));
                }
            })
            .await?;
        Ok(sessions)
    }
}

impl Scope {
    fn names(&self, name: &[u8]) -> bool {
        match self {
            Self::All(names) => names.line(name).is_some(),
            Self::Few(lines) => lines.iter().any(|(_, wanted)| wanted == name),
        }
    }
}

fn secret(row: Sentence<'_>) -> Secret {
    let mut secret = Secret {
        id: Box::default(),
        name: Box::default(),
        password: None,
        service: Box::default(),
        profile: Box::default(),
        disabled: false,
        comment: Box::default(),
    };
    for (name, value) in row.attributes() {
        match name {
            b".id" => secret.id = value.into(),
            b"name" => secret.name = value.into(),
            b"password" => secret.password = Some(value.into()),
            b"service" => secret.service = value.into(),
            b"profile" => secret.profile = value.into(),
            b"disabled" => secret.disabled = values::truth(value).unwrap_or(false),
            b"comment" => secret.comment = value.into(),
            _ => {}
        }
    }
    secret
}

fn profile(row: Sentence<'_>) -> Profile {
    let mut profile = Profile::default();
    for (name, value) in row.attributes() {
        match name {
            b".id" => profile.id = value.into(),
            b"name" => profile.name = value.into(),
            b"rate-limit" => profile.rate_limit = value.into(),
            b"comment" => profile.comment = value.into(),
            b"local-address" => profile.local_address = value.into(),
            b"remote-address" => profile.remote_address = value.into(),
            b"dns-server" => profile.dns_server = value.into(),
            _ => {}
        }
    }
    profile
}

fn session(row: Sentence<'_>) -> Session {
    let value = |name| row.get(name).unwrap_or_default();
    Session {
        id: value(b".id").into(),
        name: value(b"name").into(),
        address: text(value(b"address")),
        mac: text(value(b"caller-id")),
        uptime_seconds: values::duration_ms(value(b"uptime")).unwrap_or(0) / 1000,
    }
}

fn command(action: &Action) -> Command {
    match action {
        Action::AddProfile { name, rate_limit, like } => {
            let command = Command::new("/ppp/profile/add")
                .with("name", name)
                .with("rate-limit", rate_limit)
                .with("only-one", "yes")
                .with("comment", PROFILE_MARK);
            like.iter().fold(command, |command, (name, value)| command.with(name, value))
        }
        Action::SetProfile { id, rate_limit } => {
            Command::new("/ppp/profile/set").with(".id", id).with("rate-limit", rate_limit)
        }
        Action::AddSecret { name, password, profile, disabled, comment } => Command::new("/ppp/secret/add")
            .with("name", name)
            .with("password", password)
            .with("service", "pppoe")
            .with("profile", profile)
            .with("disabled", yes_no(*disabled))
            .with("comment", comment),
        Action::SetSecret { id, change } => {
            let mut command = Command::new("/ppp/secret/set").with(".id", id);
            let fields = [("name", &change.name), ("password", &change.password), ("profile", &change.profile)];
            for (name, value) in fields {
                if let Some(value) = value {
                    command = command.with(name, value);
                }
            }
            if change.service {
                command = command.with("service", "pppoe");
            }
            match change.disabled {
                Some(disabled) => command.with("disabled", yes_no(disabled)),
                None => command,
            }
        }
        Action::RemoveSecret { id } => Command::new("/ppp/secret/remove").with(".id", id),
        Action::Kick { id } => Command::new("/ppp/active/remove").with(".id", id),
    }
}

const fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// A router's words for people.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(120).collect()
}
