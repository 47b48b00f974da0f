import assert from 'node:assert/strict';
import { Loop } from '#lib/loop.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

const HOUR_MS = 3_600_000;

/** A loop whose rounds take until they are told how to end. */
function heldLoop(stuckAfterMs?: number) {
  const clock = new ManualClock();
  const rounds: { readonly signal: AbortSignal; readonly end: PromiseWithResolvers<number> }[] = [];
  const errors: unknown[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const loop = new Loop({
    clock,
    ...(stuckAfterMs !== undefined && { stuckAfterMs }),
    async round(signal) {
      mostAtOnce = Math.max(mostAtOnce, ++running);
      const end = Promise.withResolvers<number>();
      rounds.push({ signal, end });
      return end.promise.finally(() => running--);
    },
    onError: (error) => errors.push(error),
  });
  const endRound = async (waitMs: number): Promise<void> => {
    rounds.at(-1)?.end.resolve(waitMs);
    await settle();
  };
  return { clock, loop, rounds, errors, endRound, mostAtOnce: () => mostAtOnce };
}

describe('a loop', () => {
  it('waits as long as a round asks for', async () => {
    const { clock, loop, rounds, endRound } = heldLoop();
    loop.start();
    await endRound(500);

    await clock.advance(499);
    assert.equal(rounds.length, 1);
    await clock.advance(1);
    assert.equal(rounds.length, 2);
  });

  it('never runs two rounds at once, however often it is started and woken', async () => {
    const { clock, loop, rounds, endRound, mostAtOnce } = heldLoop();
    loop.start();
    loop.start();
    for (let round = 0; round < 20; round++) {
      loop.wake();
      loop.wake();
      await clock.advance(10);
      await endRound(5);
    }

    assert.equal(mostAtOnce(), 1);
    assert.ok(rounds.length >= 20);
  });

  it('runs the next round at once when woken from its wait', async () => {
    const { loop, rounds, endRound } = heldLoop();
    loop.start();
    await endRound(HOUR_MS);

    loop.wake();
    await settle();

    assert.equal(rounds.length, 2);
  });

  it('does not lose a wake that comes during a round', async () => {
    const { loop, rounds, endRound } = heldLoop();
    loop.start();

    loop.wake();
    await endRound(HOUR_MS);

    assert.equal(rounds.length, 2);
  });

  it('does not lose a wake that comes in the moment a round returns, or a wait ends', async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const { clock, loop, rounds, endRound } = heldLoop();
      loop.start();
      await endRound(100);
      const advanced = clock.advance(100);
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      const seen = rounds.length;
      loop.wake();
      await advanced;
      await endRound(HOUR_MS);

      assert.ok(rounds.length > seen, `the wake ${ticks} ticks after the wait was lost`);
    }
  });

  it('takes one wake for one round', async () => {
    const { loop, rounds, endRound } = heldLoop();
    loop.start();
    loop.wake();
    await endRound(HOUR_MS);

    await endRound(HOUR_MS);

    assert.equal(rounds.length, 2);
  });

  it('reports a failed round and tries again after a growing back-off', async () => {
    const { clock, loop, rounds, errors } = heldLoop();
    loop.start();

    for (let failures = 1; failures <= 5; failures++) {
      rounds.at(-1)?.end.reject(new Error(`failure ${failures}`));
      await settle();
      const [waitMs = Number.NaN] = clock.waits;
      assert.equal(errors.length, failures);
      assert.ok(waitMs >= 100 && waitMs <= 100 + 200 * 2 ** (failures - 1), `waits ${waitMs} ms`);
      await clock.advance(waitMs);
      assert.equal(rounds.length, failures + 1);
    }
  });

  it('has stopped only when the round under way has returned, and runs none after', async () => {
    const { clock, loop, rounds, endRound } = heldLoop();
    loop.start();
    await settle();
    let stopped = false;

    const stopping = loop.stop().then(() => {
      stopped = true;
    });
    await settle();

    assert.equal(stopped, false);
    assert.equal(rounds[0]?.signal.aborted, true);
    await endRound(0);
    await stopping;
    loop.wake();
    loop.start();
    await clock.advance(HOUR_MS);
    assert.equal(rounds.length, 1);
  });

  it('ends its wait when stopped', async () => {
    const { clock, loop, endRound } = heldLoop();
    loop.start();
    await endRound(HOUR_MS);

    await loop.stop();

    assert.deepEqual(clock.waits, []);
  });

  it('does not report the round that its stop cut short', async () => {
    const { loop, rounds, errors } = heldLoop();
    loop.start();
    await settle();

    const stopping = loop.stop();
    rounds[0]?.end.reject(new Error('aborted'));
    await stopping;

    assert.deepEqual(errors, []);
  });

  it('never starts once it was stopped', async () => {
    const { loop, rounds } = heldLoop();

    await loop.stop();
    loop.start();
    await settle();

    assert.equal(rounds.length, 0);
  });

  it('is not live while a single round takes too long', async () => {
    const { clock, loop, endRound } = heldLoop(1000);
    loop.start();
    await clock.advance(999);
    assert.equal(loop.live, true);

    await clock.advance(1);
    assert.equal(loop.live, false);

    await endRound(HOUR_MS);
    await clock.advance(10_000);
    assert.equal(loop.live, true);
  });
});
