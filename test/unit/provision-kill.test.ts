import assert from 'node:assert/strict';
import { machineFiles } from '#provision/machine/machine-spec.ts';
import { ProvisionBench } from '#test/provision/bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const FILES = machineFiles('athena');

describe('a provisioner that is killed', () => {
  let dir: TempDir;

  before(async () => {
    dir = await tempDir('kill');
  });
  after(() => dir[Symbol.asyncDispose]());

  /** What may go on when the provisioner is killed; each is done on a machine that was just made. */
  const CHANGES: readonly [what: string, prepare: (bench: ProvisionBench) => void, replace: string[]][] = [
    ['being made', () => undefined, []],
    ['getting more memory and disk', (each) => each.change({ memoryMib: 3500, diskGib: 14, dataGib: 5 }), []],
    ['getting another address', (each) => each.change({ address: '10.220.1.61' }), []],
    ['getting a new root disk', () => undefined, ['athena']],
  ];
  for (const [what, prepare, replace] of CHANGES) {
    for (const lastTakesEffect of [true, false]) {
      const when = lastTakesEffect ? 'after' : 'before';
      it(`is mended by the next call, killed ${when} any change of a machine that is ${what}`, async () => {
        for (let changes = 1; ; changes++) {
          const each = new ProvisionBench(dir.path);
          if (what !== 'being made') await each.apply();
          prepare(each);
          each.r420.killAfter = { changes, lastTakesEffect };
          const before = each.r420.calls.length;
          await each.apply({ replace });
          const wasKilled = each.r420.killAfter.changes <= 0;
          each.r420.killAfter = undefined;

          const [mended] = await each.apply({ replace: wasKilled ? replace : [] });
          assert.equal(
            mended?.failure,
            undefined,
            `killed at change ${changes}: ${each.r420.calls.slice(before)}`,
          );
          assert.equal(await each.kinds(), '', `after change ${changes}`);
          assert.equal((await each.r420.domain('athena'))?.state, 'running');
          assert.doesNotMatch(String(each.r420.files.get(FILES.seed)), /PRIVATE KEY/);
          assert.deepEqual(
            [...each.r420.files.keys()].filter((file) => file.startsWith(FILES.folder)).toSorted(),
            [FILES.data, FILES.ready, FILES.root, FILES.seed].toSorted(),
          );
          if (!wasKilled) return assert.ok(changes > 3, 'something was killed at all');
        }
      });
    }
  }
});
