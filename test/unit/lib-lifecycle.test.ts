import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Lifecycle, type Part } from '#lib/lifecycle.ts';
import { createLogger } from '#lib/log.ts';
import { settle } from '../support/manual-clock.ts';

const silent = createLogger({ name: 'test', level: 'silent' });

/** Parts that write down what is done to them. */
function recorder() {
  const calls: string[] = [];
  const part = (name: string, overrides: Partial<Part> = {}): Part => ({
    name,
    async start() {
      calls.push(`start ${name}`);
    },
    async quiesce() {
      calls.push(`quiesce ${name}`);
    },
    async stop() {
      calls.push(`stop ${name}`);
    },
    health: () => ({ live: true, ready: name !== 'b', ...(name === 'b' && { reason: 'its peer is away' }) }),
    ...overrides,
  });
  return { calls, part };
}

describe('a lifecycle', () => {
  it('starts parts in order and stops them in reverse, in two waves', async () => {
    const { calls, part } = recorder();
    const lifecycle = new Lifecycle([part('a'), part('b'), part('c')], silent);

    await lifecycle.start();
    assert.equal(lifecycle.state, 'running');
    await lifecycle.stop(1000);

    assert.equal(lifecycle.state, 'stopped');
    assert.deepEqual(calls, [
      ...['start a', 'start b', 'start c'],
      ...['quiesce c', 'quiesce b', 'quiesce a'],
      ...['stop c', 'stop b', 'stop a'],
    ]);
  });

  it('waits for each part before it starts the next', async () => {
    const { calls, part } = recorder();
    const gate = Promise.withResolvers<void>();
    const lifecycle = new Lifecycle([part('a', { start: () => gate.promise }), part('b')], silent);

    const starting = lifecycle.start();
    await settle();
    assert.deepEqual([lifecycle.state, calls], ['starting', []]);

    gate.resolve();
    await starting;
    assert.deepEqual(calls, ['start b']);
  });

  it('stops what it started, and the part that failed, when a part cannot start', async () => {
    const { calls, part } = recorder();
    const failure = new Error('port 8080 is in use');
    const lifecycle = new Lifecycle(
      [part('a'), part('b', { start: () => Promise.reject(failure) }), part('c')],
      silent,
    );

    await assert.rejects(lifecycle.start(), failure);

    assert.deepEqual(calls, ['start a', 'stop b', 'stop a']);
    assert.equal(lifecycle.state, 'failed');
    await lifecycle.stop(1000);
    assert.deepEqual(calls, ['start a', 'stop b', 'stop a']);
  });

  it('gives every caller of start and of stop the one real outcome', async () => {
    const { calls, part } = recorder();
    const gate = Promise.withResolvers<void>();
    const lifecycle = new Lifecycle([part('a', { stop: () => gate.promise })], silent);
    await Promise.all([lifecycle.start(), lifecycle.start()]);
    let secondStopEnded = false;

    const first = lifecycle.stop(1000);
    const second = lifecycle.stop(1000).then(() => {
      secondStopEnded = true;
    });
    await settle();
    assert.equal(secondStopEnded, false);

    gate.resolve();
    await Promise.all([first, second]);
    assert.deepEqual(calls, ['start a', 'quiesce a']);
  });

  it('ends a start under way when it is stopped', async () => {
    const { calls, part } = recorder();
    const untilAborted = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const lifecycle = new Lifecycle([part('a'), part('b', { start: untilAborted }), part('c')], silent);
    const starting = lifecycle.start();
    starting.catch(() => undefined);
    await settle();

    await lifecycle.stop(1000);

    await assert.rejects(starting, /stopped during start/);
    assert.deepEqual(calls, ['start a', 'stop b', 'stop a']);
    assert.equal(lifecycle.state, 'stopped');
  });

  it('does not wait for ever for a start that ignores its signal, and starts nothing after it', async () => {
    const { calls, part } = recorder();
    const gate = Promise.withResolvers<void>();
    const lifecycle = new Lifecycle([part('a'), part('b', { start: () => gate.promise }), part('c')], silent);
    const starting = lifecycle.start();
    starting.catch(() => undefined);
    await settle();

    await lifecycle.stop(50);
    assert.ok(calls.includes('stop a'));

    gate.resolve();
    await assert.rejects(starting, /stopped during start/);
    assert.ok(!calls.includes('start c'));
    assert.equal(calls.filter((call) => call === 'stop a').length, 1);
  });

  it('stops the rest when a part fails to stop', async () => {
    const { calls, part } = recorder();
    const lifecycle = new Lifecycle(
      [part('a'), part('b', { stop: () => Promise.reject(new Error('disk full')) })],
      silent,
    );
    await lifecycle.start();

    await lifecycle.stop(1000);

    assert.ok(calls.includes('stop a'));
    assert.equal(lifecycle.state, 'stopped');
  });

  it('lets parts that never stop have one deadline together, not one each', async () => {
    const { calls, part } = recorder();
    const deadlines = new Set<AbortSignal>();
    const wasOver: boolean[] = [];
    const never = {
      stop: (deadline: AbortSignal) => {
        deadlines.add(deadline);
        wasOver.push(deadline.aborted);
        return new Promise<void>(() => undefined);
      },
    };
    const lifecycle = new Lifecycle([part('a'), part('b', never), part('c', never)], silent);
    await lifecycle.start();

    await lifecycle.stop(300);

    assert.ok(calls.includes('stop a'));
    assert.deepEqual([deadlines.size, wasOver], [1, [false, true]], 'the second had none of its own');
  });

  it('tells a part through its signal that the time for stopping is over', async () => {
    const { part } = recorder();
    let told = false;
    const stop = async (signal: AbortSignal): Promise<void> => {
      await delay(5000, undefined, { signal }).catch(() => undefined);
      told = signal.aborted;
    };
    const lifecycle = new Lifecycle([part('a', { stop })], silent);
    await lifecycle.start();

    await lifecycle.stop(30);

    assert.equal(told, true);
  });

  it('can be stopped without having been started, and then does not start', async () => {
    const { calls, part } = recorder();
    const lifecycle = new Lifecycle([part('a')], silent);

    await lifecycle.stop(1000);

    await assert.rejects(lifecycle.start(), /stopped during start/);
    assert.deepEqual(calls, []);
  });

  it('shows the health of every part by name', () => {
    const { part } = recorder();

    assert.deepEqual(new Lifecycle([part('a'), part('b')], silent).health(), [
      { name: 'a', live: true, ready: true },
      { name: 'b', live: true, ready: false, reason: 'its peer is away' },
    ]);
  });
});
