-- The brake's lists, and freezes of the clock.

CREATE TABLE dunning_brakes (
    id TEXT NOT NULL PRIMARY KEY,
    branch_id TEXT NOT NULL REFERENCES branches (id),
    state TEXT NOT NULL
        CHECK (state IN ('asking', 'approved', 'dismissed', 'superseded', 'resolved', 'done')),
    -- What was counted when it was pulled.
    active_lines BIGINT NOT NULL,
    limit_lines BIGINT NOT NULL,
    held_before BIGINT NOT NULL,
    wanted BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    decided_at_ms BIGINT,
    decided_by TEXT,
    reason TEXT
);
-- One question at a time in a branch.
CREATE UNIQUE INDEX dunning_brakes_asking ON dunning_brakes (branch_id) WHERE state = 'asking';
CREATE INDEX dunning_brakes_state ON dunning_brakes (state, branch_id);

CREATE TABLE dunning_brake_lines (
    brake_id TEXT NOT NULL REFERENCES dunning_brakes (id),
    subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
    branch_id TEXT NOT NULL REFERENCES branches (id),
    paid_until_ms BIGINT NOT NULL,
    -- Worked through after the approval: held, or found to be no candidate any more.
    done_at_ms BIGINT,
    PRIMARY KEY (brake_id, subscription_id)
);
CREATE INDEX dunning_brake_lines_subscription ON dunning_brake_lines (subscription_id);

-- One freeze at a time. Belongs to the controller's clock, not to a branch.
CREATE TABLE dunning_freezes (
    id TEXT NOT NULL PRIMARY KEY,
    cause TEXT NOT NULL CHECK (cause IN ('jumped', 'behind_last_tick', 'far_after_last_tick')),
    -- How far the clock was from where it was expected, milliseconds.
    off_by_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    cleared_at_ms BIGINT,
    cleared_by TEXT,
    reason TEXT
);
CREATE UNIQUE INDEX dunning_freezes_open ON dunning_freezes (COALESCE(cleared_at_ms, 0)) WHERE cleared_at_ms IS NULL;
