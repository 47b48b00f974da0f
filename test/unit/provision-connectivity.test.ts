import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { knocksOf, openingsOf } from '#provision/connectivity/openings.ts';
import { readConnectivity } from '#provision/connectivity/table.ts';
import { findingLine } from '#provision/inventory/finding.ts';
import type { Inventory } from '#provision/inventory/inventory.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import { ROOT, smallFleet, writeSmallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

describe('the table of who may reach whom', () => {
  let dir: TempDir;
  let fleet: Inventory;
  before(async () => {
    dir = await tempDir('connectivity');
    fleet = smallFleet();
  });
  after(() => dir[Symbol.asyncDispose]());

  function machine(name: string, of = fleet) {
    const found = of.machines.find((each) => each.name === name);
    assert.ok(found);
    return found;
  }

  function opened(name: string, of = fleet): string[] {
    return openingsOf(machine(name, of), of).map(({ port, from }) => `${port} ${from}`);
  }

  function read(rules: string) {
    const file = path.join(dir.path, 'connectivity.yml');
    writeFileSync(file, rules);
    const { findings, ...rest } = readConnectivity(file);
    return { ...rest, lines: findings.map((each) => findingLine(each).replace(`${dir.path}/`, '')) };
  }

  it('opens what the fleet has, and to whom', () => {
    assert.deepEqual(opened('hub'), [
      '22 0.0.0.0/0',
      '4222 10.220.1.0/24',
      '8090 10.220.1.0/24',
      '8065 10.220.1.0/24',
    ]);
    assert.deepEqual(opened('athena'), ['22 0.0.0.0/0']);
  });

  it('opens a dashboard where it listens, and chat where its stand-in is', () => {
    const without = {
      ...fleet,
      variables: { ...fleet.variables, standins_enabled: false, admin_network: '192.168.7.0/24' },
    };
    const lan = {
      ...without,
      machines: without.machines.map((each) => ({ ...each, openclawBind: 'lan' as const })),
    };

    assert.deepEqual(opened('hub', without), [
      '22 0.0.0.0/0',
      '4222 10.220.1.0/24',
      '8090 10.220.1.0/24',
      '8090 192.168.7.0/24',
    ]);
    assert.deepEqual(opened('athena', lan), ['22 0.0.0.0/0', '18789 192.168.7.0/24']);
  });

  it('lets a chat server tell of presses, from where nothing else lets it in already', () => {
    const chat = ['10.220.1.10', '192.0.2.7'];
    const elsewhere = { ...fleet, variables: { ...fleet.variables, mattermost_addresses: chat } };

    assert.deepEqual(opened('hub', elsewhere), [
      '22 0.0.0.0/0',
      '4222 10.220.1.0/24',
      '8090 10.220.1.0/24',
      '8090 192.0.2.7/32',
      '8065 10.220.1.0/24',
    ]);
  });

  it('names the addresses of machines', () => {
    const { rules } = read(`rules:
  - {service: ssh, to: machines, port: 22, from: [admins]}
  - {service: bus, to: hub, port: 4222, from: [agents, machines]}
`);
    const own = { ...fleet, connectivity: rules };

    assert.deepEqual(opened('hub', own), [
      '22 10.220.1.0/24',
      '4222 10.220.1.50/32',
      '4222 10.220.1.51/32',
      '4222 10.220.1.20/32',
    ]);
    const [atHub] = knocksOf(machine('athena', own), own);
    assert.deepEqual(atHub?.open, [22, 4222]);
  });

  it('has every machine knock at every other one, at ten closed ports or more', () => {
    for (const each of fleet.machines) {
      const knocks = knocksOf(each, fleet);
      assert.deepEqual(
        knocks.map((other) => other.machine),
        fleet.machines.filter(({ name }) => name !== each.name).map(({ name }) => name),
      );
      for (const { open, closed } of knocks) {
        assert.ok(open.includes(22) && closed.length >= 10, JSON.stringify(closed));
        assert.deepEqual(
          open.filter((port) => closed.includes(port)),
          [],
        );
      }
    }
    const elsewhere = { ...fleet, variables: { ...fleet.variables, admin_network: '192.168.7.0/24' } };
    const lan = {
      ...elsewhere,
      machines: elsewhere.machines.map((each) => ({ ...each, openclawBind: 'lan' as const })),
    };
    const atApollo = knocksOf(machine('athena', lan), lan).find((each) => each.machine === 'apollo');
    assert.ok(atApollo?.closed.includes(18_789), 'a dashboard that is open to others only');
  });

  it('has the ports at which the services listen', () => {
    const ports = parse(readFileSync(path.join(ROOT, 'ansible/group_vars/all.yml'), 'utf8'));
    const services = new Map(fleet.connectivity.map(({ service, port }) => [service, port]));

    assert.deepEqual(Object.fromEntries(services), {
      ssh: 22,
      bus: ports['olympus_nats_port'],
      api: ports['olympus_api_port'],
      chat: ports['olympus_chat_port'],
      dashboard: ports['olympus_openclaw_port'],
    });
  });

  it('says what is wrong with it, where, and what to write', () => {
    const ssh = '  - {service: ssh, to: machines, port: 22, from: [anyone]}\n';
    const lines = (rule: string) => read(`rules:\n${ssh}${rule}`).lines.join('\n');

    assert.equal(
      lines('  - {service: bus, to: hub, port: 4222, form: [network]}\n'),
      'connectivity.yml:3:41: rules[1].form: there is no such field. Did you mean from?',
    );
    assert.equal(
      lines('  - {service: bus, to: hubs, port: 0, from: [everyone]}\n'),
      `connectivity.yml:3:24: rules[1].to: write hub, agents, machines
connectivity.yml:3:36: rules[1].port: write a TCP port, such as 22
connectivity.yml:3:46: rules[1].from.0: write one of anyone, admins, network, chat, hub, agents, machines`,
    );
    assert.match(
      lines('  - {service: bus, to: hub, port: 4222, from: []}\n'),
      /name somebody, or leave the rule out$/,
    );
    assert.match(read('rules: none\n').lines.join(), /^connectivity\.yml:1:8: rules: write a list of rules$/);
    assert.match(read('').lines.join(), /rules: it is missing: write a list of rules$/);
    assert.match(read('rules: [').lines.join(), /this is not YAML/);
  });

  it('refuses to lock everybody out', () => {
    for (const rule of [
      'to: agents, port: 22, from: [admins]',
      'to: machines, port: 22, from: [hub]',
      'to: machines, port: 2222, from: [anyone]',
    ])
      assert.match(
        read(`rules:\n  - {service: ssh, ${rule}}\n`).lines.join(),
        /nobody could get in any more/,
        rule,
      );
    assert.deepEqual(
      read(
        'rules:\n  - {service: ssh, to: hub, port: 22, from: [admins]}\n  - {service: ssh, to: agents, port: 22, from: [admins]}\n',
      ).lines,
      [],
    );
  });

  it('may lie beside an inventory that is not of this folder', () => {
    const inventory = path.join(dir.path, 'own');
    writeSmallFleet(inventory);
    read('rules:\n  - {service: ssh, to: machines, port: 22, from: [admins]}\n');

    const { inventory: checked } = checkInventory(inventory, { root: ROOT, alsoKnown: new Set() });
    assert.deepEqual(
      checked?.connectivity.map(({ service }) => service),
      ['ssh'],
    );

    read('rules:\n  - {service: ssh}\n');
    const { findings } = checkInventory(inventory, { root: ROOT, alsoKnown: new Set() });
    assert.ok(findings.some(({ file }) => file.endsWith('connectivity.yml')));
  });
});
