-- What is sold (packages), where (areas), and to whom (customers).

-- Last number given in a series: customer numbers of the ISP, receipts of a branch, subscriptions of a customer.
-- The row is taken with UPDATE inside the transaction that uses the number, so a number is neither given twice
-- nor lost: what rolls back gives its number back.
CREATE TABLE number_series (
    name TEXT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL CHECK (last >= 0)
);

CREATE TABLE areas (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    parent_id TEXT REFERENCES areas (id),
    name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX areas_name ON areas (branch_id, COALESCE(parent_id, ''), name);
CREATE INDEX areas_parent ON areas (parent_id);

CREATE TABLE packages (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    name TEXT NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor > 0),
    currency TEXT NOT NULL,
    down_bps BIGINT NOT NULL CHECK (down_bps >= 0),
    up_bps BIGINT NOT NULL CHECK (up_bps >= 0),
    validity_value BIGINT NOT NULL CHECK (validity_value > 0),
    validity_unit TEXT NOT NULL CHECK (validity_unit IN ('minute', 'day', 'month')),
    grace_days BIGINT CHECK (grace_days >= 0),
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX packages_name ON packages (branch_id, name);

CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    -- The number as people say it, and what it counts: lists are sorted by the count.
    number TEXT NOT NULL,
    number_count BIGINT NOT NULL,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    area_id TEXT REFERENCES areas (id),
    address TEXT NOT NULL,
    notes TEXT NOT NULL,
    -- Number, name and phone in the folded form that is searched.
    search TEXT NOT NULL,
    -- Name in the folded form that lists are sorted by.
    sort_name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX customers_number ON customers (number);
CREATE UNIQUE INDEX customers_number_count ON customers (number_count);
CREATE INDEX customers_sort ON customers (sort_name, id);
CREATE INDEX customers_phone ON customers (phone);
CREATE INDEX customers_area ON customers (area_id);
