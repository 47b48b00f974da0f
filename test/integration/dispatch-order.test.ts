import assert from 'node:assert/strict';
import { AGEING_MS } from '#core/priority.ts';
import { systemClock } from '#lib/clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Store } from '../../src/control/store/store.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('the order in which tasks are released', () => {
  let dir: TempDir;
  let store: Store;
  beforeEach(async () => {
    dir = await tempDir('order');
    store = new Store({ stateDir: dir.path, clock: systemClock });
  });
  afterEach(async () => {
    await store.stop();
    await dir[Symbol.asyncDispose]();
  });

  /** Puts a task into the queue of athena; its text is its name. */
  async function queued(
    text: string,
    { by = 'ada', priority = 2, ageMs = 0, notBefore = NOW, state = 'queued' as 'queued' | 'running' } = {},
  ): Promise<void> {
    await store.transaction(async (tx) => {
      await tx.tasks.insert({
        id: text,
        dedupKey: text,
        agent: 'athena',
        domain: 'planning',
        text,
        requester: { id: by, name: by, kind: 'human' },
        depth: 0,
        priority,
        author: 'athena',
        conversation: undefined,
        deadline: NOW + 1e9,
        now: NOW - ageMs,
      });
      await tx.tasks.update(text, { state, reason: undefined, now: NOW, notBefore });
    });
  }
  const due = (limit = 10): Promise<string[]> => store.read.tasks.due('athena', NOW, limit);

  it('is the more urgent first, and the older first among equals', async () => {
    await queued('usual, new', { by: 'a' });
    await queued('usual, old', { by: 'b', ageMs: 1000 });
    await queued('background', { by: 'c', priority: 3, ageMs: 2000 });
    await queued('urgent', { by: 'd', priority: 0 });

    assert.deepEqual(await due(), ['urgent', 'usual, old', 'usual, new', 'background']);
    assert.deepEqual(await due(1), ['urgent']);
  });

  it('lets nothing wait for ever: one step more urgent for each ten minutes', async () => {
    await queued('urgent', { by: 'a', priority: 0 });
    await queued('background', { by: 'b', priority: 3, ageMs: 3 * AGEING_MS });

    assert.deepEqual(await due(), ['background', 'urgent']);
  });

  it('gives everybody a turn, however much one of them asks for', async () => {
    for (const number of [1, 2, 3]) await queued(`ada ${number}`, { ageMs: 9000 - number });
    await queued('bob', { by: 'bob' });

    assert.deepEqual(await due(), ['ada 1', 'bob', 'ada 2', 'ada 3']);
  });

  it('counts what is out as a turn taken', async () => {
    await queued('ada, at work', { ageMs: 9000, state: 'running' });
    await queued('ada, next', { ageMs: 8000 });
    await queued('bob', { by: 'bob' });

    assert.deepEqual(await due(), ['bob', 'ada, next']);
  });

  it('leaves out what is to wait', async () => {
    await queued('later', { notBefore: NOW + 1 });

    assert.deepEqual(await due(), []);
  });

  it('is that of all that wait, however few of them are asked for', async () => {
    // Three people, priorities and ages that cross: told by the whole queue, sorted as the rule says.
    const people = ['ada', 'bob', 'cy'];
    for (let index = 0; index < 60; index++) {
      await queued(`task ${String(index).padStart(2, '0')}`, {
        by: people[(index * 7) % 3] ?? '',
        priority: (index * 5) % 4,
        ageMs: ((index * 37) % 60) * 60_000,
        notBefore: index % 9 === 0 ? NOW + 1 : NOW,
      });
    }
    await queued('at work', { by: 'bob', state: 'running' });
    const all = await due(100);

    assert.equal(all.length, 53);
    for (const limit of [1, 2, 7, 30]) assert.deepEqual(await due(limit), all.slice(0, limit));
  });
});
