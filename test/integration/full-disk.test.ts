import assert from 'node:assert/strict';
import path from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { Disks } from '#test/chaos/disks.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { Journal } from '../../src/agent/journal/journal.ts';

describe('a journal whose disk is full', () => {
  let dir: TempDir;
  let disks: Disks;
  let journal: Journal;
  let told = 0;
  const stateDir = () => path.join(dir.path, 'state');
  before(async function () {
    dir = await tempDir('full-disk');
    disks = new Disks();
    await disks.mount(stateDir());
    if (disks.missing) this.skip();
    journal = new Journal({ stateDir: stateDir(), clock: systemClock, onWritable: () => void told++ });
    await journal.start();
  });
  after(async () => {
    await journal?.stop();
    await disks[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  it('is not ready, says why, and tells once when it can be written again', async () => {
    const write = (n: number) =>
      journal.transaction(() =>
        journal.outbox.addBus(`key ${n}`, { subject: 'x', msgId: `m${n}`, body: 'x'.repeat(100_000) }),
      );
    await write(0);
    assert.deepEqual([journal.writable, told], [true, 0]);
    await disks.fill(stateDir());

    await waitFor(
      'the disk to be full',
      () =>
        write(1).then(
          () => false,
          () => !journal.writable,
        ),
      { everyMs: 0 },
    );
    const { ready, reason } = journal.health();
    assert.equal(ready, false);
    assert.match(reason ?? '', /^the journal cannot be written: .*full/);

    await disks.free(stateDir());
    await waitFor('it to be writable', () => journal.writable && told > 0);
    await write(2);
    assert.deepEqual([journal.writable, told], [true, 1]);
  });
});
