import { githubTables } from './github-tables.ts';

/** Migrations of the control plane's database, in order. A released one is never edited. */
export const controlMigrations = [
  `
  CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    dedup_key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    reason TEXT,
    agent TEXT NOT NULL,
    domain TEXT NOT NULL,
    text TEXT NOT NULL,
    answer TEXT,
    requester_id TEXT NOT NULL,
    requester_name TEXT NOT NULL,
    requester_kind TEXT NOT NULL,
    depth INTEGER NOT NULL,
    -- The agent whose request this was: it speaks in the conversation.
    author TEXT NOT NULL,
    conversation TEXT,
    conversation_id TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- The fencing epoch: a result of any other is stale.
    epoch INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    told_queued INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX tasks_by_agent ON tasks (agent, state, created_at);
  CREATE INDEX tasks_by_time ON tasks (created_at);
  CREATE INDEX tasks_by_conversation ON tasks (conversation_id, requester_id);

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    agent TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL,
    failure TEXT,
    failure_message TEXT,
    usage TEXT,
    released_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX runs_by_task ON runs (task_id, attempt);

  CREATE TABLE task_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX task_events_by_task ON task_events (task_id, seq);

  CREATE TABLE agents (
    name TEXT PRIMARY KEY,
    heartbeat TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL
  ) STRICT;

  -- What has to go on the bus, written in the transaction that decided it.
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    msg_id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    done_at INTEGER
  ) STRICT;
  CREATE INDEX outbox_open ON outbox (id) WHERE done_at IS NULL;
  `,
  `
  CREATE INDEX tasks_to_stop ON tasks (state, updated_at) WHERE state IN ('cancelling', 'expired');
  `,
  `
  DROP TABLE task_events;
  -- Every change, chained: hash covers the row and the hash before it.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_entity ON audit (entity, entity_id, seq);
  `,
  `
  ALTER TABLE tasks ADD COLUMN priority INTEGER NOT NULL DEFAULT 2;
  CREATE INDEX tasks_by_author ON tasks (author, created_at);
  `,
  `
  -- What the dispatcher asks again and again, without the many tasks that are over.
  CREATE INDEX tasks_open_by_deadline ON tasks (deadline)
    WHERE state IN ('queued', 'blocked', 'awaiting_approval', 'parked', 'released', 'claimed', 'running', 'cancelling');
  CREATE INDEX tasks_in_flight ON tasks (agent) WHERE state IN ('released', 'claimed', 'running', 'cancelling');
  CREATE INDEX tasks_queued ON tasks (not_before) WHERE state = 'queued';
  CREATE INDEX tasks_turns ON tasks (agent, author, requester_id, priority, created_at, id, not_before)
    WHERE state = 'queued';
  -- Without the state, which changes six times.
  DROP INDEX tasks_by_agent;
  CREATE INDEX tasks_of_agent ON tasks (agent, created_at);
  CREATE INDEX tasks_untold ON tasks (created_at) WHERE state = 'queued' AND told_queued = 0;

  -- How often each requester has asked, second by second; '' is all of the author's together.
  CREATE TABLE asks (
    author TEXT NOT NULL,
    requester_id TEXT NOT NULL,
    second INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (author, requester_id, second)
  ) STRICT, WITHOUT ROWID;
  DROP INDEX tasks_by_author;

  -- Only what is still to be sent.
  DELETE FROM outbox WHERE done_at IS NOT NULL;
  DROP INDEX outbox_open;
  ALTER TABLE outbox DROP COLUMN done_at;
  `,
  `
  -- A task that comes after others, and what becomes of it when one of them does not succeed.
  CREATE TABLE task_waits (
    task_id TEXT PRIMARY KEY REFERENCES tasks (id),
    when_it_fails TEXT NOT NULL
  ) STRICT;
  CREATE TABLE task_dependencies (
    task_id TEXT NOT NULL REFERENCES task_waits (task_id),
    place INTEGER NOT NULL,
    needs_id TEXT NOT NULL REFERENCES tasks (id),
    PRIMARY KEY (task_id, place)
  ) STRICT;
  CREATE INDEX task_dependencies_by_need ON task_dependencies (needs_id);
  `,
  `
  -- Tasks that are held for later requests of their key, and until when at most.
  CREATE TABLE debounces (
    task_id TEXT PRIMARY KEY REFERENCES tasks (id),
    key TEXT NOT NULL,
    latest_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX debounces_by_key ON debounces (key);
  -- Requests that were taken into such a task, each with the text that its own took the place of.
  CREATE TABLE merged_requests (
    dedup_key TEXT PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    author TEXT NOT NULL,
    requester_id TEXT NOT NULL,
    replaced TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- Agents that get no new work.
  CREATE TABLE agent_drains (
    agent TEXT PRIMARY KEY REFERENCES agents (name),
    by TEXT NOT NULL,
    why TEXT,
    since INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE tasks ADD COLUMN parent_id TEXT REFERENCES tasks (id);
  CREATE INDEX tasks_by_parent ON tasks (parent_id, id) WHERE parent_id IS NOT NULL;
  -- What the task was given of those that it came after, when it was queued.
  ALTER TABLE tasks ADD COLUMN brought TEXT;
  -- How many completed ones are enough, when it goes on without the rest, and whether their answers are brought along.
  ALTER TABLE task_waits ADD COLUMN enough INTEGER;
  ALTER TABLE task_waits ADD COLUMN until INTEGER;
  ALTER TABLE task_waits ADD COLUMN brings INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE task_dependencies ADD COLUMN label TEXT;
  CREATE TABLE missions (
    id TEXT PRIMARY KEY,
    dedup_key TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    started_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE tasks ADD COLUMN trust TEXT NOT NULL DEFAULT 'member';
  -- What people have to decide, or have decided: each row one action, or one question, and no other.
  CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    -- Author and key of the request: the same one twice is one row.
    dedup_key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    -- SHA-256 of exactly what is decided.
    hash TEXT NOT NULL,
    -- JSON: {"action": …} or {"question": …}
    asks TEXT NOT NULL,
    summary TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    -- The run that waits; NULL where it is the task that may not start.
    run_id TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    why TEXT,
    answer TEXT
  ) STRICT;
  CREATE INDEX approvals_by_task ON approvals (task_id, created_at);
  CREATE INDEX approvals_by_time ON approvals (created_at);
  CREATE INDEX approvals_pending ON approvals (expires_at) WHERE state = 'pending';
  `,
  `
  -- Who brought which artifact; the bytes are in the object store of the bus.
  CREATE TABLE artifacts (
    digest TEXT NOT NULL,
    producer TEXT NOT NULL,
    trust TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (digest, producer)
  ) STRICT;
  CREATE INDEX artifacts_by_producer ON artifacts (producer, created_at);
  -- Where the whole of an answer is that is too long for its row: a reference as JSON.
  ALTER TABLE tasks ADD COLUMN answer_artifact TEXT;
  `,
  `
  -- What is published one after another; NULL where nothing waits.
  ALTER TABLE outbox ADD COLUMN lane TEXT;
  UPDATE outbox SET lane = rtrim(rtrim(subject, replace(subject, '.', '')), '.')
    WHERE subject LIKE '%.deliveries.%';
  CREATE INDEX outbox_lanes ON outbox (lane, id) WHERE lane IS NOT NULL;
  CREATE INDEX outbox_without_lane ON outbox (id) WHERE lane IS NULL;
  `,
  `
  ALTER TABLE runs ADD COLUMN refused_at INTEGER;
  `,
  `
  -- What a silent agent had taken is still out with it, and expires like everything else.
  DROP INDEX tasks_in_flight;
  CREATE INDEX tasks_in_flight ON tasks (agent) WHERE state IN ('released', 'claimed', 'running', 'lost', 'cancelling');
  DROP INDEX tasks_open_by_deadline;
  CREATE INDEX tasks_open_by_deadline ON tasks (deadline)
    WHERE state IN ('queued', 'blocked', 'awaiting_approval', 'parked', 'released', 'claimed', 'running', 'lost', 'cancelling');
  `,
  `
  -- Where the whole of a text is that is too long for its row: a reference as JSON.
  ALTER TABLE tasks ADD COLUMN text_artifact TEXT;
  `,
  `
  -- What was said to control in chat and is done: the key of its post.
  CREATE TABLE chat_commands (
    key TEXT PRIMARY KEY,
    at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What agents have asked each other.
  CREATE INDEX tasks_between_agents ON tasks (agent, requester_id, created_at) WHERE requester_kind = 'bot';
  `,
  `
  -- What was said before it was asked; no part of the text, which may be revised.
  ALTER TABLE tasks ADD COLUMN context TEXT;
  `,
  `
  -- JSON: the gate of the policies that it has to pass; NULL where there is none. And who has approved so far, in that order.
  ALTER TABLE approvals ADD COLUMN gate TEXT;
  ALTER TABLE approvals ADD COLUMN approved_by TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- JSON: names of what was told to be in alarm last.
  ALTER TABLE agents ADD COLUMN told_alarms TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- Tasks that a run of their parent has asked of another agent: by which key, bound to what, and the run that waits.
  CREATE TABLE delegations (
    task_id TEXT PRIMARY KEY REFERENCES tasks (id),
    key TEXT NOT NULL,
    hash TEXT NOT NULL,
    run_id TEXT NOT NULL
  ) STRICT;
  `,
  githubTables,
  `
  -- How far the least trusted words are trusted that a task came with; NULL where that is not known.
  ALTER TABLE tasks ADD COLUMN least_trust TEXT;
  `,
] as const;
