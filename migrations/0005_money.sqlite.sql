-- The ledger is append-only, and only whole, balanced journals come in.

CREATE TRIGGER ledger_journals_no_update BEFORE UPDATE ON ledger_journals
BEGIN SELECT RAISE(ABORT, 'ledger_journals is append-only'); END;
CREATE TRIGGER ledger_journals_no_delete BEFORE DELETE ON ledger_journals
BEGIN SELECT RAISE(ABORT, 'ledger_journals is append-only'); END;
CREATE TRIGGER ledger_postings_no_update BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER ledger_postings_no_delete BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER ledger_seals_no_update BEFORE UPDATE ON ledger_seals
BEGIN SELECT RAISE(ABORT, 'ledger_seals is append-only'); END;
CREATE TRIGGER ledger_seals_no_delete BEFORE DELETE ON ledger_seals
BEGIN SELECT RAISE(ABORT, 'ledger_seals is append-only'); END;
CREATE TRIGGER ledger_sealed_no_update BEFORE UPDATE ON ledger_sealed
BEGIN SELECT RAISE(ABORT, 'ledger_sealed is append-only'); END;
CREATE TRIGGER ledger_sealed_no_delete BEFORE DELETE ON ledger_sealed
BEGIN SELECT RAISE(ABORT, 'ledger_sealed is append-only'); END;

-- INSERT OR REPLACE deletes without firing the triggers above, so an existing row is refused before it.
CREATE TRIGGER ledger_postings_closed BEFORE INSERT ON ledger_postings
WHEN EXISTS (SELECT 1 FROM ledger_journals WHERE id = NEW.journal_id)
  OR EXISTS (SELECT 1 FROM ledger_postings WHERE journal_id = NEW.journal_id AND no = NEW.no)
BEGIN SELECT RAISE(ABORT, 'the journal is closed'); END;

CREATE TRIGGER ledger_journals_balance BEFORE INSERT ON ledger_journals
WHEN EXISTS (SELECT 1 FROM ledger_journals WHERE id = NEW.id)
  OR (SELECT COUNT(*) FROM ledger_postings WHERE journal_id = NEW.id) < 2
  OR EXISTS (SELECT 1 FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id
             WHERE p.journal_id = NEW.id AND (a.currency <> p.currency OR p.branch_id <> NEW.branch_id))
  OR EXISTS (SELECT 1 FROM ledger_postings WHERE journal_id = NEW.id
             GROUP BY currency HAVING SUM(amount_minor) <> 0)
BEGIN SELECT RAISE(ABORT, 'the journal does not balance'); END;

CREATE TRIGGER ledger_seals_once BEFORE INSERT ON ledger_seals
WHEN EXISTS (SELECT 1 FROM ledger_seals WHERE no = NEW.no)
BEGIN SELECT RAISE(ABORT, 'ledger_seals is append-only'); END;
CREATE TRIGGER ledger_sealed_once BEFORE INSERT ON ledger_sealed
WHEN EXISTS (SELECT 1 FROM ledger_sealed WHERE journal_id = NEW.journal_id
             OR (seal_no = NEW.seal_no AND position = NEW.position))
BEGIN SELECT RAISE(ABORT, 'ledger_sealed is append-only'); END;
