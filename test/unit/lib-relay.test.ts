import assert from 'node:assert/strict';
import { systemClock } from '#lib/clock.ts';
import { createLogger } from '#lib/log.ts';
import { type OutboxEntry, type OutboxSource, Relay } from '#lib/relay.ts';
import { waitFor } from '../support/wait.ts';

const log = createLogger({ name: 'test', level: 'fatal' });

/** An outbox in memory, which notes what is written down about its entries. */
function outbox(keys: readonly string[], laneOf: (key: string) => string = (key) => key) {
  const open = keys.map(
    (key, id): OutboxEntry => ({ id, key, lane: laneOf(key), payload: key, attempts: 0 }),
  );
  const written: string[] = [];
  const source: OutboxSource = {
    next: async (limit) => open.slice(0, limit),
    begin: async (ids) => {
      written.push(`begin ${ids.join(' ')}`);
    },
    done: async (ids) => {
      written.push(`done ${ids.join(' ')}`);
      for (const id of ids)
        open.splice(
          open.findIndex((entry) => entry.id === id),
          1,
        );
    },
    isDone: async (key) => !open.some((entry) => entry.key === key),
  };
  return { source, written, open };
}

describe('a relay', () => {
  let relay: Relay;
  afterEach(() => relay.stop(AbortSignal.abort()));
  function start(source: OutboxSource, atOnce: number, send: (key: string) => Promise<void>): void {
    relay = new Relay({
      name: 'test',
      source,
      atOnce,
      send: ({ key }) => send(key),
      log,
      clock: systemClock,
    });
    void relay.start();
  }

  it('sends what waits together, and writes it down together', async () => {
    const { source, written, open } = outbox(['a', 'b', 'c']);
    start(source, 2, async () => undefined);
    await waitFor('all to be sent', () => open.length === 0);

    assert.deepEqual(written, ['begin 0 1', 'done 0 1', 'begin 2', 'done 2']);
  });

  it('sends those of a lane one after another', async () => {
    const { source, open } = outbox(['x1', 'y1', 'x2'], (key) => key.slice(0, 1));
    const sent: string[] = [];
    let underWay = 0;
    start(source, 10, async (key) => {
      if (key.startsWith('x')) assert.equal(++underWay, 1);
      await Promise.resolve();
      if (key.startsWith('x')) underWay -= 1;
      sent.push(key);
    });
    await waitFor('all to be sent', () => open.length === 0);

    assert.deepEqual(sent, ['x1', 'y1', 'x2']);
  });

  it('keeps what could not be sent, and sends it again before what comes after it in its lane', async () => {
    const { source, open } = outbox(['x1', 'y1', 'x2'], (key) => key.slice(0, 1));
    const sent: string[] = [];
    let broken = true;
    start(source, 10, async (key) => {
      if (key === 'x1' && broken) {
        broken = false;
        throw new Error('away');
      }
      sent.push(key);
    });
    await waitFor('all to be sent', () => open.length === 0);

    assert.deepEqual(sent, ['y1', 'x1', 'x2']);
  });

  it('goes on with the other lanes while some do not get on, also when those are many and older', async () => {
    const stuck = Array.from({ length: 5 }, (_, n) => `stuck${n}`);
    const { source, open } = outbox([...stuck, 'a', 'b', 'c', 'd', 'e']);
    let away = true;
    start(source, 3, async (key) => {
      if (key.startsWith('stuck') && away) throw new Error('no room');
    });

    await waitFor('the rest to be sent', () => open.length === stuck.length);
    assert.match(relay.health().reason ?? '', /no room/);
    away = false;

    await waitFor('all to be sent', () => open.length === 0);
    await waitFor('the reason to be gone', () => relay.health().reason === undefined);
  });

  it('comes back to a lane whose next entries it was not shown before', async () => {
    const { source, open } = outbox(['x1', 'x2', 'x3'], (key) => key.slice(0, 1));
    start(
      { ...source, next: async () => open.filter(({ id }) => id === open[0]?.id) },
      10,
      async () => undefined,
    );

    await waitFor('all to be sent', () => open.length === 0);
  });

  it('sends nothing again that could not be written down as sent, and writes that down once it can', async () => {
    const { source, open } = outbox(['a']);
    const sent: string[] = [];
    let full = true;
    const onFullDisk: OutboxSource = {
      ...source,
      done: async (ids) => {
        if (full) {
          full = false;
          throw new Error('disk is full');
        }
        await source.done(ids);
      },
    };
    start(onFullDisk, 10, async (key) => {
      sent.push(key);
    });
    await waitFor('it to be written down', () => open.length === 0);

    assert.deepEqual(sent, ['a']);
  });

  it('tells who waits for an entry once it was sent', async () => {
    const { source } = outbox(['a']);
    const sending = Promise.withResolvers<void>();
    let begun = false;
    start(source, 1, () => {
      begun = true;
      return sending.promise;
    });
    let told = false;
    const waiting = relay.sent('a', AbortSignal.timeout(5000)).then(() => {
      told = true;
    });
    await waitFor('the entry to be on its way', () => begun);
    assert.equal(told, false);
    sending.resolve();
    await waiting;
  });

  it('tells who asks between the sending of an entry and its being written down', async () => {
    const { source } = outbox(['a']);
    const writing = Promise.withResolvers<void>();
    let sent = false;
    const done = async (ids: readonly number[]): Promise<void> => {
      await writing.promise;
      await source.done(ids);
    };
    start({ ...source, done }, 1, async () => {
      sent = true;
    });
    await waitFor('the entry to be sent', () => sent);

    await relay.sent('a', AbortSignal.timeout(5000));

    writing.resolve();
  });
});
