import assert from 'node:assert/strict';
import { fullJitter } from '#lib/backoff.ts';
import { systemClock } from '#lib/clock.ts';
import { DeadlineError, withDeadline } from '#lib/deadline.ts';
import { newId, newNonce } from '#lib/id.ts';

const never = new AbortController().signal;

describe('full jitter', () => {
  const backoff = { baseMs: 200, capMs: 30_000 };

  it('stays below the doubling ceiling, then below the cap', () => {
    const ceilings = [0, 1, 2, 7, 8, 30, 5000].map((attempt) => fullJitter(attempt, backoff, () => 1));

    assert.deepEqual(ceilings, [200, 400, 800, 25_600, 30_000, 30_000, 30_000]);
  });

  it('uses the whole range from zero', () => {
    assert.equal(
      fullJitter(3, backoff, () => 0),
      0,
    );
    assert.equal(
      fullJitter(3, backoff, () => 0.5),
      800,
    );
  });

  it('is a whole number within bounds for any random number', () => {
    for (let attempt = 0; attempt < 200; attempt++) {
      const waitMs = fullJitter(attempt, backoff);
      assert.ok(Number.isInteger(waitMs) && waitMs >= 0 && waitMs < 30_000, `${waitMs}`);
    }
  });
});

describe('a deadline', () => {
  it('hands on what the work answers', async () => {
    assert.equal(await withDeadline('the answer', 1000, never, async () => 42), 42);
  });

  it('hands on why the work failed', async () => {
    const failure = new Error('no route to host');

    await assert.rejects(
      withDeadline('the answer', 1000, never, () => Promise.reject(failure)),
      failure,
    );
  });

  it('rejects with a sentence when the work takes too long, even if it ignores its signal', async () => {
    const deaf = withDeadline('the answer', 10, never, () => new Promise(() => undefined));

    await assert.rejects(deaf, (error: Error) => {
      assert.ok(error instanceof DeadlineError);
      assert.equal(error.message, 'the answer did not finish within 10 ms');
      return true;
    });
  });

  it('aborts the work through its signal', async () => {
    const reasons: unknown[] = [];
    const work = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          reject(signal.reason);
        });
      });

    await assert.rejects(withDeadline('the answer', 10, never, work), DeadlineError);

    assert.ok(reasons[0] instanceof DeadlineError);
  });

  it('rejects with the reason of the caller who gave up', async () => {
    const caller = new AbortController();
    const waiting = withDeadline('the answer', 1000, caller.signal, () => new Promise(() => undefined));

    caller.abort(new Error('the task was cancelled'));

    await assert.rejects(waiting, /the task was cancelled/);
  });

  it('does not begin work for a caller who had given up before', async () => {
    let begun = false;

    await assert.rejects(
      withDeadline('the answer', 1000, AbortSignal.abort(new Error('too late')), async () => {
        begun = true;
      }),
      /too late/,
    );
    assert.equal(begun, false);
  });
});

describe('the system clock', () => {
  it('ends a sleep at once when its signal aborts, without an error', async () => {
    const waker = new AbortController();
    const sleeping = systemClock.sleep(60_000, waker.signal);

    waker.abort();

    await sleeping;
    await systemClock.sleep(60_000, waker.signal);
  });
});

describe('an id', () => {
  it('is a lower-case UUID of version 7', () => {
    for (let count = 0; count < 100; count++) {
      assert.match(
        newId(Date.now()),
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });

  it('sorts by time', () => {
    const times = [0, 1, 255, 256, 1_700_000_000_000, 1_700_000_000_001, Date.UTC(9999, 0)];

    const ids = times.map(newId);

    assert.deepEqual(ids, ids.toSorted());
  });

  it('holds its time', () => {
    const nowMs = 1_700_000_000_123;

    assert.equal(Number.parseInt(newId(nowMs).replaceAll('-', '').slice(0, 12), 16), nowMs);
  });

  it('is never made twice', () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => newId(1_700_000_000_000)));

    assert.equal(ids.size, 10_000);
  });
});

describe('a nonce', () => {
  it('is 128 bits of lower-case hex, never made twice', () => {
    const nonces = new Set(Array.from({ length: 1000 }, newNonce));

    assert.equal(nonces.size, 1000);
    for (const nonce of nonces) assert.match(nonce, /^[0-9a-f]{32}$/);
  });
});
