import type { Conversation } from '#core/conversation.ts';
import { messageOf, OlympusError } from '#core/errors.ts';
import type { TurnProgress } from '#core/harness.ts';
import type { MattermostChat } from '#integrations/mattermost/chat.ts';
import { markerOfProgress } from '#integrations/mattermost/posts.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { isWaiting } from '../actions/parking.ts';
import type { Journal } from '../journal/journal.ts';
import type { Calls, ProgressPost } from '../journal/progress-store.ts';
import type { JournaledRun } from '../journal/run-store.ts';
import type { Lease } from './lease.ts';
import { ownPost } from './own-post.ts';
import { WAITING, withCall, workedText, workingText } from './progress-text.ts';

export interface ProgressOptions {
  readonly chat: Pick<MattermostChat, 'me' | 'rest'>;
  readonly journal: Journal;
  readonly lease: Pick<Lease, 'held'>;
  /** How long a run takes before it has a post; with infinity only those that are there are closed. */
  readonly afterMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

/** So often one post is written, of all runs together: people's answers come from the same account, whose calls the server counts. */
const EVERY_MS = 1000;
/** Each change stays with the server as a version of the post: the longer a run takes, the rarer they are. */
const CHANGES_WITHIN = 20;
const RAREST_CHANGE_MS = 30_000;
/** Where only time has passed. */
const UNCHANGED_MS = 60_000;
const BACKOFF = { baseMs: 5_000, capMs: 60_000 };

/** What this process knows of a run at work. */
interface Heard {
  calls: Calls;
  /** Under what its call under way is counted. */
  current: string | undefined;
  /** The calls, and the current one, as they were shown. */
  shown: string;
  /** When that was tried last. */
  shownAt: number;
}

/** Something to write about one run. */
interface Due {
  readonly run: JournaledRun;
  readonly post: ProgressPost | undefined;
  readonly calls: Calls;
  readonly message: string;
  /** What it says but for the time. */
  readonly state: string;
  readonly isLast: boolean;
}

/**
 * Shows in the thread how a run gets on: one post, changed while the run is at work, and closed with one line when it is not.
 * It is made of what the journal says of the run, so that it is closed however that ended. What cannot be written now is
 * dropped: the next time it says what is true then. Nothing that people wait for comes after it.
 *
 * INVARIANTS
 * - the row is in the journal before the post, and a post is looked for by its marker before one is made;
 * - what the server refuses for good, as for a post that somebody deleted, is the last of that run.
 */
export class ProgressPosts implements Part {
  readonly name = 'progress';
  readonly #options: ProgressOptions;
  readonly #loop: Loop;
  readonly #heard = new Map<string, Heard>();

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async (signal) => {
        await this.#round(signal);
        return EVERY_MS;
      },
      onError: (error) => options.log.debug({ err: error }, 'progress not shown'),
      backoff: BACKOFF,
      // Every call has its deadline; of no use to anybody is a daemon that is ended because its progress is late.
      stuckAfterMs: Number.POSITIVE_INFINITY,
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

  /** Takes note of what a run does. */
  heard(runId: string, { kind, detail }: TurnProgress): void {
    if (kind !== 'tool' && kind !== 'step') return;
    const heard = this.#of(runId);
    heard.current = undefined;
    if (kind !== 'tool') return;
    const { calls, name } = withCall(heard.calls, detail);
    Object.assign(heard, { calls, current: name });
  }

  #of(runId: string): Heard {
    const known = this.#heard.get(runId);
    if (known) return known;
    // What a former process has counted; of what was called while there was none nobody knows.
    const calls = this.#options.journal.progress.of(runId)?.calls ?? {};
    const heard = { calls, current: undefined, shown: '', shownAt: Number.NEGATIVE_INFINITY };
    this.#heard.set(runId, heard);
    return heard;
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { journal } = this.#options;
    const runIds = new Set([...journal.progress.openRuns(), ...this.#heard.keys()]);
    const due = [...runIds].flatMap((runId) => this.#due(runId) ?? []);
    const [first] = due.toSorted((a, b) => this.#shownAt(a) - this.#shownAt(b));
    // What people wait for goes first, also when it does not get through.
    if (first && journal.outbox.pending('chat') === 0) await this.#show(first, signal);
  }

  #shownAt({ run: { runId } }: Due): number {
    return this.#heard.get(runId)?.shownAt ?? Number.NEGATIVE_INFINITY;
  }

  /** What is to be written about a run now, if anything. */
  #due(runId: string): Due | undefined {
    const { journal, lease, afterMs, clock } = this.#options;
    const run = journal.runs.get(runId);
    const post = journal.progress.of(runId);
    if (run?.state !== 'running') {
      if (!run || !post || post.isClosed) {
        this.#heard.delete(runId);
        return undefined;
      }
      const { startedAt, finishedAt } = run;
      const { calls } = this.#heard.get(runId) ?? post;
      const tookMs = finishedAt === undefined ? undefined : finishedAt - (startedAt ?? finishedAt);
      return { run, post, calls, message: workedText(tookMs, calls), state: '', isLast: true };
    }
    // Without the lease another daemon may be at work on it, and writes this post.
    if (post?.isClosed || !run.dispatch.conversation || !lease.held) return undefined;
    const { calls, current: under, shown, shownAt } = this.#of(runId);
    const current = isWaiting(journal, runId) ? WAITING : under;
    const tookMs = clock.now() - (run.startedAt ?? run.claimedAt);
    if (Object.keys(calls).length === 0 || tookMs < afterMs) return undefined;
    const state = JSON.stringify([calls, current]);
    const pauseMs =
      shown === state
        ? UNCHANGED_MS
        : Math.min(RAREST_CHANGE_MS, Math.max(EVERY_MS, tookMs / CHANGES_WITHIN));
    const sinceMs = clock.now() - shownAt;
    // Below nothing, where the clock was set back.
    if (sinceMs >= 0 && sinceMs < pauseMs) return undefined;
    return { run, post, calls, message: workingText(tookMs, calls, current), state, isLast: false };
  }

  async #show(due: Due, signal: AbortSignal): Promise<void> {
    const { journal, log, clock } = this.#options;
    const { runId, dispatch } = due.run;
    const { conversation } = dispatch;
    try {
      if (!due.post) await journal.transaction(() => journal.progress.begin(runId));
      const postId = conversation && (await this.#write(due, conversation, signal));
      await journal.note(() => {
        if (postId) journal.progress.shown(runId, postId, due.calls);
        if (due.isLast) journal.progress.close(runId);
      });
      this.#of(runId).shown = due.state;
    } catch (error) {
      if (!(error instanceof OlympusError) || error.code !== 'chat_refused') throw error;
      log.info({ runId, reason: messageOf(error) }, 'progress of this run is not shown any more');
      await journal.note(() => journal.progress.close(runId));
    } finally {
      // Also where it failed: the others come before it now.
      this.#of(runId).shownAt = clock.now();
    }
  }

  /** Changes the post, or makes it; of a run that is over only one is changed that is there. */
  async #write(
    { run, post, message, isLast }: Due,
    { channelId, rootId }: Conversation,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { chat } = this.#options;
    const marks = { marker: markerOfProgress(run.runId), depth: 0 };
    const me = chat.me ?? (await chat.rest.me(signal));
    const there = { channelId, rootId, marker: marks.marker };
    const postId = post?.postId ?? (await ownPost(chat.rest, me.id, there, signal))?.id;
    if (postId !== undefined) await chat.rest.edit(postId, { message, marks }, signal);
    else if (!isLast) return (await chat.rest.post({ channelId, rootId, message, marks }, signal)).id;
    return postId;
  }
}
