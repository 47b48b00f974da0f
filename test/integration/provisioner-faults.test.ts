import assert from 'node:assert/strict';
import { FAULTS } from '#test/provision/faults.ts';
import { RealBench } from '#test/provision/real-bench.ts';
import { waitFor } from '#test/wait.ts';

const patience = { timeoutMs: 30_000, everyMs: 300 };

describe('what is wrong with machines', function () {
  this.timeout(120_000);
  let bench: RealBench;
  let knownHosts: string;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bench = await RealBench.start();
    knownHosts = bench.knownHosts;
  });
  after(() => bench?.[Symbol.asyncDispose]());

  for (const {
    what,
    cause,
    mend,
    made,
    call = ['apply', '--machine', 'athena'],
    says,
    code: wanted = 1,
  } of FAULTS) {
    it(`is said in the first ten lines, with exit code ${wanted}: ${what}`, async () => {
      await bench.clear();
      bench.writeInventory();
      if (made) await bench.olympus('apply', '--machine', 'athena');
      await cause(bench);
      try {
        const { code, stdout, stderr } = await bench.olympus(...call);

        const lines = stderr.split('\n').slice(0, 10).join(' ').replaceAll(/\s+/g, ' ');
        assert.match(lines, says, stdout + stderr);
        assert.equal(code, wanted);
        assert.doesNotMatch(stderr, /\n {4}at /, 'a stack trace');
      } finally {
        await mend?.(bench);
        bench.knownHosts = knownHosts;
      }
    });
  }

  it('is over once it is mended: the next call goes on', async () => {
    await bench.clear();
    bench.writeInventory();
    const { stderr } = await bench.olympus('apply', '--machine', 'athena');

    assert.match(stderr, /^olympus: athena did not come up: it stopped at the phase address/);
    assert.equal(await bench.on('virsh domstate athena'), 'running');
  });

  it('is no fault that somebody else works there: who waits is told, also where nobody watches', async () => {
    await bench.clear();
    bench.writeInventory();
    const held = bench.on(
      'exec 9</var/lib/olympus && flock 9 && touch /root/held && until [ -e /root/go ]; do sleep 0.1; done',
    );
    await waitFor('somebody to work there', () => bench.on('ls /root/held'), patience);
    const called = bench.olympus('apply', '--machine', 'athena');
    await waitFor('the call to wait', () => bench.on('pgrep -x flock'), patience);
    assert.equal(await bench.on('virsh list --all --name'), '');

    await bench.on('touch /root/go');

    await held;
    assert.match((await called).stderr, /r420: is being worked on by .*; waits for it/);
    assert.equal(await bench.on('virsh domstate athena'), 'running');
  });
});
