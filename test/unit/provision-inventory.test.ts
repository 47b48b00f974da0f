import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { readYaml } from '#lib/yaml.ts';
import { findingLine } from '#provision/inventory/finding.ts';
import { macOf } from '#provision/inventory/inventory.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import { roleVariables } from '#provision/inventory/role-variables.ts';
import { ROOT, writeSmallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const OPTIONS = { root: ROOT, alsoKnown: roleVariables(ROOT) };

type Edit = readonly [file: 'hosts.yml' | 'group_vars/all/main.yml', from: string | RegExp, to: string];

describe('an inventory', () => {
  let dir: TempDir;

  before(async () => {
    dir = await tempDir('inventory');
  });
  after(() => dir[Symbol.asyncDispose]());

  /** The findings of a small inventory after an edit, as they are printed, without the folder. */
  function findingsAfter(...edits: readonly Edit[]): string[] {
    const copy = path.join(dir.path, 'edited');
    rmSync(copy, { recursive: true, force: true });
    writeSmallFleet(copy);
    for (const [file, from, to] of edits) {
      const before = readFileSync(path.join(copy, file), 'utf8');
      const after = before.replace(from, to);
      assert.notEqual(after, before, `${from} is not in ${file}`);
      writeFileSync(path.join(copy, file), after);
    }
    return checkInventory(copy, OPTIONS).findings.map((finding) =>
      findingLine(finding).replace(`${copy}/`, ''),
    );
  }

  for (const name of ['example', 'lab', 'single']) {
    it(`of this project passes, with a persona for each of its agents: ${name}`, () => {
      const { inventory, findings } = checkInventory(path.join(ROOT, 'inventory', name), OPTIONS);

      assert.deepEqual(
        findings.filter(({ severity, message }) => severity === 'error' || message.includes('agent.yml')),
        [],
      );
      for (const machine of inventory?.machines ?? [])
        if (machine.group === 'agents')
          assert.equal(
            readYaml(path.join(ROOT, 'agents', machine.name, 'agent.yml'), Manifest).name,
            machine.name,
          );
      assert.equal(inventory?.machines.filter(({ group }) => group === 'hub').length, 1);
    });
  }

  it("gives the seed's fleet its sizes by profile", () => {
    const { inventory } = checkInventory(path.join(ROOT, 'inventory/example'), OPTIONS);
    const size = (name: string) => {
      const machine = inventory?.machines.find((each) => each.name === name);
      return machine && [machine.vcpus, machine.memoryMib, machine.diskGib];
    };

    assert.equal(inventory?.hypervisors.length, 5);
    assert.deepEqual(size('athena'), [4, 8192, 250]);
    assert.deepEqual(size('apollo'), [4, 16_384, 250]);
    assert.deepEqual(
      inventory?.hypervisors.reduce((sum, each) => sum + each.memoryMib / 1024, 0),
      416,
    );
  });

  it('makes a MAC address of the fleet and the name, always the same', () => {
    assert.equal(macOf('olympus', 'athena'), macOf('olympus', 'athena'));
    assert.match(macOf('olympus', 'athena'), /^52:54:00(:[0-9a-f]{2}){3}$/);
    assert.notEqual(macOf('olympus', 'athena'), macOf('other', 'athena'));
  });

  const MAIN = 'group_vars/all/main.yml';
  const STANDINS = 'standins_enabled: true';
  const ATHENA = 'athena: {host: r420, address: 10.220.1.50, vcpus: 1, memory_mib: 3072,';
  const WRONG: readonly [what: string, edits: readonly Edit[], finding: RegExp][] = [
    [
      'a mistyped field',
      [['hosts.yml', ATHENA, ATHENA.replace('memory_mib', 'memory_mb')]],
      /^hosts\.yml:13:58: athena\.memory_mb: there is no such field\. Did you mean memory_mib\?$/,
    ],
    [
      'a mistyped variable',
      [['group_vars/all/main.yml', 'network_dns', 'netwrk_dns']],
      /^group_vars\/all\/main\.yml:\d+:1: netwrk_dns: there is no such field\. Did you mean network_dns\?$/,
    ],
    [
      'a mistyped group',
      [['hosts.yml', /^agents:/m, 'agent:']],
      /^hosts\.yml:11:1: agent: there is no such group.* Did you mean agents\?$/,
    ],
    [
      'a word for a number',
      [['hosts.yml', 'memory_mib: 1536', 'memory_mib: 1.5G']],
      /^hosts\.yml:9:\d+: hub\.memory_mib: write a whole number of MiB of memory, such as 8192$/,
    ],
    [
      'a variable that is missing',
      [['group_vars/all/main.yml', /^hypervisor_user.*$/m, '']],
      /main\.yml:2:1: hypervisor_user: it is missing: write a text/,
    ],
    ['what is not YAML', [['hosts.yml', 'hub:\n', 'hub: [\n']], /^hosts\.yml:\d+:\d+: this is not YAML: /],
    [
      'chat on a hypervisor that there is not',
      [[MAIN, STANDINS, 'mattermost_host: r720']],
      /^group_vars\/all\/main\.yml:\d+:\d+: mattermost_host: there is no hypervisor r720, only r420, r720xd\. Did you mean r720xd\?$/,
    ],
    [
      'two kinds of chat',
      [[MAIN, STANDINS, `${STANDINS}\nmattermost_host: r720xd`]],
      /main\.yml:\d+:\d+: mattermost_host: chat is a stand-in here, because of standins_enabled/,
    ],
    [
      'chat on a hypervisor without systemd',
      [[MAIN, STANDINS, 'mattermost_host: r720xd\nhypervisor_has_systemd: false']],
      /main\.yml:\d+:\d+: mattermost_host: r720xd has no systemd/,
    ],
    [
      'chat whose presses would be refused',
      [[MAIN, STANDINS, 'mattermost_host: r720xd\nmattermost_addresses: [10.220.1.99]']],
      /main\.yml:\d+:\d+: mattermost_addresses: r720xd is 10\.220\.1\.10, which is not among these: .* Add it\.$/,
    ],
    ['a name given twice', [['hosts.yml', 'r720xd: {', 'r420: {']], /^hosts\.yml:5:5: .*unique/],
    [
      'one name in two groups',
      [['hosts.yml', '    apollo:', '    hub:']],
      /^hosts\.yml:14:5: hub\.name: hub is taken by the group hub already/,
    ],
    [
      'a duplicate address',
      [['hosts.yml', '10.220.1.51', '10.220.1.50']],
      /^hosts\.yml:16:16: apollo\.address: 10\.220\.1\.50 is taken by athena already/,
    ],
    [
      'the address of a hypervisor',
      [['hosts.yml', '10.220.1.51', '10.220.1.7']],
      /apollo\.address: 10\.220\.1\.7 is taken by r420 already/,
    ],
    [
      'a duplicate MAC address',
      [
        ['hosts.yml', 'address: 10.220.1.50', 'address: 10.220.1.50, mac: "52:54:00:00:00:01"'],
        ['hosts.yml', 'address: 10.220.1.20', 'address: 10.220.1.20, mac: "52:54:00:00:00:01"'],
      ],
      /athena\.mac: 52:54:00:00:00:01 is taken by hub already/,
    ],
    [
      'an address outside of the network',
      [['hosts.yml', '10.220.1.51', '10.22.1.51']],
      /apollo\.address: 10\.22\.1\.51 is not an address of a host in 10\.220\.1\.0\/24/,
    ],
    [
      'the broadcast address',
      [['hosts.yml', '10.220.1.51', '10.220.1.255']],
      /apollo\.address: 10\.220\.1\.255 is not an address of a host/,
    ],
    [
      "the gateway's address",
      [['group_vars/all/main.yml', 'network_dns', 'network_gateway: 10.220.1.51\nnetwork_dns']],
      /apollo\.address: 10\.220\.1\.51 is the network_gateway/,
    ],
    [
      'a network that begins in its middle',
      [['group_vars/all/main.yml', 'network_cidr: 10.220.1.0/24', 'network_cidr: 10.220.1.1/24']],
      /network_cidr: write a network with its length/,
    ],
    [
      'a hypervisor that is not there',
      [['hosts.yml', 'host: r720xd\n', 'host: r720\n']],
      /^hosts\.yml:15:13: apollo\.host: there is no hypervisor r720, only r420, r720xd\. Did you mean r720xd\?$/,
    ],
    [
      'a machine without a place',
      [['hosts.yml', '      host: r720xd\n', '']],
      /apollo\.host: the machine is not placed/,
    ],
    [
      'a machine without a size',
      [['hosts.yml', 'vcpus: 1, memory_mib: 3072, disk', 'disk']],
      /athena\.profile: nothing says how large/,
    ],
    [
      'a hub whose data disk is too small for the bus',
      [['hosts.yml', 'disk_gib: 10, data_gib: 8', 'disk_gib: 10, data_gib: 4']],
      /^hosts\.yml:9:\d+: hub\.data_gib: the bus may come to hold 3\.\d GiB on the data disk, .* write at least 7\.$/,
    ],
    [
      'an unknown profile',
      [['hosts.yml', 'vcpus: 1, memory_mib: 3072', 'profile: large']],
      /athena\.profile: write light, medium or heavy/,
    ],
    [
      'more memory than there is',
      [['hosts.yml', 'memory_mib: 1536', 'memory_mib: 4096']],
      /^hosts\.yml:5:\d+: r720xd\.memory_gib: hub, apollo want 7168 MiB of memory of r720xd, which has 6144\./,
    ],
    [
      'more disk than there is',
      [['hosts.yml', 'disk_gib: 40', 'disk_gib: 10']],
      /r420\.disk_gib: athena want 16 GiB/,
    ],
    [
      'more processors than there are',
      [['hosts.yml', 'vcpus: 1, memory_mib: 3072', 'vcpus: 9, memory_mib: 3072']],
      /r420\.vcpus: athena want 9 vCPUs \(overcommit 4\) of r420, which has 8\./,
    ],
    [
      'a name in capitals',
      [['hosts.yml', '    athena:', '    Athena:']],
      /Athena: a name begins with a letter/,
    ],
    ['a reserved name', [['hosts.yml', '    athena:', '    all:']], /all: this name is taken by Ansible/],
    [
      'a reserved fleet',
      [['group_vars/all/main.yml', 'fleet: olympus', 'fleet: knight']],
      /main\.yml:2:8: fleet: knight is reserved/,
    ],
    ['no hub', [['hosts.yml', /hub:\n {2}hosts:\n.*\n/, 'hub:\n']], /hub: there is no hub/],
    [
      'variables inside of a group',
      [['hosts.yml', 'agents:\n', 'agents:\n  vars: {fleet: other}\n']],
      /agents\.vars: only hosts may stand in the group agents/,
    ],
    [
      'an image without a name',
      [['group_vars/all/main.yml', /^vm_image_file.*$/m, '']],
      /name the base image by vm_image_file or by vm_image_manifest/,
    ],
  ];
  for (const [what, edits, finding] of WRONG) {
    it(`is refused for ${what}, with the place and what was meant`, () => {
      const findings = findingsAfter(...edits);

      assert.ok(
        findings.some((each) => finding.test(each)),
        `found: ${findings.join('\n') || 'nothing'}`,
      );
    });
  }

  it('names everything that is wrong at once', () => {
    const findings = findingsAfter(
      ['hosts.yml', 'memory_mib: 1536', 'memory_mib: many'],
      ['hosts.yml', '10.220.1.51', '10.220.1.50'],
      ['group_vars/all/main.yml', 'admin_network', 'admin_netwrk'],
      ['hosts.yml', '    athena:', '    Athena:'],
    );

    for (const part of ['hub.memory_mib', 'admin_netwrk', 'Athena']) {
      assert.ok(
        findings.some((each) => each.includes(part)),
        `${part} is not in ${findings.join('\n')}`,
      );
    }
  });

  it('takes variables of the roles, on hosts and for all', () => {
    const known = new Set(['role_variable']);
    const copy = path.join(dir.path, 'with-role-variable');
    writeSmallFleet(copy);
    writeFileSync(
      path.join(copy, 'hosts.yml'),
      readFileSync(path.join(copy, 'hosts.yml'), 'utf8').replace(
        'host: r420,',
        'host: r420, role_variable: 1,',
      ),
    );

    const { findings } = checkInventory(copy, {
      root: ROOT,
      alsoKnown: new Set([...OPTIONS.alsoKnown, ...known]),
    });

    assert.deepEqual(findings, []);
  });

  it('that is not there is said to be missing', () => {
    const { findings } = checkInventory(path.join(dir.path, 'nowhere'), OPTIONS);

    assert.match(findings.map(findingLine).join('\n'), /nowhere\/hosts\.yml:1:1: there is no such file\./);
  });
});
