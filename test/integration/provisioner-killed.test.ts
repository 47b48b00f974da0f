import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { applyFleet } from '#provision/apply/apply.ts';
import { destroyMachines } from '#provision/apply/destroy.ts';
import type { Fleet } from '#provision/apply/fleet.ts';
import type { Machine } from '#provision/inventory/inventory.ts';
import { MACHINES } from '#provision/machine/machine-spec.ts';
import { hurriedClock } from '#test/hurried-clock.ts';
import { BareFleet } from '#test/provision/bare-fleet.ts';
import { doWork, type Killed, type Work } from '#test/provision/killed.ts';

/** `OLYMPUS_KILLS=all` kills before every change and while each is under way; otherwise some of them. */
const ALL = process.env['OLYMPUS_KILLS'] === 'all';
const PROGRAM = path.resolve(import.meta.dirname, '../support/provision/killed.ts');
const WHENS: readonly Killed['when'][] = ALL ? ['before', 'sent'] : ['sent'];
const EVERY = ALL ? 1 : 6;

const LARGER = { memoryMib: 96, vcpus: 2, diskGib: 3, dataGib: 2 };

/** What is killed, from what to what. */
const CASES: readonly {
  readonly what: string;
  readonly before: readonly Work[];
  readonly work: Work;
  readonly change?: Partial<Machine>;
  readonly ends: 'there' | 'gone';
}[] = [
  { what: 'made', before: [], work: 'apply', ends: 'there' },
  { what: 'given another size', before: ['apply'], work: 'apply', change: LARGER, ends: 'there' },
  { what: 'given a new root disk', before: ['apply'], work: 'replace', ends: 'there' },
  { what: 'destroyed', before: ['apply'], work: 'destroy', ends: 'gone' },
  { what: 'brought back', before: ['apply', 'destroy'], work: 'undo', ends: 'there' },
];

describe('a provisioner that gets SIGKILL, on a real hypervisor', function () {
  this.timeout(ALL ? 1_800_000 : 300_000);
  let bare: BareFleet;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // It consists of namespaces, which take root.
    bare = await BareFleet.start(1);
  });
  after(() => bare?.[Symbol.asyncDispose]());

  for (const { what, before: first, work, change, ends } of CASES) {
    it(`is mended by the next call while a machine is ${what}, and nothing is left over`, async () => {
      const [host] = bare.hosts;
      assert.ok(host);
      const machines = bare.machines(1, 1);
      const wanted = machines.map((each) => ({ ...each, ...change }));
      const plain = await bare.fleet(wanted);
      const names = machines.map(({ name }) => name);
      let kills = 0;
      for (const when of WHENS) {
        for (let at = 1; ; at += EVERY) {
          const fleet = { ...plain, clock: hurriedClock() };
          await destroyMachines(fleet, { machines: names, purge: true });
          for (const each of first) await doWork(await bare.fleet(machines), each);
          const given = {
            stateDir: bare.stateDir,
            hosts: bare.hosts,
            machines: wanted,
            work,
            change: at,
            when,
          };
          if (!(await isKilled(given))) break;
          kills += 1;

          await again(fleet, work);
          const told = `killed ${when === 'sent' ? 'in' : 'before'} change ${at}`;
          const files = await bare.on(host, `cd ${MACHINES} && find . -type f | sort | xargs`);
          const domains = await bare.on(host, 'virsh list --name | xargs');
          if (ends === 'gone') {
            assert.match(files, /^(\.\/\.trash\/m1\/\S+ ?)+$/, `${told}: ${files}`);
            assert.ok(
              ['data.qcow2', 'root.qcow2', 'destroyed.json'].every((file) => files.includes(file)),
              `${told}: ${files}`,
            );
            assert.equal(await bare.on(host, 'virsh list --all --name | xargs'), '', told);
            continue;
          }
          assert.equal(domains, 'm1', told);
          assert.equal(
            files,
            './m1/console.log ./m1/data.qcow2 ./m1/ready ./m1/root.qcow2 ./m1/seed.iso',
            told,
          );
          const [left] = await applyFleet(fleet, { machines: [], replace: [], dryRun: true });
          assert.deepEqual([left?.steps, left?.failure], [[], undefined], told);
        }
      }
      assert.ok(kills > 0);
      await destroyMachines(plain, { machines: names, purge: true });
      assert.equal(await bare.on(host, `cd ${MACHINES} && find . -type f | xargs`), '');
    });
  }
});

/** What was undone whole before the kill is not undone twice, and says so. */
async function again(fleet: Fleet, work: Work): Promise<void> {
  try {
    await doWork(fleet, work);
  } catch (error) {
    if (work !== 'undo' || !/is on h1, and is left as it is/.test(String(error))) throw error;
  }
}

/** Whether it was killed before it was done. What it could not do ends the test. */
async function isKilled(given: Killed): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(given)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const [code, signal] = await once(child, 'exit');
  if (signal === 'SIGKILL') return true;
  assert.equal(code, 0, said);
  return false;
}
