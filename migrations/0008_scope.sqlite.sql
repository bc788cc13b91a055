-- Viewers follow their customer.

CREATE TRIGGER customers_viewers_new AFTER INSERT ON customers
BEGIN
    INSERT INTO customer_viewers (viewer, customer_id, branch_id) VALUES ('customer:' || NEW.id, NEW.id, NEW.branch_id);
    INSERT INTO customer_viewers (viewer, customer_id, branch_id)
        SELECT 'reseller:' || NEW.reseller_id, NEW.id, NEW.branch_id WHERE NEW.reseller_id IS NOT NULL;
END;

CREATE TRIGGER customers_viewers_change AFTER UPDATE OF reseller_id, branch_id ON customers
WHEN OLD.reseller_id IS NOT NEW.reseller_id OR OLD.branch_id <> NEW.branch_id
BEGIN
    DELETE FROM customer_viewers WHERE customer_id = NEW.id AND viewer = 'reseller:' || OLD.reseller_id;
    UPDATE customer_viewers SET branch_id = NEW.branch_id WHERE customer_id = NEW.id;
    INSERT INTO customer_viewers (viewer, customer_id, branch_id)
        SELECT 'reseller:' || NEW.reseller_id, NEW.id, NEW.branch_id WHERE NEW.reseller_id IS NOT NULL;
END;
