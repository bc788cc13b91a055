-- Kinds of accounts are the program's business; a list of them here would need a migration for each new one.
--
-- SQLite has no way to change a CHECK. What its documentation gives for that is to write the table's text in the
-- schema; a new table in its place would take the postings that point to it, which are append-only, along. RESET reads
-- the schema again in this connection; others read it again because of the tables that this migration made.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, 'CHECK (kind IN (''cash'', ''advance'', ''revenue''))', 'CHECK (kind <> '''')')
WHERE type = 'table' AND name = 'ledger_accounts';
PRAGMA writable_schema = RESET;
