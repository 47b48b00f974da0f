import assert from 'node:assert/strict';
import { hypervisorChecks } from '../../src/cli/checks/hypervisors.ts';
import { machineChecks } from '../../src/cli/checks/machines.ts';
import { parseMachineReport } from '../../src/cli/fleet/machine-report.ts';

const WELL = `@uptime
7200.42 7000.00
@load
0.42 0.30 0.20 1/100 1234
@memory
MemTotal:        3072000 kB
MemFree:          100000 kB
MemAvailable:    2048000 kB
@disk
Filesystem     1024-blocks    Used Available Capacity Mounted on
/dev/vda          10240000 5120000   5120000      50% /
/dev/vdb           8192000  512000   7680000       6% /data
@units
Id=olympusd.service
LoadState=loaded
ActiveState=active
NRestarts=1

Id=nats-server.service
LoadState=not-found
ActiveState=inactive
NRestarts=0
@failed
@cloud-init
/run/cloud-init
{
 "v1": {"datasource": "DataSourceNoCloud", "errors": []}
}
`;

/** The names of what is wrong when the answer is the good one with a change. */
function wrong(from: string | RegExp, to: string): string[] {
  const text = WELL.replace(from, to);
  assert.notEqual(text, WELL);
  return machineChecks({ host: 'athena', up: true, text })
    .filter((check) => !check.ok || check.warning)
    .map((check) => `${check.name}: ${check.what}`);
}

describe('what a machine says about itself', () => {
  it('is read whole', () => {
    assert.deepEqual(parseMachineReport(WELL), {
      units: [{ name: 'olympusd', state: 'active', restarts: 1 }],
      failedUnits: [],
      uptimeSeconds: 7200.42,
      load: 0.42,
      memory: { totalMib: 3000, availableMib: 2000 },
      disk: { totalMib: 10_000, freeMib: 5000 },
      data: { totalMib: 8000, freeMib: 7500 },
      cloudInit: 'done',
    });
  });

  it('is one good check when nothing is wrong', () => {
    assert.deepEqual(machineChecks({ host: 'athena', up: true, text: WELL }), [
      {
        name: 'athena',
        ok: true,
        what: 'up for 2 h, load 0.42, 2000 of 3000 MiB free, runs olympusd',
      },
    ]);
  });

  it('may be nothing at all', () => {
    assert.deepEqual(parseMachineReport(''), { units: [], failedUnits: [], cloudInit: 'absent' });
  });

  const WRONG: readonly [from: string | RegExp, to: string, found: RegExp][] = [
    ['ActiveState=active', 'ActiveState=failed', /^athena olympusd: is failed$/],
    ['NRestarts=1', 'NRestarts=17', /^athena olympusd: runs, and was started again 17 times$/],
    ['LoadState=loaded', 'LoadState=not-found', /^athena units: nothing of Olympus is installed/],
    ['@failed\n', '@failed\nx.service loaded failed failed X\n', /^athena x\.service: has failed$/],
    ['2048000 kB', '20480 kB', /^athena memory: only 20 of 3000 MiB is free$/],
    ['  5120000      50%', '   102400      99%', /^athena disk: only 100 of 10000 MiB is free$/],
    ['  7680000       6%', '    81920      99%', /^athena data disk: only 80 of 8000 MiB is free$/],
    [/\{[\s\S]*\}/, '', /^athena cloud-init: has not finished$/],
    [
      '"errors": []',
      '"errors": ["no datasource"]',
      /^athena cloud-init: finished with errors: no datasource$/,
    ],
  ];
  for (const [from, to, found] of WRONG) {
    it(`is judged: ${found.source.replaceAll(/[\\^$]/g, '')}`, () => {
      const [only = '', ...others] = wrong(from, to);

      assert.match(only, found);
      assert.deepEqual(others, []);
    });
  }

  it('cannot steer the terminal of whoever looks', () => {
    const [found = ''] = wrong('ActiveState=active', 'ActiveState=\u001b]0;mine\u0007failed');

    assert.equal(found, 'athena olympusd: is failed');
  });
});

describe('a machine that does not answer', () => {
  const absent = {
    host: 'athena',
    up: false as const,
    silent: true,
    what: 'athena cannot be reached.',
    remedy: 'Does it run?',
  };
  const hypervisor = (host: string, line: string) => ({
    host,
    up: true as const,
    text: `@tool\n/usr/bin/virsh\n@domains\n Id Name State\n---\n${line}\n\nexit 0\n`,
  });
  const silent = {
    host: 'r710',
    up: false as const,
    silent: true,
    what: 'r710 cannot be reached.',
    remedy: 'Does it run?',
  };

  it('is shut off, is starting, or was never made, as its hypervisor says', () => {
    const cases = [' -  athena  shut off', ' 1  athena  running', ' 1  hub  running'].map(
      (line) => machineChecks(absent, [hypervisor('r420', line)])[0],
    );

    assert.deepEqual(
      cases.map((check) => [check?.ok, check?.what]),
      [
        [false, 'is shut off on r420'],
        [false, 'runs on r420, but: athena cannot be reached.'],
        [true, 'is on no hypervisor: it was never made, or was destroyed'],
      ],
    );
  });

  it('is not explained away when somebody answers at its address', () => {
    const wrongKey = { ...absent, silent: false, what: 'athena shows another host key.' };

    assert.deepEqual(
      machineChecks(wrongKey, [hypervisor('r420', ' 1  hub  running')]).map(({ ok, what }) => [ok, what]),
      [[false, 'athena shows another host key.']],
    );
  });

  it('may be anywhere while a hypervisor does not answer', () => {
    const [check] = machineChecks(absent, [hypervisor('r420', ' 1  hub  running'), silent]);

    assert.deepEqual(check, { name: 'athena', ok: false, what: absent.what, remedy: absent.remedy });
  });
});

describe('what a hypervisor says about itself', () => {
  const answer = (tool: string, domains: string, more = '') => ({
    host: 'r420',
    up: true as const,
    text: `@tool\n${tool}\n@domains\n${domains}\n${more}`,
  });
  const BRIDGES =
    '@socket\n@bridges\n3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n';

  it('counts machines by state, and finds the bridge', () => {
    const domains = ' Id Name State\n---\n 1  a  running\n 2  b  running\n -  c  shut off\n\nexit 0';

    assert.deepEqual(
      hypervisorChecks(answer('/usr/bin/virsh', domains, BRIDGES), 'br0').map(({ what }) => what),
      ['libvirt answers: 2 running, 1 shut off', 'br0'],
    );
  });

  it('tells a missing libvirt from one that does not answer, and a missing bridge from one that is down', () => {
    const refused = 'error: failed to connect to the hypervisor\nerror: Failed to connect socket\nexit 1';
    const [none] = hypervisorChecks(answer('', 'virsh: not found\nexit 127', '@socket\n'));
    const [silent, missing] = hypervisorChecks(answer('/usr/bin/virsh', refused, BRIDGES), 'br7');
    const down = hypervisorChecks(answer('', '', BRIDGES.replace('UP,LOWER_UP', 'MULTI')), 'br0')[1];

    assert.match(none?.what ?? '', /^there is no libvirt$/);
    assert.match(silent?.what ?? '', /^libvirt does not answer: Failed to connect socket$/);
    assert.match(missing?.what ?? '', /^there is no bridge br7$/);
    assert.match(down?.what ?? '', /^br0 is down$/);
  });
});
