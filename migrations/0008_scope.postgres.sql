-- Viewers follow their customer.

CREATE FUNCTION customers_viewers_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO customer_viewers (viewer, customer_id, branch_id)
            VALUES ('customer:' || NEW.id, NEW.id, NEW.branch_id);
    ELSIF OLD.reseller_id IS NOT DISTINCT FROM NEW.reseller_id AND OLD.branch_id = NEW.branch_id THEN
        RETURN NULL;
    ELSE
        DELETE FROM customer_viewers WHERE customer_id = NEW.id AND viewer = 'reseller:' || OLD.reseller_id;
        UPDATE customer_viewers SET branch_id = NEW.branch_id WHERE customer_id = NEW.id;
    END IF;
    INSERT INTO customer_viewers (viewer, customer_id, branch_id)
        SELECT 'reseller:' || NEW.reseller_id, NEW.id, NEW.branch_id WHERE NEW.reseller_id IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER customers_viewers AFTER INSERT OR UPDATE OF reseller_id, branch_id ON customers
    FOR EACH ROW EXECUTE FUNCTION customers_viewers_follow();

-- Row-level security. `begin(scope)` sets lastmile.scope for its transaction: * for all rows, ,BRANCH,BRANCH, for
-- those of branches, reseller:ID, assigned:STAFF or customer:ID for the customers of that viewer. lastmile.catalogue is
-- the same, but a viewer's branch for narrow scopes: what is sold there may be read. Unset: no row at all.
-- One expression without sub-queries each, so that the planner takes it into the statement instead of calling it.

CREATE FUNCTION lm_has_scope() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(current_setting('lastmile.scope', true), '') <> ''
$$;

CREATE FUNCTION lm_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(current_setting('lastmile.scope', true), '') = '*'
$$;

CREATE FUNCTION lm_sees_branch(branch text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(current_setting('lastmile.scope', true), '') = '*'
        OR strpos(COALESCE(current_setting('lastmile.scope', true), ''), ',' || branch || ',') > 0
$$;

CREATE FUNCTION lm_sees_catalogue(branch text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(current_setting('lastmile.catalogue', true), '') = '*'
        OR strpos(COALESCE(current_setting('lastmile.catalogue', true), ''), ',' || branch || ',') > 0
$$;

-- Called for narrow scopes only: everybody else is through before it.
CREATE FUNCTION lm_views_customer(customer text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT 1 FROM customer_viewers v
                   WHERE v.viewer = current_setting('lastmile.scope', true) AND v.customer_id = customer)
$$;

CREATE FUNCTION lm_sees_customer(branch text, customer text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT lm_sees_branch(branch)
        OR (strpos(COALESCE(current_setting('lastmile.scope', true), ''), ':') > 0 AND lm_views_customer(customer))
$$;
