-- Who besides a branch may see a customer: resellers, people to whom a customer is assigned, the customer.

CREATE TABLE resellers (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX resellers_name ON resellers (branch_id, name);

ALTER TABLE customers ADD COLUMN reseller_id TEXT REFERENCES resellers (id);
CREATE INDEX customers_reseller ON customers (reseller_id);
ALTER TABLE staff ADD COLUMN reseller_id TEXT REFERENCES resellers (id);
CREATE INDEX staff_reseller ON staff (reseller_id);

-- viewer is the word of a narrow scope: customer:ID, reseller:ID, assigned:STAFF. The first two and branch_id are kept
-- by triggers on customers, so that no statement can forget them; assignments are written by who assigns.
CREATE TABLE customer_viewers (
    viewer TEXT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    PRIMARY KEY (viewer, customer_id)
);
CREATE INDEX customer_viewers_customer ON customer_viewers (customer_id);

INSERT INTO customer_viewers (viewer, customer_id, branch_id) SELECT 'customer:' || id, id, branch_id FROM customers;
