-- Mail that clients hand over: submissions beside campaigns, in the same queue and the same log.

-- `submission` is the first message of what was handed over under one id; NULL for a campaign's. `priority` is 0 (at
-- once) to 3. `held` is 1 while the message's tenant holds it back.
ALTER TABLE messages ADD COLUMN submission INTEGER;
ALTER TABLE messages ADD COLUMN priority INTEGER NOT NULL DEFAULT 2;
ALTER TABLE messages ADD COLUMN held INTEGER;
-- The ledger is the campaigns' alone: a client may write to one address as often as it likes.
DROP INDEX ledger;
CREATE UNIQUE INDEX ledger ON messages(lane, ifnull(folded, address)) WHERE retry_of IS NULL AND submission IS NULL;
DROP INDEX due;
CREATE INDEX due ON messages(lane, priority, due_at) WHERE state = 0 AND held IS NULL;
