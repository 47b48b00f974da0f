/** What was learnt of GitHub. */
export const githubTables = `
-- What GitHub told us by webhook, by X-GitHub-Delivery; the body is empty once it is handled.
CREATE TABLE github_deliveries (
  id TEXT PRIMARY KEY,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  handled_at INTEGER,
  -- What came of it, as a sentence.
  outcome TEXT
) STRICT;
CREATE INDEX github_deliveries_open ON github_deliveries (received_at) WHERE handled_at IS NULL;
-- When an issue or pull request was closed last, by GitHub's clock: what happened there before does not count any more.
CREATE TABLE github_closings (
  repo TEXT NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (repo, number)
) STRICT, WITHOUT ROWID;
-- The tasks that something there asked for, and when it did, by GitHub's clock.
CREATE TABLE github_tasks (
  task_id TEXT PRIMARY KEY REFERENCES tasks (id),
  repo TEXT NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX github_tasks_by_place ON github_tasks (repo, number);
-- How far each repository was read, by GitHub's clock, and the tag of the list of what came after.
CREATE TABLE github_cursors (
  repo TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  etag TEXT
) STRICT, WITHOUT ROWID;
-- Open pull requests of agents, and the tag of the checks of their commit: nothing else tells of those.
CREATE TABLE github_pulls (
  repo TEXT NOT NULL,
  number INTEGER NOT NULL,
  branch TEXT NOT NULL,
  sha TEXT NOT NULL,
  etag TEXT,
  PRIMARY KEY (repo, number)
) STRICT, WITHOUT ROWID;
`;
