-- Messages to people: what is to be sent, the texts, the ways out.

-- One message to one person by one way, written in the transaction of its cause.
-- state: queued, sending, sent (the provider took it), delivered (the provider says it arrived), failed, unknown (nobody can
-- tell whether it went out: it is never sent again by itself), cancelled.
CREATE TABLE notices (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    customer_id TEXT REFERENCES customers (id),
    staff_id TEXT REFERENCES staff (id),
    template TEXT NOT NULL,
    language TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
    recipient_name TEXT NOT NULL,
    address TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- As it may be shown: secrets such as codes and links are blotted out.
    body TEXT NOT NULL,
    -- The whole text, sealed, where it holds a secret; gone as soon as it will not be sent any more.
    sealed_body BYTEA,
    -- How many SMS it is charged as; 1 for an e-mail.
    parts BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    -- One message for one cause, however often the cause is looked at.
    dedupe_key TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'cancelled')),
    attempts BIGINT NOT NULL,
    due_at_ms BIGINT NOT NULL,
    -- Not sent after this moment.
    expires_at_ms BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until_ms BIGINT,
    provider TEXT,
    provider_id TEXT,
    -- Why it stands where it stands: a word of ours and a sentence of the provider.
    reason TEXT,
    detail TEXT,
    created_at_ms BIGINT NOT NULL,
    sent_at_ms BIGINT,
    ended_at_ms BIGINT
);
CREATE INDEX notices_waiting ON notices (channel, priority, due_at_ms, id) WHERE state = 'queued';
CREATE INDEX notices_under_way ON notices (lease_until_ms) WHERE state = 'sending';
CREATE INDEX notices_time ON notices (created_at_ms, id);
CREATE INDEX notices_state ON notices (state, created_at_ms, id);
CREATE INDEX notices_customer ON notices (customer_id, created_at_ms);
CREATE INDEX notices_staff ON notices (staff_id, created_at_ms);
CREATE INDEX notices_provider_id ON notices (provider_id);
CREATE UNIQUE INDEX notices_once ON notices (template, dedupe_key);

-- Which messages are sent at all, and by which ways in this order (JSON list). No row: as they come with Lastmile.
CREATE TABLE notice_rules (
    template TEXT NOT NULL PRIMARY KEY,
    enabled BIGINT NOT NULL,
    channels TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

-- Texts in the words of the ISP. No row: as they come with Lastmile.
CREATE TABLE notice_texts (
    template TEXT NOT NULL,
    language TEXT NOT NULL,
    channel TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (template, language, channel)
);

-- The ways out. settings is JSON without secrets, secrets is sealed JSON.
CREATE TABLE notice_channels (
    channel TEXT NOT NULL PRIMARY KEY CHECK (channel IN ('email', 'sms')),
    enabled BIGINT NOT NULL,
    settings TEXT NOT NULL,
    secrets BYTEA,
    per_minute BIGINT NOT NULL CHECK (per_minute > 0),
    price_per_1000_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

-- What the sender of a way out remembers: what it may send now, and whether something is wrong with the way itself.
CREATE TABLE notice_pace (
    channel TEXT NOT NULL PRIMARY KEY,
    tokens_milli BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    pauses BIGINT NOT NULL,
    paused_until_ms BIGINT,
    trouble TEXT,
    trouble_at_ms BIGINT
);
