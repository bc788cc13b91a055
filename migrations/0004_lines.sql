-- Subscriptions, and the reasons why a line is closed.

CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    number TEXT NOT NULL,
    package_id TEXT NOT NULL REFERENCES packages (id),
    -- The desired line that serves it (network). Stays after the end, so that proofs and usage are found.
    line_id TEXT NOT NULL REFERENCES lines (id),
    -- Paid until here; NULL = unknown, and what is unknown never closes a line.
    paid_until_ms BIGINT,
    -- Day of the month on which its months begin (29 to 31 do not wear down in February); NULL = not by month.
    anniversary_day BIGINT CHECK (anniversary_day BETWEEN 1 AND 31),
    ended_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX subscriptions_number ON subscriptions (number);
CREATE UNIQUE INDEX subscriptions_line ON subscriptions (line_id);
CREATE INDEX subscriptions_customer ON subscriptions (customer_id, created_at_ms);
CREATE INDEX subscriptions_package ON subscriptions (package_id, id);
CREATE INDEX subscriptions_due ON subscriptions (branch_id, paid_until_ms) WHERE ended_at_ms IS NULL;

CREATE TABLE holds (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    reason TEXT NOT NULL CHECK (reason IN ('nonpayment', 'staff', 'abuse', 'legal', 'pause')),
    note TEXT NOT NULL,
    placed_by TEXT NOT NULL,
    placed_at_ms BIGINT NOT NULL,
    -- The approved list under which it was placed; such a hold does not count against the brake.
    brake_id TEXT,
    cleared_by TEXT,
    cleared_at_ms BIGINT,
    clear_note TEXT
);
-- One open hold of a reason: a second run, a second click or a second controller cannot place it twice.
CREATE UNIQUE INDEX holds_open ON holds (subscription_id, reason) WHERE cleared_at_ms IS NULL;
CREATE INDEX holds_placed ON holds (branch_id, reason, placed_at_ms);
