import type { AskRequest, SocketReply } from '#core/action-socket.ts';
import type { Subjects } from '#core/subjects.ts';
import type { Clock } from '#lib/clock.ts';
import { newId, newNonce } from '#lib/id.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { type Decided, isForOneRun } from '../journal/ask-store.ts';
import type { Journal } from '../journal/journal.ts';
import type { BusEffect } from '../journal/outbox-store.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { Ladder } from '../stuck/ladder.ts';
import { hashOf, messageOf } from './ask-message.ts';

export interface AskingOptions {
  readonly fleet: string;
  readonly agent: string;
  readonly subjects: Subjects;
  readonly journal: Journal;
  /** The runs under way in this process. */
  readonly runIds: () => readonly string[];
  readonly ladder: Pick<Ladder, 'abort'>;
  /** How long a turn goes on waiting for an answer before its run is parked. */
  readonly waitMs: number;
  /** How long there is for an answer. */
  readonly expiresInMs: number;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** More than people would decide, or colleagues do, for one turn. */
const ASKS_A_RUN = 20;
/** How long a turn that was told to end may take for it. */
const END_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 1000;
/** Whoever waits is woken; this is for a wake that was missed. */
const WAIT_MS = 30_000;

/**
 * Asks people, and other agents, on behalf of turns, and waits with them for a while; a run for which nobody has decided or
 * answered by then is parked: its turn is told to end, and is ended when it does not. Asked again, also after a crash or by a
 * later run of the task, the same request is the same, and what was decided on it holds.
 */
export class Asking implements Part {
  readonly name = 'asking';
  readonly #options: AskingOptions;
  /** Key → what wakes those who wait for its decision. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #loop: Loop;

  constructor(options: AskingOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => {
        await this.#look(signal);
        return LOOK_EVERY_MS;
      },
      onError: (error) => options.log.warn({ err: error }, 'turn not ended yet, trying again'),
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: true };
  }

  /**
   * What is said to it, or that the run is parked meanwhile. Rejects only when `signal` aborts. Without a key of its own
   * it is the same as what was asked before, for the same task, about the same.
   */
  async ask(request: AskRequest, signal: AbortSignal, ownKey?: string): Promise<SocketReply> {
    const { journal, onAdded } = this.#options;
    const hash = await hashOf(request);
    const key = ownKey ?? askKey(request.ask, request.task, hash);
    const reply = await journal.transaction(() => this.#take(request, key, hash));
    onAdded();
    return reply ?? this.#wait(key, signal);
  }

  /** To be called when what becomes of a request is in the journal. */
  decided(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /**
   * Takes a request, in a transaction: the reply that is known already, or undefined for one that waits. The same asked a
   * second time finds the first; the key makes a second message by another run harmless.
   */
  #take(request: AskRequest, key: string, hash: string): SocketReply | undefined {
    const { journal, log } = this.#options;
    const run = runOf(journal, request.task);
    if (!run) return refused(`no run of task ${request.task} is under way on this agent`);
    const { runId } = run;
    const before = journal.asks.ofRun(runId);
    // What is decided meanwhile is for the run that goes on: this one must not do it as well.
    if (before.some(({ parkedAt }) => parkedAt !== undefined)) return { kind: 'parked' };
    const known = journal.asks.get(key);
    const isKnown = known && (known.runId === runId || !isForOneRun(known.decision));
    if (isKnown && known.decision) return replyOf(known.decision);
    if (known?.runId === runId) return undefined;
    if (before.length >= ASKS_A_RUN)
      return refused(`this run has asked ${before.length} times already, and may not ask more`);
    journal.asks.open({ key, runId, hash });
    journal.outbox.addBus(`ask:${runId}:${key}`, this.#messageOf(run, request, key));
    log.info({ runId, taskId: request.task, ask: request.ask }, 'somebody is asked');
    return undefined;
  }

  #messageOf(run: JournaledRun, request: AskRequest, key: string): BusEffect {
    const { subjects, agent, clock, fleet, expiresInMs } = this.#options;
    const { taskId, epoch } = run.dispatch;
    const head = {
      id: newId(clock.now()),
      source: `/fleets/${fleet}/agents/${agent}`,
      subject: `task/${taskId}/run/${run.runId}`,
      time: new Date(clock.now()).toISOString(),
    };
    const { kind, message } = messageOf(head, { key, taskId, runId: run.runId, epoch, expiresInMs }, request);
    return {
      subject: subjects.request(agent, kind),
      msgId: `ask:${run.runId}:${newNonce()}`,
      body: JSON.stringify(message),
    };
  }

  async #wait(key: string, signal: AbortSignal): Promise<SocketReply> {
    const { journal, clock } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      const ask = journal.asks.get(key);
      if (!ask || ask.parkedAt !== undefined) return { kind: 'parked' };
      if (ask.decision) return replyOf(ask.decision);
      const woken = new AbortController();
      const wake = (): void => woken.abort();
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting.add(wake));
      await clock.sleep(WAIT_MS, AbortSignal.any([signal, woken.signal]));
      waiting.delete(wake);
      if (waiting.size === 0) this.#waiting.delete(key);
    }
  }

  /** Parks what nobody has decided in time, and ends turns that were told to end and go on all the same. */
  async #look(signal: AbortSignal): Promise<void> {
    const { journal, runIds, ladder, waitMs, clock, log } = this.#options;
    const now = clock.now();
    for (const runId of runIds()) {
      const asks = journal.asks.ofRun(runId);
      for (const { key, decision, parkedAt, askedAt } of asks) {
        if (decision || parkedAt !== undefined || askedAt + waitMs > now) continue;
        await journal.transaction(() => journal.asks.park(key));
        log.info({ runId }, 'no answer yet, the run is parked');
        this.decided(key);
      }
      if (!asks.some(({ parkedAt }) => parkedAt !== undefined && parkedAt + END_WITHIN_MS <= now)) continue;
      log.warn({ runId }, 'turn was told to end and goes on, it is ended');
      await ladder.abort(runId, signal);
    }
  }
}

/** The same asked for the same task is the same. */
export function askKey(ask: AskRequest['ask'], taskId: string, hash: string): string {
  return `${ask}:${taskId}:${hash}`;
}

/** By the journal: after a crash a turn goes on, and may ask, before this process has its run under way. */
export function runOf(journal: Journal, taskId: string): JournaledRun | undefined {
  return journal.runs.open().find(({ dispatch, state }) => dispatch.taskId === taskId && state === 'running');
}

function replyOf({ state, by, why, answer }: Decided): SocketReply {
  if (state === 'refused') return refused(why ?? 'control refused the request');
  return {
    kind: 'decided',
    state,
    ...(by ? { by } : {}),
    ...(why ? { why } : {}),
    ...(answer ? { answer } : {}),
  };
}

function refused(sentence: string): SocketReply {
  return { kind: 'refused', sentence };
}
