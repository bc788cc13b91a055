-- What happened is not changed. Personal fields may be erased, never edited.

CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_personal_no_update BEFORE UPDATE ON event_personal
    FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_personal_no_truncate BEFORE TRUNCATE ON event_personal
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_seals_no_change BEFORE UPDATE OR DELETE ON event_seals
    FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_seals_no_truncate BEFORE TRUNCATE ON event_seals
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_sealed_no_change BEFORE UPDATE OR DELETE ON event_sealed
    FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER event_sealed_no_truncate BEFORE TRUNCATE ON event_sealed
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();

-- A restored database freezes suspensions too: one more cause.
ALTER TABLE dunning_freezes DROP CONSTRAINT dunning_freezes_cause_check;
ALTER TABLE dunning_freezes ADD CONSTRAINT dunning_freezes_cause_check
    CHECK (cause IN ('jumped', 'behind_last_tick', 'far_after_last_tick', 'restored'));
