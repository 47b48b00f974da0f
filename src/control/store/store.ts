import path from 'node:path';
import { SqliteDatabase } from '#integrations/sqlite/database.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { OutboxSource } from '#lib/relay.ts';
import { AgentRepository } from './agent-repository.ts';
import { ApprovalRepository } from './approval-repository.ts';
import { ArtifactRepository } from './artifact-repository.ts';
import { AskRepository } from './ask-repository.ts';
import { AuditRepository } from './audit-repository.ts';
import { ChatCommandRepository } from './chat-command-repository.ts';
import { DebounceRepository } from './debounce-repository.ts';
import { DelegationRepository } from './delegation-repository.ts';
import { DependencyRepository } from './dependency-repository.ts';
import { GithubCursorRepository } from './github-cursor-repository.ts';
import { GithubRepository } from './github-repository.ts';
import { MissionRepository } from './mission-repository.ts';
import { OutboxRepository } from './outbox-repository.ts';
import { RunRepository } from './run-repository.ts';
import { controlMigrations } from './schema.ts';
import { TalkRepository } from './talk-repository.ts';
import { TaskRepository } from './task-repository.ts';

/**
 * What a repository answers, without what its class keeps to itself: whatever answers the same may stand in its place.
 * All of it asynchronous, which the constraint holds, so that PostgreSQL can stand behind the same interface.
 */
type Port<T extends { readonly [K in keyof T]: (...given: never[]) => Promise<unknown> }> = {
  readonly [K in keyof T]: T[K];
};

/** What a transaction, or a reader, can reach. */
export interface Repositories {
  readonly tasks: Port<TaskRepository>;
  readonly dependencies: Port<DependencyRepository>;
  readonly delegations: Port<DelegationRepository>;
  readonly debounces: Port<DebounceRepository>;
  readonly missions: Port<MissionRepository>;
  readonly runs: Port<RunRepository>;
  readonly agents: Port<AgentRepository>;
  readonly outbox: Port<Omit<OutboxRepository, 'source'>>;
  readonly approvals: Port<ApprovalRepository>;
  readonly audit: Port<AuditRepository>;
  readonly artifacts: Port<ArtifactRepository>;
  readonly asks: Port<AskRepository>;
  readonly talk: Port<TalkRepository>;
  readonly chatCommands: Port<ChatCommandRepository>;
  readonly github: Port<GithubRepository>;
  readonly githubCursors: Port<GithubCursorRepository>;
}

/** What the signal of `nextChange` says; an error made for each commit would cost more than the commit. */
const COMMITTED = new Error('something was committed');

/**
 * The control plane's own records: tasks, runs, agents, and the outbox.
 * INVARIANT: writes happen only inside `transaction`, one after another; `read` sees what was committed.
 */
export class Store implements Part {
  readonly name = 'store';
  /** For questions only. */
  readonly read: Repositories;
  readonly #writer: SqliteDatabase;
  readonly #reader: SqliteDatabase;
  readonly #write: Repositories;
  readonly #clock: Clock;
  #changed = new AbortController();

  constructor(options: { stateDir: string; clock: Clock }) {
    const file = path.join(options.stateDir, 'control.sqlite');
    this.#clock = options.clock;
    this.#writer = new SqliteDatabase(file, controlMigrations);
    this.#reader = new SqliteDatabase(file, controlMigrations);
    this.#write = repositories(this.#writer, options.clock);
    this.read = repositories(this.#reader, options.clock);
  }

  /** All of `work` or nothing of it; transactions never interleave. */
  async transaction<T>(work: (tx: Repositories) => Promise<T>): Promise<T> {
    const result = await this.#writer.exclusive(() => work(this.#write));
    const changed = this.#changed;
    this.#changed = new AbortController();
    changed.abort(COMMITTED);
    return result;
  }

  /** Aborts once something was committed after this call. */
  nextChange(): AbortSignal {
    return this.#changed.signal;
  }

  /** The outbox as the relay reads it. */
  outboxSource(): OutboxSource {
    const reading = new OutboxRepository(this.#reader, this.#clock).source((work) => work());
    const writing = new OutboxRepository(this.#writer, this.#clock).source((work) =>
      this.#writer.lazily(work),
    );
    return { ...reading, done: writing.done };
  }

  async start(): Promise<void> {
    const now = this.#clock.now();
    await this.transaction(async (tx) => {
      await tx.asks.prune(now);
      await tx.chatCommands.prune(now);
      await tx.github.prune(now);
    });
  }

  async stop(): Promise<void> {
    await this.#writer.close();
    await this.#reader.close();
  }

  health(): Health {
    return { live: true, ready: true };
  }
}

function repositories(db: SqliteDatabase, clock: Clock): Repositories {
  return {
    tasks: new TaskRepository(db),
    dependencies: new DependencyRepository(db),
    delegations: new DelegationRepository(db),
    debounces: new DebounceRepository(db),
    missions: new MissionRepository(db),
    runs: new RunRepository(db),
    agents: new AgentRepository(db),
    outbox: new OutboxRepository(db, clock),
    approvals: new ApprovalRepository(db),
    audit: new AuditRepository(db),
    artifacts: new ArtifactRepository(db),
    asks: new AskRepository(db),
    talk: new TalkRepository(db),
    chatCommands: new ChatCommandRepository(db),
    github: new GithubRepository(db),
    githubCursors: new GithubCursorRepository(db),
  };
}
