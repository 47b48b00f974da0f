import assert from 'node:assert/strict';
import { BareFleet } from './bare-fleet.ts';

const MINUTE_MS = 60_000;
const MACHINES = ['hub', 'athena'] as const;
const DIGEST = /prompt-digest: [0-9a-f]{64}/;
/** What Debian leaves when it takes a package away: its user, and here and there a folder. */
const OF_DEBIAN = /polkit|\.\/etc\/((passwd|shadow|group|gshadow)-?|xml)( |$)/;

describe('machines of a plain Debian', function () {
  this.timeout(20 * MINUTE_MS);
  let fleet: BareFleet;
  const plain = new Map<string, string[]>();
  before(async () => {
    fleet = await BareFleet.start();
    for (const machine of MACHINES) plain.set(machine, await fleet.manifest(machine));
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
  });

  it('are set up, with the packages that they lack, and their agent answers', async () => {
    assert.equal(await fleet.on('athena', 'command -v ufw git pkaction || true'), '');

    const shown = await fleet.playbook('setup', '--check', '--tags', 'base');
    assert.match(shown, /git, polkitd, ufw, and what they need/);

    const output = await fleet.playbook('setup');

    assert.match(output, /^athena +: .*failed=0/m);
    assert.match(await fleet.on('athena', 'ufw status'), /Status: active/);
    assert.match(await fleet.olympus('say', '--timeout', '300', '@athena hello'), DIGEST);
  });

  it('change nothing when they are set up again', async () => {
    const output = await fleet.playbook('setup');

    for (const machine of MACHINES) assert.match(output, new RegExp(`^${machine} +: .*changed=0 `, 'm'));
  });

  it('are what they were after a reset, which then finds nothing to do', async () => {
    await reset();
    await assertAsBefore();
    const output = await reset();

    for (const machine of MACHINES) assert.match(output, new RegExp(`^${machine} +: .*changed=0 `, 'm'));
  });

  it('are what they were also where only a part was set up, and some of that is gone', async () => {
    await fleet.playbook('setup', '--tags', 'base,node_runtime,nats');
    await fleet.on(
      'hub',
      'rm -r /opt/olympus/nats /etc/systemd/system/nats-server.service /etc/ufw/user.rules',
    );

    await reset();
    await assertAsBefore();
  });

  function reset(): Promise<string> {
    return fleet.playbook('reset', '-e', 'reset_confirm=olympus', '-e', 'reset_inside=true');
  }

  async function assertAsBefore(): Promise<void> {
    for (const machine of MACHINES) {
      const now = await fleet.manifest(machine);
      const was = plain.get(machine) ?? [];
      const differences = [
        ...was.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
        ...now.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
      ];
      assert.deepEqual(
        differences.filter((line) => !OF_DEBIAN.test(line)),
        [],
        machine,
      );
      assert.doesNotMatch(
        await fleet.on(machine, 'cat /etc/passwd /etc/group'),
        /olympus|openclaw|nats/,
        `${machine} has a user of ours left`,
      );
    }
  }
});
