import assert from 'node:assert/strict';
import type { Harness, TurnProgress } from '#core/harness.ts';
import { noUsage } from '#core/usage.ts';
import { released, toldBy, workOf } from '#test/agent-work.ts';
import { ManualClock, settle } from '#test/manual-clock.ts';
import { tempDir } from '#test/temp-dir.ts';
import { Journal } from '../../src/agent/journal/journal.ts';
import { tellingOfTools } from '../../src/agent/parts/tool-events.ts';

describe('the tools that a run calls', () => {
  let clock: ManualClock;
  let began: number;
  /** When which was told, in milliseconds after the beginning. */
  let told: [number, string | undefined][];
  let errors: unknown[];
  /** What has to happen before a call counts as told. */
  let telling: () => Promise<void>;
  beforeEach(() => {
    clock = new ManualClock();
    began = clock.now();
    told = [];
    errors = [];
    telling = async () => undefined;
  });

  /** A turn that goes on until it is ended. */
  function turn() {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let call: (tool: string | undefined) => void = () => undefined;
    const ended = tellingOfTools(
      {
        clock,
        onError: (error) => errors.push(error),
        tell: async (tool) => {
          told.push([clock.now() - began, tool]);
          await telling();
        },
      },
      (called) => {
        call = called;
        return promise;
      },
    );
    const calls = async (...tools: (string | undefined)[]): Promise<void> => {
      for (const tool of tools) call(tool);
      await settle();
    };
    return { calls, ended, end: resolve, fail: reject };
  }

  it('are told of: the first at once, then the newest once a second, and again at once after a pause', async () => {
    const { calls, end, ended } = turn();
    await calls('read');
    assert.deepEqual(told, [[0, 'read']]);

    for (let time = 0; time < 25; time += 1) {
      await clock.advance(100);
      await calls(`exec ${time}`, `exec ${time} again`);
    }
    assert.deepEqual(told.slice(1), [
      [1000, 'exec 8 again'],
      [2000, 'exec 18 again'],
    ]);
    await clock.advance(500);
    assert.deepEqual(told.at(-1), [3000, 'exec 24 again'], 'the last of them is told without another');

    await clock.advance(100_000);
    assert.equal(told.length, 4);
    await calls(undefined);
    assert.deepEqual(told.at(-1), [103_000, undefined]);
    end('done');
    assert.equal(await ended, 'done');
    assert.deepEqual(errors, []);
  });

  it('are told of also when they come while another is being told', async () => {
    const first = Promise.withResolvers<void>();
    telling = () => first.promise;
    const { calls, end, ended } = turn();
    await calls('read');
    await calls('exec');
    telling = async () => undefined;
    first.resolve();
    await settle();
    assert.deepEqual(told, [[0, 'read']]);

    await clock.advance(1000);

    assert.deepEqual(told.at(-1), [1000, 'exec']);
    end('done');
    await ended;
  });

  it('leave nothing behind when the run ends, however it does', async () => {
    for (const how of ['end', 'fail'] as const) {
      told = [];
      const { calls, ended, ...ends } = turn();
      await calls('read');
      await calls('exec');
      ends[how](how);

      await (how === 'end' ? ended : assert.rejects(ended, (reason) => reason === 'fail'));

      assert.deepEqual(clock.waits, []);
      await clock.advance(10_000);
      assert.deepEqual(
        told.map(([, tool]) => tool),
        ['read'],
      );
      began = clock.now();
    }
  });

  it('are waited for at the end where one is being told', async () => {
    const writing = Promise.withResolvers<void>();
    telling = () => writing.promise;
    const { calls, end, ended } = turn();
    await calls('read');
    let over = false;
    void ended.then(() => {
      over = true;
    });
    end('done');
    await settle();
    assert.equal(over, false);

    writing.resolve();

    await ended;
  });

  it('are told of again after one could not be, and when the clock was set back', async () => {
    telling = () => Promise.reject(new Error('disk full'));
    const { calls, end, ended } = turn();
    await calls('read');
    assert.match(String(errors[0]), /disk full/);
    telling = async () => undefined;
    await calls('exec');
    assert.equal(told.length, 1, 'not before its second has passed');
    await clock.advance(1000);
    assert.deepEqual(told.at(-1), [1000, 'exec']);

    await clock.advance(-3_600_000);
    await calls('write');

    assert.equal(told.at(-1)?.[1], 'write');
    end('done');
    await ended;
  });

  it('go to the bus as one of hundreds', async () => {
    await using dir = await tempDir('tools');
    const journal = new Journal({ stateDir: dir.path, clock });
    const tool = (n: number): TurnProgress => ({ kind: 'tool', detail: `exec ${n}` });
    const harness: Harness = {
      health: () => ({ ready: true }),
      run: async ({ sessionKey }, onProgress) => {
        for (let n = 0; n < 300; n += 1) {
          onProgress(tool(n));
          await settle();
        }
        return { kind: 'answered', text: 'done', usage: noUsage, sessionKey };
      },
      abort: async () => undefined,
    };

    await workOf({ journal, clock, harness }).work(released('r-1').message, new AbortController().signal);

    assert.deepEqual(await toldBy(journal), ['r-1 started', 'r-1 tool exec 0', 'r-1 result']);
    await journal.stop();
  });
});
