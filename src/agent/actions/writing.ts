import { type Action, actionHash } from '#core/action.ts';
import type { SocketReply, WriteRequest } from '#core/action-socket.ts';
import { GitHubToken, type GitHubTokenRequest } from '#core/api-runs.ts';
import { messageOf } from '#core/errors.ts';
import { actionOf } from '#core/github-action.ts';
import { GithubError } from '#integrations/github/github-error.ts';
import { writeOnce } from '#integrations/github/write.ts';
import { type WriteOptions, WriteRefused, type Written } from '#integrations/github/write-tools.ts';
import { fullJitter } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import { type ControlApi, postToControl } from '../parts/control-api.ts';
import type { RunReports } from '../parts/run-reports.ts';
import { type Asking, askKey, runOf } from './asking.ts';

export interface WritingOptions {
  readonly agent: string;
  readonly journal: Journal;
  readonly asking: Pick<Asking, 'ask'>;
  readonly reports: Pick<RunReports, 'tell'>;
  readonly api: ControlApi | undefined;
  /** Called after something was added to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** How long one thing may take, with all attempts at it. */
const WITHIN_MS = 90_000;
const BACKOFF = { baseMs: 1000, capMs: 10_000 };

/** When it was sent to GitHub before, and to be called right before it is sent again. */
type Tries = Pick<WriteOptions, 'triedAt' | 'onTrying'>;

/** One thing that is done at GitHub for a turn. */
export interface Deed {
  readonly task: string;
  readonly action: Action;
  readonly summary: string;
  /**
   * Does it, if it is not done. Rejects with a WriteRefused where it never will be, with anything else where it may be
   * done later; then it is called again.
   */
  readonly perform: (access: GitHubToken, tries: Tries, signal: AbortSignal) => Promise<Written>;
  /** Nothing undoes it, so that what was done once is done for good; otherwise it is looked at again each time. */
  readonly isLasting?: boolean;
}

/**
 * Writes to GitHub for turns, which have nothing to write there with. Control decides whether it may be, and people where
 * it asks them; then a token is fetched for this one thing, and it is written once: that it is sent is in the journal
 * before it is, and asked again, also after a crash, what was written is found.
 */
export class Writing implements Part {
  readonly name = 'writing';
  readonly #options: WritingOptions;
  readonly #stopping = new AbortController();
  /** By key: the same asked at the same time is one. */
  readonly #underWay = new Map<string, Promise<SocketReply>>();

