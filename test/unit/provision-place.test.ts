import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { readInventory } from '#provision/inventory/read-inventory.ts';
import { agentsMore, shortfallOf } from '#provision/place/growth.ts';
import { type Load, lacking, loadsOf, type Size } from '#provision/place/load.ts';
import { place, type Wanting } from '#provision/place/place.ts';
import { runCli } from '#test/cli-here.ts';
import { ROOT, writeSmallFleet } from '#test/provision/small-fleet.ts';
import { PlaceOutput } from '../../src/cli/plan-output.ts';

const MEDIUM: Size = { memoryMib: 16_384, diskGib: 270, vcpus: 4 };

function load(host: string, total: Size): Load {
  return { host, total, taken: { memoryMib: 0, diskGib: 0, vcpus: 0 }, machines: [] };
}

function wanting(name: string, size = MEDIUM, apart: Readonly<Record<string, string>> = {}): Wanting {
  return { name, size, apart: new Map(Object.entries(apart)) };
}

const LARGE = load('large', { memoryMib: 131_072, diskGib: 850, vcpus: 96 });
const SMALL = load('small', { memoryMib: 32_768, diskGib: 850, vcpus: 32 });

describe('placement', () => {
  it('takes the hypervisor of which the scarcest is taken least then', () => {
    const { placements } = place([SMALL, LARGE], [wanting('a'), wanting('b'), wanting('c')]);

    assert.deepEqual(
      placements.map(({ machine, host, scarce }) => [machine, host, scarce]),
      [
        ['a', 'large', 'diskGib'],
        ['b', 'small', 'memoryMib'],
        ['c', 'large', 'diskGib'],
      ],
    );
  });

  it('keeps apart who is to be apart, also where another place is better, and says whom it could not', () => {
    const both = { a: 'both of security', b: 'both of security' };
    const { placements } = place([SMALL, LARGE], [wanting('a'), wanting('b', MEDIUM, both)]);
    assert.deepEqual(
      placements.map(({ host }) => host),
      ['large', 'small'],
    );
    const [, beside] = place([LARGE], [wanting('a'), wanting('b', MEDIUM, both)]).placements;
    assert.deepEqual(beside?.beside, [{ machine: 'a', why: 'both of security' }]);
  });

  it('says what others have too little of', () => {
    const [placement] = place([SMALL, LARGE], [wanting('a', { ...MEDIUM, memoryMib: 65_536 })]).placements;
    assert.deepEqual(placement?.others, [{ host: 'small', share: 2, lacking: ['memoryMib'], beside: [] }]);
  });

  it('never promises more than there is, and leaves out only what fits nowhere', () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      const random = randomOf(seed);
      const loads = Array.from({ length: 1 + random(5) }, (_, index) =>
        load(`h${index}`, { memoryMib: 1 + random(100), diskGib: 1 + random(100), vcpus: 1 + random(100) }),
      );
      const machines = Array.from({ length: random(30) }, (_, index) =>
        wanting(`m${index}`, {
          memoryMib: 1 + random(30),
          diskGib: 1 + random(30),
          vcpus: 1 + random(30),
        }),
      );
      const { placements, unplaceable, loads: after } = place(loads, machines);
      assert.equal(placements.length + unplaceable.length, machines.length);
      for (const each of after) assert.deepEqual(lacking(each, { memoryMib: 0, diskGib: 0, vcpus: 0 }), []);
      for (const each of unplaceable) {
        for (const host of after) assert.notDeepEqual(lacking(host, each.size), [], `seed ${seed}`);
      }
      assert.deepEqual(place(loads, machines.toReversed()).placements, placements, 'in whatever order');
    }
  });

  it('counts what is missing for the seed fleet of 25 agents', () => {
    const { hypervisors, machines, variables } = readInventory(path.join(ROOT, 'inventory/example'), {
      root: ROOT,
      alsoKnown: new Set(),
    });
    const loads = loadsOf(hypervisors, machines, variables.hypervisor_vcpu_overcommit);
    const more = agentsMore(machines, 25, MEDIUM);
    assert.equal(more.length, 17);
    assert.equal(more[0]?.name, 'agent-09');

    const shortfall = shortfallOf(place(loads, more));

    assert.deepEqual([shortfall?.machines, shortfall?.hypervisorsMore, shortfall?.like], [12, 4, 'r720xd']);
    assert.deepEqual(shortfall?.wanted, { memoryMib: 12 * 16_384, diskGib: 12 * 270, vcpus: 48 });
    assert.equal(shortfallOf(place(loads, agentsMore(machines, 13, MEDIUM))), undefined);
    const giants = place(loads, [wanting('giant', { ...MEDIUM, memoryMib: 10 ** 6 })]);
    assert.equal(shortfallOf(giants)?.hypervisorsMore, undefined);
  });
});

describe('olympus plan --place', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'olympus-place-'));
    writeSmallFleet(dir);
    const file = path.join(dir, 'hosts.yml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('athena: {host: r420, ', 'athena: {'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('proposes the lines to write, says why, and shows what is taken', async () => {
    const { code, stdout } = await runCli(['plan', '--place', '--inventory', dir]);

    assert.equal(code, 0);
    assert.match(stdout, /^To write into hosts\.yml:\n {2}athena: host: r420\n/);
    assert.match(stdout, /^athena on r420: 75 % of memory taken then \(r720xd has too little memory\)$/m);
    assert.match(stdout, /^r720xd +5 of 6 \(75 %\) +34 of 60 \(57 %\) +2 of 8 \(25 %\) +hub, apollo$/m);
  });

  it('ends with 1 where a machine fits nowhere, also for scripts', async () => {
    const args = ['plan', '--agents', '3', '--profile', 'heavy', '--inventory', dir];
    const { code, stdout } = await runCli([...args, '--json']);

    assert.equal(code, 1);
    const { placements, unplaceable, shortfall } = z
      .strictObject(PlaceOutput.shape)
      .parse(JSON.parse(stdout));
    assert.equal(placements[0]?.machine, 'athena');
    assert.equal(unplaceable[0]?.machine, 'agent-03');
    assert.equal(shortfall?.machines, 1);
    assert.match((await runCli(args)).stdout, /One does not fit: wanted are 8 vCPUs, 32 GiB of memory/);
  });

  it('refuses what does not go together, and numbers that are none', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await runCli(['plan', '--inventory', dir, ...args]);
      assert.equal(code, 2);
      return stderr;
    };
    assert.match(await refused('--place', '--machine', 'athena'), /cannot be used with option '--machine/);
    assert.match(await refused('--agents', 'many'), /Write a number from 1 to 1000/);
    assert.match(await refused('--agents', '5', '--profile', 'huge'), /Allowed choices are light, medium/);
  });
});

/** Numbers below a limit, the same for the same seed (a linear congruential generator). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}
