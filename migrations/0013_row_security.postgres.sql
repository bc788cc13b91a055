-- Row-level security of every table. The predicates of the stores ask the same; this is the second lock on the door,
-- for the statement that forgot. FORCE: the tables' owner is no exception; migrations run in the scope of all.

-- Puts a table under row-level security: which rows may be read, and which added, changed and removed.
CREATE FUNCTION lm_protect(target text, reads text, writes text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass(target) IS NULL THEN
        RETURN;
    END IF;
    -- Asked once for a statement: who sees all does not pay for every row.
    reads := format('(SELECT lm_sees_all()) OR %s', reads);
    writes := format('(SELECT lm_sees_all()) OR %s', writes);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY lm_reads ON %I FOR SELECT USING (%s)', target, reads);
    EXECUTE format('CREATE POLICY lm_adds ON %I FOR INSERT WITH CHECK (%s)', target, writes);
    EXECUTE format('CREATE POLICY lm_changes ON %I FOR UPDATE USING (%s) WITH CHECK (%s)', target, writes, writes);
    EXECUTE format('CREATE POLICY lm_removes ON %I FOR DELETE USING (%s)', target, writes);
END $$;

CREATE FUNCTION lm_protect(target text, rule text) RETURNS void LANGUAGE sql AS $$
    SELECT lm_protect(target, rule, rule)
$$;

-- Rules that are needed often, as text for lm_protect. Sub-queries stand in the policy itself, so that the planner can
-- answer them once for a statement; they are asked only when the branch has not let the row through.
CREATE FUNCTION lm_rule_customer(target text, customer text) RETURNS text LANGUAGE sql AS $$
    SELECT format('lm_sees_branch(%1$I.branch_id) OR %1$I.%2$I IN (SELECT cv.customer_id FROM customer_viewers cv
        WHERE cv.viewer = current_setting(''lastmile.scope'', true))', target, customer)
$$;

CREATE FUNCTION lm_rule_subscription(target text, own text, theirs text) RETURNS text LANGUAGE sql AS $$
    SELECT format('lm_sees_branch(%1$I.branch_id) OR %1$I.%2$I IN (SELECT sv.%3$I FROM subscriptions sv
        JOIN customer_viewers cv ON cv.customer_id = sv.customer_id
            AND cv.viewer = current_setting(''lastmile.scope'', true))', target, own, theirs)
$$;

-- What is sold, and where: a reseller may choose from it.
SELECT lm_protect('branches', 'lm_sees_catalogue(id)', 'lm_sees_branch(id)');
SELECT lm_protect('areas', 'lm_sees_catalogue(branch_id)', 'lm_sees_branch(branch_id)');
SELECT lm_protect('packages', 'lm_sees_catalogue(branch_id)', 'lm_sees_branch(branch_id)');

-- What belongs to a branch.
SELECT lm_protect(target, 'lm_sees_branch(branch_id)') FROM unnest(ARRAY[
    'staff', 'agents', 'join_tokens', 'usage_marks', 'usage_chunks', 'usage_quarantine',
    'dunning_brakes', 'dunning_brake_lines', 'staff_links']) AS target;
-- A customer who moved to another branch is still served by the old one's POP: its counter moves with the line.
SELECT lm_protect('pops', 'lm_sees_branch(branch_id) OR id IN (SELECT l.pop_id FROM lines l)');
ALTER POLICY lm_adds ON pops WITH CHECK (lm_sees_branch(branch_id));
ALTER POLICY lm_removes ON pops USING (lm_sees_branch(branch_id));
SELECT lm_protect('routers', 'lm_sees_branch(branch_id) OR id IN (SELECT l.router_id FROM lines l)',
    'lm_sees_branch(branch_id)');
SELECT lm_protect('resellers',
    'lm_sees_branch(branch_id) OR ''reseller:'' || id = current_setting(''lastmile.scope'', true)',
    'lm_sees_branch(branch_id)');
SELECT lm_protect('customer_viewers',
    'lm_sees_branch(branch_id) OR viewer = current_setting(''lastmile.scope'', true)', 'lm_sees_branch(branch_id)');

-- What belongs to a customer.
SELECT lm_protect('customers', lm_rule_customer('customers', 'id'));
SELECT lm_protect('ledger_accounts', lm_rule_customer('ledger_accounts', 'owner_id'));
SELECT lm_protect(target, lm_rule_customer(target, 'customer_id')) FROM unnest(ARRAY[
    'subscriptions', 'payments', 'events', 'event_personal', 'approvals', 'notices']) AS target;
SELECT lm_protect('holds', lm_rule_subscription('holds', 'subscription_id', 'id'));
SELECT lm_protect('lines', lm_rule_subscription('lines', 'id', 'line_id'));
SELECT lm_protect(target, lm_rule_subscription(target, 'line_id', 'line_id')) FROM unnest(ARRAY[
    'line_proofs', 'usage_days', 'usage_gaps']) AS target;
SELECT lm_protect('ledger_postings', 'lm_sees_branch(ledger_postings.branch_id) OR ledger_postings.account_id IN (
    SELECT a.id FROM ledger_accounts a JOIN customer_viewers cv ON cv.customer_id = a.owner_id
        AND cv.viewer = current_setting(''lastmile.scope'', true))');
SELECT lm_protect('ledger_journals', 'lm_sees_branch(ledger_journals.branch_id) OR ledger_journals.id IN (
    SELECT p.journal_id FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id
        JOIN customer_viewers cv ON cv.customer_id = a.owner_id
        AND cv.viewer = current_setting(''lastmile.scope'', true))');

-- What belongs to a person: seen with the person.
SELECT lm_protect(target, format('%I.staff_id IN (SELECT s.id FROM staff s)', target))
FROM unnest(ARRAY['web_sessions', 'api_tokens', 'staff_totp', 'staff_recovery_codes', 'sign_in_challenges']) AS target;

-- Nobody's rows, needed by every transaction: counters, chores, words and texts of the whole ISP.
SELECT lm_protect(target, 'lm_has_scope()') FROM unnest(ARRAY['number_series', 'jobs']) AS target;
SELECT lm_protect(target, 'lm_has_scope()', 'lm_sees_all()') FROM unnest(ARRAY[
    'roles', 'incarnations', 'dunning_freezes', 'clock_ticks', 'notice_rules', 'notice_texts', 'notice_channels']) AS target;
SELECT lm_protect('settings', 'lm_sees_branch(branch_id) OR (branch_id = '''' AND lm_has_scope())',
    'lm_sees_branch(branch_id)');

-- Put down by everybody, read by the machinery alone: answers for keys, journals and events that wait for their seal.
SELECT lm_protect(target, 'lm_sees_all()') FROM unnest(ARRAY[
    'idempotency', 'ledger_unsealed', 'event_unsealed', 'job_schedules', 'ledger_seals', 'ledger_sealed', 'event_seals',
    'event_sealed', 'backups', 'notice_pace', 'schema_migrations']) AS target;
DO $$
DECLARE target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['idempotency', 'ledger_unsealed', 'event_unsealed'] LOOP
        IF to_regclass(target) IS NOT NULL THEN
            EXECUTE format('ALTER POLICY lm_adds ON %I WITH CHECK (lm_has_scope())', target);
        END IF;
    END LOOP;
    -- Read by the grants that follow every migration: the application may add to these tables and nothing else.
    FOREACH target IN ARRAY ARRAY['ledger_journals', 'ledger_postings', 'ledger_seals', 'ledger_sealed', 'events',
                                  'event_seals', 'event_sealed', 'incarnations', 'schema_migrations'] LOOP
        IF to_regclass(target) IS NOT NULL THEN
            EXECUTE format('COMMENT ON TABLE %I IS ''append-only''', target);
        END IF;
    END LOOP;
END $$;