  constructor(options: WritingOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    await Promise.allSettled(this.#underWay.values());
  }

  health(): Health {
    return { live: true, ready: true };
  }

  /** Where it was written, what people say to it, or why it was not. Rejects only when `signal` aborts. */
  async write({ task, write, summary }: WriteRequest, signal: AbortSignal): Promise<SocketReply> {
    const { agent, clock } = this.#options;
    const action = actionOf(agent, write);
    // Of a comment its slot, which later ones replace; of anything else this one thing.
    const marker =
      write.kind === 'comment-upsert'
        ? `olympus:${agent}:${write.slot}`
        : `olympus:${task}:${await actionHash(action)}`;
    const perform: Deed['perform'] = ({ url, token, login, askedIn }, tries, within) =>
      writeOnce(write, { url, token, agent, login, askedIn, marker, ...tries, clock, signal: within });
    const isLasting = write.kind === 'issue-create';
    return this.once({ task, action, summary, perform, isLasting }, signal);
  }

  /** Does it once it may be done; asked again it is seen to be done. Rejects only when `signal` aborts. */
  async once(deed: Deed, signal: AbortSignal): Promise<SocketReply> {
    const { task, action, summary } = deed;
    const reply = await this.#options.asking.ask({ ask: 'approval', task, action, summary }, signal);
    if (reply.kind !== 'decided' || reply.state !== 'approved') return reply;
    const key = askKey('approval', task, await actionHash(action));
    // Whoever asked may go away: what has begun is brought to its end.
    const underWay = this.#underWay.get(key) ?? this.#carryOut(key, deed);
    this.#underWay.set(key, underWay);
    try {
      return await underWay;
    } finally {
      if (this.#underWay.get(key) === underWay) this.#underWay.delete(key);
    }
  }

  /** With what a repository is read for this task; rejects with a WriteRefused where control gives nothing. */
  async readAccess(task: string, repository: string, signal: AbortSignal): Promise<GitHubToken> {
    const run = this.#runOf(task);
    return this.#access(run.runId, { read: repository }, signal);
  }

  async #carryOut(key: string, deed: Deed): Promise<SocketReply> {
    const { journal, log } = this.#options;
    const { kind } = deed.action;
    const done = journal.writes.get(key)?.result;
    if (done && deed.isLasting) return { kind: 'written', ...done, already: true };
    try {
      const run = this.#runOf(deed.task);
      const written = await withDeadline('writing it', WITHIN_MS, this.#stopping.signal, (within) =>
        this.#tryUntilDone({ key, run, deed }, within),
      );
      return { kind: 'written', ...written };
    } catch (error) {
      log.warn({ taskId: deed.task, kind, reason: messageOf(error) }, 'not written to GitHub');
      if (error instanceof WriteRefused) return { kind: 'refused', sentence: error.message };
      const sentence = `it could not be written (${messageOf(error)}): run the same again later, it is done once`;
      return { kind: 'refused', sentence };
    }
  }

  async #tryUntilDone(one: One, signal: AbortSignal): Promise<Written> {
    const { clock, log } = this.#options;
    const { kind } = one.deed.action;
    const until = clock.now() + WITHIN_MS;
    let tokensRefused = 0;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#tryOnce(one, signal);
      } catch (error) {
        if (error instanceof WriteRefused || signal.aborted) throw error;
        if (isOfToken(error)) tokensRefused += 1;
        // Each attempt has a new one.
        if (tokensRefused > 1) throw new WriteRefused(messageOf(error));
        const limited = error instanceof GithubError ? error.until : undefined;
        const jitter = fullJitter(attempt, BACKOFF);
        const waitMs = limited === undefined ? jitter : Math.max(limited - clock.now(), BACKOFF.baseMs);
        // Whoever asked hears why, and of a limit until when.
        if (clock.now() + waitMs >= until) throw error;
        log.info({ kind, attempt, reason: messageOf(error) }, 'GitHub does not take it yet');
        await clock.sleep(waitMs, signal);
      }
    }
  }

  async #tryOnce({ key, run, deed }: One, signal: AbortSignal): Promise<Written> {
    const { journal, reports, onAdded, log } = this.#options;
    const { kind } = deed.action;
    const access = await this.#access(run.runId, { key }, signal);
    const before = journal.writes.get(key);
    const written = await this.#perform(key, access, deed, signal);
    // Known to be there, and told; what an attempt without an answer has left is not.
    if (written.already && before?.result) return written;
    await journal.transaction(() => {
      journal.writes.done(key, written);
      reports.tell(run.dispatch, 'wrote', `${kind}: ${written.url}`);
    });
    onAdded();
    log.info({ runId: run.runId, kind, url: written.url }, 'written to GitHub');
    return written;
  }

  /** What is sent may arrive until its answer is given up, so it counts as tried then. */
  async #perform(key: string, access: GitHubToken, deed: Deed, signal: AbortSignal): Promise<Written> {
    const { journal } = this.#options;
    let isSent = false;
    const onTrying = (): Promise<void> => {
      isSent = true;
      return journal.transaction(() => journal.writes.trying(key));
    };
    try {
      return await deed.perform(access, { triedAt: journal.writes.get(key)?.triedAt, onTrying }, signal);
    } catch (error) {
      if (isSent) await onTrying();
      throw error;
    }
  }

  async #access(runId: string, body: GitHubTokenRequest, signal: AbortSignal): Promise<GitHubToken> {
    const { api } = this.#options;
    if (!api) throw new WriteRefused('this agent has no way to a token: OLYMPUS_CONTROL_URL is not set');
    const path = `/v1/runs/${runId}/github-token`;
    const got = await postToControl(api, { path, body }, 'fetching a token', signal);
    if (got.ok) return GitHubToken.parse(JSON.parse(got.body.toString()));
    if (got.status >= 500) throw new Error(got.sentence);
    throw new WriteRefused(got.sentence);
  }

  #runOf(task: string): JournaledRun {
    const run = runOf(this.#options.journal, task);
    if (!run) throw new WriteRefused(`no run of task ${task} is under way on this agent`);
    return run;
  }
}

function isOfToken(error: unknown): boolean {
  return error instanceof GithubError && error.code === 'github_unauthorized';
}

interface One {
  readonly key: string;
  readonly run: JournaledRun;
  readonly deed: Deed;
}
