-- Access: roles that the office edits, people who are invited, second factors, sessions and tokens that can be listed
-- and ended, and acts that need two persons.

-- scope: all, branches, reseller or assigned. second_factor 1: nobody with this role gets in without one.
-- edited 1: the office has changed the role, so a new version of the program leaves it alone.
ALTER TABLE roles ADD COLUMN scope TEXT NOT NULL DEFAULT 'branches';
UPDATE roles SET scope = 'all' WHERE all_branches = 1;
ALTER TABLE roles DROP COLUMN all_branches;
ALTER TABLE roles ADD COLUMN second_factor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE roles ADD COLUMN edited BIGINT NOT NULL DEFAULT 0;

-- password_hash '' belongs to somebody who was invited and has not answered yet.
-- further_branches is a JSON list of branches beside the home branch.
ALTER TABLE staff ADD COLUMN phone TEXT NOT NULL DEFAULT '';
ALTER TABLE staff ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE staff ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
ALTER TABLE staff ADD COLUMN further_branches TEXT NOT NULL DEFAULT '[]';
ALTER TABLE staff ADD COLUMN deactivated_at_ms BIGINT;
ALTER TABLE staff ADD COLUMN heir_id TEXT;
CREATE INDEX staff_email ON staff (email);
CREATE INDEX staff_role ON staff (role);

-- Sessions get an id by which they can be listed and ended. Those of before have none, so they end.
DELETE FROM web_sessions;
ALTER TABLE web_sessions ADD COLUMN id TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX web_sessions_id ON web_sessions (id);

-- permissions NULL: all that the person may do. Else a JSON list, and of it only what the person may do as well.
ALTER TABLE api_tokens ADD COLUMN permissions TEXT;
ALTER TABLE api_tokens ADD COLUMN revoked_at_ms BIGINT;

-- The seed is sealed. confirmed_at_ms NULL: shown, not yet proved. A code of a step at or before last_step was used.
CREATE TABLE staff_totp (
    staff_id TEXT NOT NULL PRIMARY KEY REFERENCES staff (id),
    seed_sealed BYTEA NOT NULL,
    created_at_ms BIGINT NOT NULL,
    confirmed_at_ms BIGINT,
    last_step BIGINT NOT NULL
);

CREATE TABLE staff_recovery_codes (
    staff_id TEXT NOT NULL REFERENCES staff (id),
    code_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    used_at_ms BIGINT,
    PRIMARY KEY (staff_id, code_hash)
);

-- Somebody has proved the password and owes the second factor. kind: totp or enrol.
CREATE TABLE sign_in_challenges (
    secret_hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    kind TEXT NOT NULL,
    tries BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX sign_in_challenges_staff ON sign_in_challenges (staff_id);
CREATE INDEX sign_in_challenges_age ON sign_in_challenges (created_at_ms);

-- Links that work once. kind: invitation or reset. A reset has a short code too, for whoever reads it on a telephone.
CREATE TABLE staff_links (
    secret_hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    code_mac BYTEA,
    tries BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    used_at_ms BIGINT
);
CREATE INDEX staff_links_staff ON staff_links (staff_id, kind);
CREATE INDEX staff_links_age ON staff_links (expires_at_ms);

-- Acts that one person asks for and another allows. state: pending, approved, rejected, withdrawn, expired.
CREATE TABLE approvals (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    customer_id TEXT,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    data TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    requested_by TEXT NOT NULL REFERENCES staff (id),
    requested_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    decided_by TEXT REFERENCES staff (id),
    decided_at_ms BIGINT,
    decision TEXT
);
CREATE INDEX approvals_state ON approvals (state, requested_at_ms);
CREATE INDEX approvals_branch ON approvals (branch_id, requested_at_ms);
-- One question a thing at a time.
CREATE UNIQUE INDEX approvals_pending ON approvals (kind, subject_id) WHERE state = 'pending';
