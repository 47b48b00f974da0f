import assert from 'node:assert/strict';
import { systemClock } from '#lib/clock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { Store } from '../../src/control/store/store.ts';

describe('the chain of the record', () => {
  let dir: TempDir;
  let store: Store;
  beforeEach(async () => {
    dir = await tempDir('chain');
    store = new Store({ stateDir: dir.path, clock: systemClock });
  });
  afterEach(async () => {
    await store.stop();
    await dir[Symbol.asyncDispose]();
  });

  const changed = (why: string, then: () => void = () => undefined, on = store): Promise<void> =>
    on.transaction(async (tx) => {
      await tx.audit.add({
        at: 0,
        who: 'control',
        what: 'drain',
        entity: 'agent',
        entityId: 'athena',
        state: 'draining',
        why,
      });
      then();
    });
  const reasons = async (): Promise<(string | undefined)[]> =>
    (await store.read.audit.after(0, 100)).map(({ why }) => why);

  it('goes on from what is there after a record was taken back with its transaction', async () => {
    await changed('first');
    const undo = (): never => {
      throw new Error('taken back');
    };
    const outcomes = await Promise.allSettled([changed('second'), changed('none', undo), changed('third')]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );

    assert.deepEqual(await reasons(), ['first', 'second', 'third']);
    assert.equal((await store.read.audit.verify()).kind, 'whole');
  });

  it('takes no record twice when another process has written, and is right the next time', async () => {
    await changed('ours');
    const other = new Store({ stateDir: dir.path, clock: systemClock });
    await changed('theirs', undefined, other);
    await other.stop();

    await assert.rejects(changed('lost'), /UNIQUE constraint failed: audit.seq/);
    await changed('ours again');
    assert.deepEqual(await reasons(), ['ours', 'theirs', 'ours again']);
    assert.equal((await store.read.audit.verify()).kind, 'whole');
  });
});
