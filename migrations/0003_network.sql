-- POPs, their routers and agents, the desired state of every line, and what the agents proved of it.

-- Life of this database. Restoring a backup raises it, so that agents obey again a counter that went back.
CREATE TABLE incarnations (
    value BIGINT PRIMARY KEY,
    began_at_ms BIGINT NOT NULL
);
INSERT INTO incarnations (value, began_at_ms) VALUES (1, 0);

CREATE TABLE pops (
    id TEXT PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    name TEXT NOT NULL,
    -- Rises with every change of a line of this POP.
    counter BIGINT NOT NULL DEFAULT 0,
    -- Number of the next new line. Never goes back: numbers are not used again.
    next_no BIGINT NOT NULL DEFAULT 1,
    -- Rises with every change of a router of this POP.
    plan_version BIGINT NOT NULL DEFAULT 1,
    created_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX pops_name ON pops (branch_id, name);

CREATE TABLE routers (
    id TEXT PRIMARY KEY,
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('routeros', 'linux')),
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    username TEXT NOT NULL,
    password_sealed BYTEA NOT NULL,
    line_rate_bps BIGINT NOT NULL,
    enforce BIGINT NOT NULL,
    poll_seconds BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX routers_name ON routers (pop_id, name);

-- An agent is its key: the row of the key decides which POP a connection opens.
CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    name TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    version TEXT NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    last_contact_at_ms BIGINT,
    revoked_at_ms BIGINT,
    revoked_by TEXT
);
CREATE UNIQUE INDEX agents_key ON agents (key_hash);
CREATE INDEX agents_pop ON agents (pop_id);

CREATE TABLE join_tokens (
    id TEXT PRIMARY KEY,
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    -- SHA-256 of the secret; the secret itself is shown once and kept nowhere.
    secret_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    used_at_ms BIGINT,
    agent_id TEXT
);
CREATE UNIQUE INDEX join_tokens_secret ON join_tokens (secret_hash);

-- Desired lines. A removed line stays as its own tombstone.
CREATE TABLE lines (
    id TEXT PRIMARY KEY,
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    no BIGINT NOT NULL,
    router_id TEXT REFERENCES routers (id),
    kind TEXT NOT NULL CHECK (kind IN ('pppoe', 'static')),
    username TEXT NOT NULL,
    password_sealed BYTEA NOT NULL,
    address TEXT NOT NULL,
    interface TEXT NOT NULL,
    profile TEXT NOT NULL,
    down_bps BIGINT NOT NULL,
    up_bps BIGINT NOT NULL,
    open BIGINT NOT NULL,
    approved_hold BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    -- Counter of the POP at which this row changed last.
    counter BIGINT NOT NULL,
    queued_at_ms BIGINT NOT NULL,
    sent_at_ms BIGINT,
    applied_at_ms BIGINT,
    verified_at_ms BIGINT,
    failed_at_ms BIGINT,
    failure TEXT,
    observed TEXT,
    observed_at_ms BIGINT
);
CREATE UNIQUE INDEX lines_no ON lines (pop_id, no);
CREATE UNIQUE INDEX lines_username ON lines (pop_id, username) WHERE kind = 'pppoe' AND removed = 0;
CREATE UNIQUE INDEX lines_address ON lines (pop_id, address) WHERE kind = 'static' AND removed = 0;
CREATE INDEX lines_counter ON lines (pop_id, counter);
CREATE INDEX lines_router ON lines (router_id);

CREATE TABLE line_proofs (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    part BIGINT NOT NULL,
    line_id TEXT NOT NULL REFERENCES lines (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    incarnation BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('applied', 'verified', 'failed', 'removed')),
    reason TEXT,
    observed TEXT,
    PRIMARY KEY (agent_id, epoch, seq, part)
);
CREATE INDEX line_proofs_line ON line_proofs (line_id, received_at_ms);
