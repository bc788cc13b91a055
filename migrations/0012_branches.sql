-- Offices in full: where they are, who leads them, when they work, and where money reaches them.

ALTER TABLE branches ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE branches ADD COLUMN phone TEXT NOT NULL DEFAULT '';
ALTER TABLE branches ADD COLUMN manager_id TEXT REFERENCES staff (id);
-- Weekly days off, as words: 'fri,sat'.
ALTER TABLE branches ADD COLUMN days_off TEXT NOT NULL DEFAULT 'fri,sat';
-- What its invoice numbers begin with; two branches must not number alike.
ALTER TABLE branches ADD COLUMN invoice_prefix TEXT NOT NULL DEFAULT '';
-- Month in which its year of accounts begins.
ALTER TABLE branches ADD COLUMN fiscal_year_month BIGINT NOT NULL DEFAULT 7 CHECK (fiscal_year_month BETWEEN 1 AND 12);
ALTER TABLE branches ADD COLUMN updated_at_ms BIGINT NOT NULL DEFAULT 0;
-- A branch that was removed stays for what the record of events says of it. Its name is free again.
ALTER TABLE branches ADD COLUMN removed_at_ms BIGINT;
CREATE UNIQUE INDEX branches_invoice_prefix ON branches (invoice_prefix) WHERE invoice_prefix <> '';

CREATE TABLE branch_holidays (
    branch_id TEXT NOT NULL REFERENCES branches (id),
    -- YYYY-MM-DD, where the branch stands.
    day TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (branch_id, day)
);

-- Where customers may pay to: bank accounts and merchant accounts of gateways. No secrets.
CREATE TABLE branch_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    kind TEXT NOT NULL CHECK (kind IN ('bank', 'gateway')),
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    note TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX branch_accounts_branch ON branch_accounts (branch_id);
CREATE UNIQUE INDEX branch_accounts_number ON branch_accounts (branch_id, kind, name, number);
