/** Migrations of the daemon's journal, in order. A released one is never edited. */
export const journalMigrations = [
  `
  -- Messages from chat that we have to answer. A row is written before anything is done about it.
  CREATE TABLE inbox (
    post_id TEXT NOT NULL,
    target TEXT NOT NULL,
    conversation TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    accepted_at INTEGER,
    noticed_at INTEGER,
    settled_at INTEGER,
    PRIMARY KEY (post_id, target)
  ) STRICT;
  CREATE INDEX inbox_open ON inbox (received_at) WHERE settled_at IS NULL;

  -- Up to where each channel has been read, in server time.
  CREATE TABLE cursors (channel_id TEXT PRIMARY KEY, read_to_ms INTEGER NOT NULL) STRICT;

  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL,
    dispatch TEXT NOT NULL,
    nonce TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX runs_open ON runs (state) WHERE state IN ('claimed', 'running', 'finished');

  -- Everything that goes out: to the bus and to chat, each lane in order.
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    error TEXT
  ) STRICT;
  CREATE INDEX outbox_open ON outbox (lane, id) WHERE done_at IS NULL;
  `,
  `
  -- Runs that are to end, also those whose message has not come yet.
  CREATE TABLE cancels (run_id TEXT PRIMARY KEY, asked_at INTEGER NOT NULL) STRICT;
  `,
  `
  -- One row while no new work is to be taken.
  CREATE TABLE drained (id INTEGER PRIMARY KEY CHECK (id = 1), since INTEGER NOT NULL) STRICT;
  `,
  `
  -- What runs have asked people, and what was decided; the key is the task and what is asked.
  CREATE TABLE asks (
    key TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    parked_at INTEGER,
    decision TEXT
  ) STRICT;
  CREATE INDEX asks_by_run ON asks (run_id);
  DROP INDEX IF EXISTS runs_open;
  CREATE INDEX runs_unended ON runs (state) WHERE state IN ('claimed', 'running', 'finished', 'parked');
  `,
  `
  -- Where our last write of the lease stands in its bucket.
  CREATE TABLE lease (id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL) STRICT;
  `,
  `
  -- Runs that went round in circles, and what was done about it.
  CREATE TABLE rungs (
    run_id TEXT PRIMARY KEY,
    level INTEGER NOT NULL,
    spent TEXT NOT NULL,
    tried TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE INDEX runs_by_task ON runs (task_id, epoch);
  `,
  `
  CREATE INDEX inbox_threads ON inbox (json_extract(conversation, '$.rootId'));
  -- Since when an agent takes part in a channel as it does: server time.
  CREATE TABLE channel_modes (channel_id TEXT PRIMARY KEY, mode TEXT NOT NULL, since_ms INTEGER NOT NULL) STRICT;
  `,
  `
  -- What people were shown with buttons.
  CREATE TABLE cards (card_id TEXT PRIMARY KEY, seen_at INTEGER NOT NULL, closed_at INTEGER) STRICT;
  CREATE INDEX cards_open ON cards (card_id) WHERE closed_at IS NULL;
  `,
  `
  CREATE INDEX runs_by_post ON runs (json_extract(dispatch, '$.conversation.postId'));
  `,
  `
  -- The posts that show how runs get on; a row is there before its post.
  CREATE TABLE progress (
    run_id TEXT PRIMARY KEY,
    post_id TEXT,
    calls TEXT NOT NULL DEFAULT '{}',
    closed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX progress_open ON progress (run_id) WHERE closed = 0;
  `,
  `
  -- By which wish an approval was used up that holds for one alone.
  ALTER TABLE asks ADD COLUMN used_by TEXT;
  `,
  `
  -- What is written to GitHub for runs: tried, which is written down before it is, and what came of it.
  CREATE TABLE writes (key TEXT PRIMARY KEY, tried_at INTEGER NOT NULL, result TEXT) STRICT;
  `,
] as const;
