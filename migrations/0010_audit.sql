-- The record of what happened becomes evidence: rows are sealed in batches that form a chain, and what tells who a
-- person is stands apart, so that it can be erased without breaking the chain.

-- Which parts of the event stand in event_personal: 1 the actor's name and place, 2 fields of the data.
ALTER TABLE events ADD COLUMN personal BIGINT NOT NULL DEFAULT 0;
CREATE INDEX events_actor ON events (actor_id, at_ms);
CREATE INDEX events_kind ON events (kind, at_ms);
CREATE INDEX events_branch ON events (branch_id, at_ms);

-- Erasing a person deletes rows here. In the chain stands only their salted digest: without the salt it tells nothing.
CREATE TABLE event_personal (
    event_id TEXT NOT NULL REFERENCES events (id),
    part TEXT NOT NULL CHECK (part IN ('actor', 'data')),
    -- Whose it is: 'staff', 'customer', … and the id.
    owner_kind TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    customer_id TEXT,
    salt BYTEA NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (event_id, part)
);
CREATE INDEX event_personal_owner ON event_personal (owner_kind, owner_id);

-- Each seal covers the one before it.
CREATE TABLE event_seals (
    no BIGINT NOT NULL PRIMARY KEY CHECK (no > 0),
    entries BIGINT NOT NULL CHECK (entries > 0),
    sealed_at_ms BIGINT NOT NULL,
    -- Over the digests of the batch and the seal before, with a key that is not in the database.
    mac BYTEA NOT NULL
);
CREATE TABLE event_sealed (
    event_id TEXT NOT NULL PRIMARY KEY REFERENCES events (id),
    seal_no BIGINT NOT NULL REFERENCES event_seals (no),
    position BIGINT NOT NULL,
    -- Of the row, and of its personal parts.
    digest BYTEA NOT NULL,
    actor_digest BYTEA,
    data_digest BYTEA
);
CREATE UNIQUE INDEX event_sealed_position ON event_sealed (seal_no, position);

-- Events that wait for their seal.
CREATE TABLE event_unsealed (
    event_id TEXT NOT NULL PRIMARY KEY REFERENCES events (id)
);
INSERT INTO event_unsealed (event_id) SELECT id FROM events;

-- Lines that were held when a backup was restored: agents are not told, so that nobody who has paid since is cut,
-- until a person says that the books are complete.
ALTER TABLE lines ADD COLUMN withheld BIGINT NOT NULL DEFAULT 0;

-- Backups that were asked for. Where the files lie is a setting.
CREATE TABLE backups (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'removed')),
    -- NULL when the clock asked.
    requested_by TEXT REFERENCES staff (id),
    queued_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    finished_at_ms BIGINT,
    file TEXT,
    size_bytes BIGINT,
    rows_done BIGINT NOT NULL DEFAULT 0,
    tables BIGINT,
    error TEXT
);
CREATE INDEX backups_time ON backups (queued_at_ms, id);
