-- Usage: packed chunks as they came, totals by line and day, gaps, and how far each agent's spool is applied.
-- Only `domains/usage` reads these tables; the layout may change when it is measured.

-- (agent, epoch, seq) is applied at most once: this mark moves in the transaction that applies.
CREATE TABLE usage_marks (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    moved_at_ms BIGINT NOT NULL,
    PRIMARY KEY (agent_id, epoch)
);

CREATE TABLE usage_chunks (
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    agent_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    -- Bounds of the records within, so that a range read unpacks only what overlaps.
    start_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    first_no BIGINT NOT NULL,
    last_no BIGINT NOT NULL,
    -- 1 when the chunk spans more than six hours: such chunks are few and searched apart.
    wide BIGINT NOT NULL,
    records BIGINT NOT NULL,
    down_octets BIGINT NOT NULL,
    up_octets BIGINT NOT NULL,
    columns BYTEA NOT NULL
);
CREATE INDEX usage_chunks_time ON usage_chunks (pop_id, wide, end_ms);

-- Rows lie in the order in which days began, so that a day's updates touch few pages; the key serves reads by line.
CREATE TABLE usage_days (
    line_id TEXT NOT NULL,
    branch_id TEXT NOT NULL,
    -- Days since 1970-01-01, in the time zone of the branch.
    day BIGINT NOT NULL,
    down_octets BIGINT NOT NULL,
    up_octets BIGINT NOT NULL,
    PRIMARY KEY (line_id, day)
);

CREATE TABLE usage_gaps (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    part BIGINT NOT NULL,
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    -- NULL where whole chunks were lost.
    line_id TEXT,
    router_id TEXT,
    cause TEXT NOT NULL,
    start_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    down_octets BIGINT NOT NULL,
    up_octets BIGINT NOT NULL,
    lost_epoch BIGINT NOT NULL,
    lost_first BIGINT NOT NULL,
    lost_last BIGINT NOT NULL,
    PRIMARY KEY (agent_id, epoch, seq, part)
);
CREATE INDEX usage_gaps_line ON usage_gaps (line_id, end_ms);
CREATE INDEX usage_gaps_pop ON usage_gaps (pop_id, end_ms);

-- Chunks whose checksum is right and whose content makes no sense to this version: kept, so that nothing is lost
-- and the chunks behind them are not held up.
CREATE TABLE usage_quarantine (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    pop_id TEXT NOT NULL REFERENCES pops (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    received_at_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (agent_id, epoch, seq)
);
