-- The ground that everything stands on: offices, people, sign-in, the record of what happened, jobs.

CREATE TABLE branches (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- One value a key; the programs own the keys. branch_id '' is for all branches.
CREATE TABLE settings (
    branch_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (branch_id, key)
);

-- Permissions are a JSON list of words such as "customers:read"; "*" is all of them.
CREATE TABLE roles (
    name TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    permissions TEXT NOT NULL,
    all_branches BIGINT NOT NULL
);

CREATE TABLE staff (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL REFERENCES roles (name),
    password_hash TEXT NOT NULL,
    active BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    last_sign_in_ms BIGINT
);
CREATE INDEX staff_branch ON staff (branch_id);

CREATE TABLE web_sessions (
    id_hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    created_at_ms BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX web_sessions_staff ON web_sessions (staff_id);
CREATE INDEX web_sessions_seen ON web_sessions (last_seen_ms);

CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    last_used_ms BIGINT
);
CREATE INDEX api_tokens_staff ON api_tokens (staff_id);

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    actor_from TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    customer_id TEXT,
    data TEXT NOT NULL
);
CREATE INDEX events_time ON events (at_ms, id);
CREATE INDEX events_subject ON events (subject_kind, subject_id, at_ms);
CREATE INDEX events_customer ON events (customer_id, at_ms);

-- state: queued, running, done, failed. A running job belongs to lease_owner until lease_until_ms.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    unique_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    run_at_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until_ms BIGINT,
    last_error TEXT,
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT
);
-- One waiting job a thing is enough; one that runs may have read the old state, so it does not count.
CREATE UNIQUE INDEX jobs_waiting ON jobs (kind, unique_key) WHERE state = 'queued';
CREATE INDEX jobs_due ON jobs (state, run_at_ms);

CREATE TABLE job_schedules (
    kind TEXT NOT NULL PRIMARY KEY,
    every_ms BIGINT NOT NULL,
    next_at_ms BIGINT NOT NULL,
    last_started_ms BIGINT,
    last_finished_ms BIGINT,
    last_status TEXT,
    last_error TEXT
);

-- Answers to requests with an Idempotency-Key. caller binds the key to who sent it.
CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotency_age ON idempotency (created_at_ms);

-- The last moment at which the controller was known to run: a clock that jumped while it was down shows here.
CREATE TABLE clock_ticks (
    name TEXT NOT NULL PRIMARY KEY,
    wall_ms BIGINT NOT NULL
);
