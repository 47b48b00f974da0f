import assert from 'node:assert/strict';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { TASK_ACK_WAIT_MS } from '#core/streams.ts';
import { createLogger } from '#lib/log.ts';
import { ManualClock, settle } from '#test/manual-clock.ts';
import { Attention } from '../../src/agent/parts/attention.ts';
import { noPresence } from '../../src/agent/parts/presence.ts';

const PROGRESS_TIMEOUT_MS = 60_000;
const MINUTE = 60_000;

describe('the attention that a run is given', () => {
  let clock: ManualClock;
  let began: number;
  let isReady: boolean;
  let waitsForPeople: boolean;
  /** When the bus was told that the message is worked at, in milliseconds after the beginning. */
  let workingAt: number[];
  /** How often "typing" was shown. */
  let typed: number;
  let progress: () => void;
  let end: () => Promise<void>;

  beforeEach(async () => {
    clock = new ManualClock();
    began = clock.now();
    isReady = true;
    waitsForPeople = false;
    workingAt = [];
    typed = 0;
    const attention = new Attention({
      presence: { ...noPresence, typing: async () => void typed++ },
      progressTimeoutMs: PROGRESS_TIMEOUT_MS,
      harnessReady: () => isReady,
      isWaiting: (runId) => runId === DISPATCH.runId && waitsForPeople,
      clock,
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const turn = Promise.withResolvers<void>();
    const during = attention.during(
      DISPATCH,
      () => workingAt.push(clock.now() - began),
      (onProgress) => {
        progress = onProgress;
        return turn.promise;
      },
      new AbortController().signal,
    );
    end = async () => {
      turn.resolve();
      await during;
    };
    await settle();
  });
  afterEach(() => end());

  /** Lets so much time pass, second by second; each is one with a sign of work, or without. */
  async function pass(durationMs: number, { works }: { readonly works: boolean }): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += 1000) {
      if (works) progress();
      await clock.advance(1000);
    }
  }
  /** The longest that the bus heard nothing between these two moments. */
  function longestSilence(fromMs: number, toMs: number): number {
    const heard = workingAt.filter((at) => at > fromMs && at <= toMs);
    const moments = [fromMs, ...heard, toMs];
    return Math.max(...moments.slice(1).map((at, index) => at - (moments[index] ?? 0)));
  }

  it('keeps its message, well before the bus would give it anew, as long as it gets on', async () => {
    await pass(10 * MINUTE, { works: true });

    assert.ok(longestSilence(0, 10 * MINUTE) <= TASK_ACK_WAIT_MS / 2, workingAt.join(', '));
    assert.ok(workingAt.length <= (10 * MINUTE) / 10_000, 'and not more often than is needed');
    assert.ok(typed >= (10 * MINUTE) / 5000, `typing was shown ${typed} times`);
  });

  it('no longer keeps it once nothing was heard for too long, and does again when the run gets on', async () => {
    await pass(30_000, { works: true });
    const lastSign = 29_000;

    await pass(5 * MINUTE, { works: false });
    const last = workingAt.at(-1) ?? 0;
    assert.ok(last < lastSign + PROGRESS_TIMEOUT_MS, `it was kept until ${last}`);
    assert.ok(last > lastSign + PROGRESS_TIMEOUT_MS - TASK_ACK_WAIT_MS, `it was kept only until ${last}`);
    const typedThen = typed;
    await pass(MINUTE, { works: false });
    assert.equal(typed, typedThen);

    await pass(TASK_ACK_WAIT_MS, { works: true });
    assert.ok((workingAt.at(-1) ?? 0) > last);
    assert.ok(typed > typedThen);
  });

  it('does not keep it while the gateway is away, whatever is heard', async () => {
    isReady = false;
    await pass(5 * MINUTE, { works: true });
    assert.deepEqual([workingAt, typed], [[], 1], 'typing was shown once, before it went away');

    isReady = true;
    await pass(TASK_ACK_WAIT_MS, { works: true });

    assert.ok(workingAt.length > 0);
  });

  it('keeps it as long as the run waits for people, and shows no typing', async () => {
    waitsForPeople = true;
    const before = typed;
    await pass(10 * MINUTE, { works: false });

    assert.ok(longestSilence(0, 10 * MINUTE) <= TASK_ACK_WAIT_MS / 2, workingAt.join(', '));
    assert.equal(typed, before);
    waitsForPeople = false;
    const kept = workingAt.length;
    await pass(5 * MINUTE, { works: false });
    assert.equal(workingAt.length, kept, 'nothing proves that it gets on');
  });

  it('leaves nothing behind when the run ends', async () => {
    await end();

    assert.deepEqual(clock.waits, []);
    const kept = workingAt.length;
    await clock.advance(10 * MINUTE);
    assert.equal(workingAt.length, kept);
  });
});

const DISPATCH = TaskDispatch.data.parse({
  ...{ taskId: 't-1', runId: 'r-1', attempt: 1, epoch: 1, agent: 'athena', domain: 'planning' },
  ...{ deadline: '2999-01-01T00:00:00Z', startToCloseMs: 60_000 },
  input: { text: 'x', requester: 'ada' },
  session: { key: 'olympus:conv:1' },
  conversation: { id: 'mm-p1', surface: 'mattermost', channelId: 'c1', rootId: 'p1', postId: 'p1' },
});
