import assert from 'node:assert/strict';
import { systemClock } from '#lib/clock.ts';
import { OneMachine } from './one-machine.ts';

const MINUTE_MS = 60_000;
const DIGEST = /prompt-digest: [0-9a-f]{64}/;

describe('one machine that is also the workstation', () => {
  let machine: OneMachine;
  before(async function () {
    this.timeout(10 * MINUTE_MS);
    machine = await OneMachine.start();
  });
  after(async function () {
    this.timeout(2 * MINUTE_MS);
    await machine?.[Symbol.asyncDispose]();
  });

  it('is set up by a local connection, on the NAT network of libvirt', async function () {
    this.timeout(45 * MINUTE_MS);
    const startedAt = systemClock.now();
    await machine.playbook('setup');
    process.stdout.write(`      set up after ${Math.round((systemClock.now() - startedAt) / 1000)} s\n`);

    const { steps, failures } = JSON.parse(await machine.olympus('plan', '--json')) as {
      steps: object[];
      failures: object[];
    };
    assert.deepEqual([steps, failures], [[], []]);
    assert.match(await machine.run('virsh domiflist athena'), /network\s+default\s+virtio/);
  });

  it('has its agent answer', async function () {
    this.timeout(20 * MINUTE_MS);
    assert.match(await machine.olympus('say', '--timeout', '1080', '@athena hello'), DIGEST);
  });

  it('takes a snapshot of an agent and goes back to it, with both of its disks', async () => {
    await machine.olympus('snapshot', 'create', 'before', '--machine', 'athena');
    await machine.inside('athena', 'touch /data/after /root/after && sync');
    await machine.olympus('snapshot', 'revert', 'before', '--machine', 'athena', '--yes');
    await machine.olympus('snapshot', 'delete', 'before', '--machine', 'athena');

    assert.equal(await machine.run('virsh domstate athena'), 'running');
    assert.equal(await machine.inside('athena', 'ls -d /data/after /root/after 2>/dev/null | wc -l'), '0');
  });

  it('keeps what its agent has when it gets a new root disk', async function () {
    this.timeout(60 * MINUTE_MS);
    const memory = '/data/openclaw/workspace/kept.md';
    await machine.inside(
      'athena',
      `echo remember >${memory} && chown openclaw: ${memory} && touch /root/lost && sync`,
    );

    await machine.olympus('apply', '--machine', 'athena', '--replace', 'athena');
    await machine.playbook('setup', '--limit', 'athena');

    assert.equal(
      await machine.inside('athena', `stat -c %U ${memory} && cat ${memory}`),
      'openclaw\nremember',
    );
    assert.equal(await machine.inside('athena', 'ls /root/lost 2>/dev/null | wc -l'), '0');
    assert.match(await machine.olympus('say', '--timeout', '1080', '@athena hello again'), DIGEST);
  });

  it('is left as it was found by reset.yml', async function () {
    this.timeout(10 * MINUTE_MS);
    await machine.playbook('reset', '-e', 'reset_confirm=olympus', '-e', 'vm_purge=true');

    assert.equal(await machine.run('virsh list --all --name'), '');
    assert.match(await machine.run('virsh net-list --name'), /^default$/m);
    assert.equal(await machine.run('ls /var/lib/olympus 2>/dev/null || true'), '');
  });
});
