-- What happened is not changed. Personal fields may be erased, never edited.

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER event_personal_no_update BEFORE UPDATE ON event_personal
BEGIN SELECT RAISE(ABORT, 'event_personal is not edited'); END;
CREATE TRIGGER event_seals_no_update BEFORE UPDATE ON event_seals
BEGIN SELECT RAISE(ABORT, 'event_seals is append-only'); END;
CREATE TRIGGER event_seals_no_delete BEFORE DELETE ON event_seals
BEGIN SELECT RAISE(ABORT, 'event_seals is append-only'); END;
CREATE TRIGGER event_sealed_no_update BEFORE UPDATE ON event_sealed
BEGIN SELECT RAISE(ABORT, 'event_sealed is append-only'); END;
CREATE TRIGGER event_sealed_no_delete BEFORE DELETE ON event_sealed
BEGIN SELECT RAISE(ABORT, 'event_sealed is append-only'); END;

-- INSERT OR REPLACE deletes without firing the triggers above, so an existing row is refused before it.
CREATE TRIGGER events_once BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER event_personal_once BEFORE INSERT ON event_personal
WHEN EXISTS (SELECT 1 FROM event_personal WHERE event_id = NEW.event_id AND part = NEW.part)
BEGIN SELECT RAISE(ABORT, 'event_personal is not edited'); END;
CREATE TRIGGER event_seals_once BEFORE INSERT ON event_seals
WHEN EXISTS (SELECT 1 FROM event_seals WHERE no = NEW.no)
BEGIN SELECT RAISE(ABORT, 'event_seals is append-only'); END;
CREATE TRIGGER event_sealed_once BEFORE INSERT ON event_sealed
WHEN EXISTS (SELECT 1 FROM event_sealed WHERE event_id = NEW.event_id
             OR (seal_no = NEW.seal_no AND position = NEW.position))
BEGIN SELECT RAISE(ABORT, 'event_sealed is append-only'); END;

-- A restored database freezes suspensions too: one more cause. A check cannot be changed, so the table is made again.
CREATE TABLE dunning_freezes_new (
    id TEXT NOT NULL PRIMARY KEY,
    cause TEXT NOT NULL CHECK (cause IN ('jumped', 'behind_last_tick', 'far_after_last_tick', 'restored')),
    -- How far the clock was from where it was expected, or how old the backup was, milliseconds.
    off_by_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    cleared_at_ms BIGINT,
    cleared_by TEXT,
    reason TEXT
);
INSERT INTO dunning_freezes_new (id, cause, off_by_ms, since_ms, cleared_at_ms, cleared_by, reason)
    SELECT id, cause, off_by_ms, since_ms, cleared_at_ms, cleared_by, reason FROM dunning_freezes;
DROP TABLE dunning_freezes;
ALTER TABLE dunning_freezes_new RENAME TO dunning_freezes;
CREATE UNIQUE INDEX dunning_freezes_open ON dunning_freezes (COALESCE(cleared_at_ms, 0)) WHERE cleared_at_ms IS NULL;
