-- Double-entry ledger, append-only, and payments.
--
-- Postings are written before their journal: the foreign key is looked at when the transaction commits, a
-- trigger lets a journal in only if its postings balance, and another refuses postings of a journal that is
-- there already. So an unbalanced or half-written journal cannot be committed, whoever writes it.

CREATE TABLE ledger_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    kind TEXT NOT NULL CHECK (kind IN ('cash', 'advance', 'revenue')),
    -- Cashier of a cash account, customer of an advance; empty for accounts of the branch.
    owner_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Fold of the postings, debit positive; kept in the transaction that posts, checked by verify-ledger.
    balance_minor BIGINT NOT NULL
        CHECK (balance_minor BETWEEN -4000000000000000000 AND 4000000000000000000),
    created_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX ledger_accounts_name ON ledger_accounts (branch_id, kind, owner_id, currency);
CREATE INDEX ledger_accounts_owner ON ledger_accounts (owner_id);

CREATE TABLE ledger_journals (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    kind TEXT NOT NULL,
    -- What it was posted for, as "kind:id".
    reference TEXT NOT NULL,
    note TEXT NOT NULL,
    posted_by TEXT NOT NULL,
    posted_at_ms BIGINT NOT NULL,
    -- Over the journal and its postings, with a key that is not in the database.
    mac BYTEA NOT NULL
);
CREATE INDEX ledger_journals_reference ON ledger_journals (reference);

CREATE TABLE ledger_postings (
    journal_id TEXT NOT NULL REFERENCES ledger_journals (id) DEFERRABLE INITIALLY DEFERRED,
    no BIGINT NOT NULL,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    account_id TEXT NOT NULL REFERENCES ledger_accounts (id),
    -- Debit positive, credit negative.
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    currency TEXT NOT NULL,
    PRIMARY KEY (journal_id, no)
);
CREATE INDEX ledger_postings_account ON ledger_postings (account_id, journal_id);

-- Journals are sealed in batches; each seal covers the one before it, so a journal that is taken out or put in
-- later breaks the chain.
CREATE TABLE ledger_seals (
    no BIGINT NOT NULL PRIMARY KEY CHECK (no > 0),
    entries BIGINT NOT NULL CHECK (entries > 0),
    sealed_at_ms BIGINT NOT NULL,
    mac BYTEA NOT NULL
);
CREATE TABLE ledger_sealed (
    journal_id TEXT NOT NULL PRIMARY KEY REFERENCES ledger_journals (id),
    seal_no BIGINT NOT NULL REFERENCES ledger_seals (no),
    position BIGINT NOT NULL
);
CREATE UNIQUE INDEX ledger_sealed_position ON ledger_sealed (seal_no, position);
-- Journals that wait for their seal.
CREATE TABLE ledger_unsealed (
    journal_id TEXT NOT NULL PRIMARY KEY REFERENCES ledger_journals (id)
);

CREATE TABLE payments (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    number TEXT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    -- One key for a payment, whatever way it came in.
    provider TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    -- Digest of what was asked, so that the same key with another content is refused.
    request_digest BYTEA NOT NULL,
    note TEXT NOT NULL,
    taken_by TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    validities BIGINT NOT NULL,
    paid_until_before_ms BIGINT,
    paid_until_after_ms BIGINT,
    credit_after_minor BIGINT NOT NULL,
    opens BIGINT NOT NULL CHECK (opens IN (0, 1))
);
CREATE UNIQUE INDEX payments_key ON payments (provider, transaction_id);
CREATE UNIQUE INDEX payments_number ON payments (branch_id, number);
CREATE INDEX payments_customer ON payments (customer_id, at_ms, id);
