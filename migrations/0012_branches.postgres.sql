-- Row-level security: days on which an office is closed are read by whoever may buy there, its accounts by its own
-- people alone.

ALTER TABLE branch_holidays ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY lm_reads ON branch_holidays FOR SELECT USING (lm_sees_catalogue(branch_id));
CREATE POLICY lm_adds ON branch_holidays FOR INSERT WITH CHECK (lm_sees_branch(branch_id));
CREATE POLICY lm_changes ON branch_holidays FOR UPDATE USING (lm_sees_branch(branch_id)) WITH CHECK (lm_sees_branch(branch_id));
CREATE POLICY lm_removes ON branch_holidays FOR DELETE USING (lm_sees_branch(branch_id));

ALTER TABLE branch_accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY lm_reads ON branch_accounts FOR SELECT USING (lm_sees_branch(branch_id));
CREATE POLICY lm_adds ON branch_accounts FOR INSERT WITH CHECK (lm_sees_branch(branch_id));
CREATE POLICY lm_changes ON branch_accounts FOR UPDATE USING (lm_sees_branch(branch_id)) WITH CHECK (lm_sees_branch(branch_id));
CREATE POLICY lm_removes ON branch_accounts FOR DELETE USING (lm_sees_branch(branch_id));

-- Kinds of accounts are the program's business; a list of them here would need a migration for each new one.
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_kind_check;
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_kind_check CHECK (kind <> '');
