import { hostname } from 'node:os';
import { join } from 'node:path';
import type { CommandGate } from '#core/harness.ts';
import type { Subjects } from '#core/subjects.ts';
import type { Clock } from '#lib/clock.ts';
import type { Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { AgentConfig } from '../config.ts';
import type { Journal } from '../journal/journal.ts';
import type { ControlApi } from '../parts/control-api.ts';
import type { RunReports } from '../parts/run-reports.ts';
import type { Ladder } from '../stuck/ladder.ts';
import { ActionServer } from './action-server.ts';
import { answering } from './answering.ts';
import { Asking } from './asking.ts';
import { CodeWork } from './code-work.ts';
import { AskingGate } from './command-gate.ts';
import { Writing } from './writing.ts';

export interface AskingSideOptions {
  readonly config: AgentConfig;
  readonly agent: string;
  readonly subjects: Subjects;
  readonly journal: Journal;
  /** The runs under way in this process. */
  readonly runIds: () => readonly string[];
  readonly ladder: Ladder;
  readonly reports: RunReports;
  readonly controlApi: ControlApi | undefined;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** All of a daemon that asks people on behalf of turns, and has something done for them. */
export interface AskingSide {
  /** In start order. */
  readonly parts: readonly Part[];
  readonly gate: CommandGate;
  /** To be called when what becomes of a request is in the journal. */
  decided(key: string): void;
}

/** Builds it; nothing of it runs before its parts are started. */
export function createAskingSide(options: AskingSideOptions): AskingSide {
  const { config, agent, subjects, journal, runIds, ladder, reports, controlApi, onAdded, log, clock } =
    options;
  const part = (name: string): Logger => log.child({ part: name });
  const asking = new Asking({
    fleet: config.OLYMPUS_FLEET,
    agent,
    subjects,
    journal,
    runIds,
    ladder,
    waitMs: config.OLYMPUS_ASK_WAIT_MS,
    expiresInMs: config.OLYMPUS_ASK_EXPIRES_MS,
    onAdded,
    log: part('asking'),
    clock,
  });
  const writing = new Writing({
    agent,
    journal,
    asking,
    reports,
    api: controlApi,
    onAdded,
    log: part('writing'),
    clock,
  });
  const at = (name: string): string => join(config.OLYMPUS_STATE_DIR, name);
  const passing = at('passing');
  const code = new CodeWork({
    agent,
    dir: at('repositories'),
    outDir: passing,
    writing,
    log: part('code'),
    clock,
  });
  const answer = answering({ api: controlApi, asking, writing, code });
  const path = config.OLYMPUS_ACTION_SOCKET;
  const server = path && new ActionServer({ path, answer, bodyDir: passing, log: part('actions') });
  return {
    parts: [asking, writing, ...(server ? [server] : [])],
    gate: new AskingGate({
      agent,
      machine: hostname(),
      journal,
      asking,
      ladder,
      reports,
      onAdded,
      log: part('commands'),
    }),
    decided: (key) => asking.decided(key),
  };
}
