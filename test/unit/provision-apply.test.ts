import assert from 'node:assert/strict';
import { z } from 'zod';
import { UnknownMachine } from '#provision/apply/fleet.ts';
import { machineFiles } from '#provision/machine/machine-spec.ts';
import { ProvisionBench } from '#test/provision/bench.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { outcomesAsJson } from '../../src/cli/machines.ts';
import { PlanOutput } from '../../src/cli/plan-output.ts';

const FILES = machineFiles('athena');
const CREATE = 'define write-seed create-root create-data autostart start finish';

describe('applying a machine', () => {
  let dir: TempDir;
  let bench: ProvisionBench;

  before(async () => {
    dir = await tempDir('apply');
  });
  after(() => dir[Symbol.asyncDispose]());
  beforeEach(() => {
    bench = new ProvisionBench(dir.path);
  });

  it('makes it, then leaves it alone', async () => {
    assert.equal(await bench.kinds(), CREATE);
    bench.r420.calls.length = 0;

    assert.equal(await bench.kinds(), '');
    assert.deepEqual(bench.r420.calls, []);
  });

  it('prints for scripts what its schema says, steps and failures alike', async () => {
    bench.look = { is: 'hopeless', why: 'it never answers' };
    const printed = outcomesAsJson(await bench.apply());

    assert.deepEqual(z.strictObject(PlanOutput.shape).parse(printed), printed);
    assert.ok(printed.steps.length > 3 && printed.failures.length === 1, JSON.stringify(printed));
  });

  it('only says what it would do in a dry run, which needs no image yet', async () => {
    bench.r420.files.clear();

    assert.equal(await bench.kinds({ dryRun: true }), CREATE);
    assert.deepEqual(bench.r420.calls, []);
  });

  it('takes the host key out of the seed once the machine is up', async () => {
    bench.look = { is: 'hopeless', why: 'nothing' };
    await bench.apply();
    assert.match(String(bench.r420.files.get(FILES.seed)), /PRIVATE KEY/);

    bench.look = { is: 'over' };
    assert.equal(await bench.kinds(), 'finish');

    assert.doesNotMatch(String(bench.r420.files.get(FILES.seed)), /PRIVATE KEY/);
  });

  it('never counts a machine as done that is down', async () => {
    bench.look = { is: 'hopeless', why: 'the host key is another' };
    bench.r420.files.set(FILES.console, 'line 1\nline 2');

    const [outcome] = await bench.apply();

    assert.equal(
      outcome?.failure?.message,
      'athena did not come up: it stopped at the phase address: the host key is another.',
    );
    assert.deepEqual(outcome?.failure?.console, ['line 1', 'line 2']);
    assert.match((await bench.kinds()).slice(0, 2), /^!/, 'the next call does not either');
  });

  it('starts one that is off, and resumes one that is paused', async () => {
    await bench.apply();
    await bench.r420.powerOff('athena');
    assert.equal(await bench.kinds(), 'start');

    const domain = bench.r420.domains.get('athena');
    assert.ok(domain);
    domain.paused = true;
    assert.equal(await bench.kinds(), 'resume');
  });

  it('lets an edited seed take effect', async () => {
    await bench.apply();
    bench.change({ address: '10.220.1.60' });

    assert.equal(await bench.kinds(), 'write-seed stop define start finish');
    assert.equal(await bench.kinds(), '');
  });

  it('never makes a root disk in place of another by itself, but says that it could', async () => {
    await bench.apply();

    const [outcome] = await bench.apply({ image: 'other.qcow2' });

    assert.deepEqual(outcome?.steps, []);
    assert.match(
      outcome?.notes.join() ?? '',
      /stays on the image base\.qcow2; other\.qcow2 is used once .*--replace athena/,
    );
  });

  it('replaces the root disk when it is told to, and keeps the data disk', async () => {
    await bench.apply();
    const data = bench.r420.files.get(FILES.data);

    const kinds = await bench.kinds({ image: 'other.qcow2', replace: ['athena'] });

    assert.equal(kinds, 'write-seed stop remove-root create-root define start finish');
    assert.equal(bench.r420.files.get(FILES.data), data);
    assert.equal(bench.r420.disk(FILES.root)?.backing, '/var/lib/olympus/images/other.qcow2');
    assert.equal(await bench.kinds({ image: 'other.qcow2' }), '');
  });

  it('refuses a domain that is not ours, and one of another fleet', async () => {
    await bench.apply();
    const fleet = (xml: string): string =>
      xml.replaceAll('fleet&quot;:&quot;olympus', 'fleet&quot;:&quot;rome');
    bench.r420.edit('athena', 'defined', fleet);
    assert.match(await bench.kinds(), /belongs to the fleet rome, not to olympus/);

    bench.r420.edit('athena', 'defined', (xml) => xml.replace(/<olympus:machine.*/, ''));
    assert.match(await bench.kinds(), /r420 has a domain athena that Olympus did not make/);
  });

  it('refuses to make a machine that another hypervisor still has', async () => {
    await bench.apply();
    bench.change({ host: 'r720xd' });

    assert.match(await bench.kinds(), /to be made on r720xd, but r420 still has it/);
  });

  it('is done by one at a time on a hypervisor, and who waits says for whom', async () => {
    const both = await Promise.all([bench.kinds(), bench.kinds()]);

    assert.deepEqual(both, [CREATE, '']);
    const waits = bench.said.filter((line) => line.includes('waits for it'));
    assert.equal(waits.length, 1, bench.said.join('\n'));
    assert.match(waits[0] ?? '', /^r420: is being worked on by \S+@\S+ since [\d-]+T[\d:.]+Z; waits for it$/);
  });

  it('touches nothing of a new machine whose definition libvirt refuses', async () => {
    const before = [...bench.r420.files.keys()];
    bench.r420.refuses = /<cpu/;

    assert.match(await bench.kinds(), /^! athena, define: .* XML error/);
    assert.deepEqual([...bench.r420.files.keys()], before);
    assert.equal(await bench.r420.domain('athena'), undefined);
  });

  it('does not put an empty data disk in the place of one that held something', async () => {
    await bench.apply();
    bench.r420.files.delete(FILES.data);

    assert.match(
      await bench.kinds(),
      /^! The data disk of athena is gone: .* Put it back there, or mount what it is on, or begin anew .*--replace athena/,
    );
    assert.match(await bench.kinds({ replace: ['athena'] }), /create-root create-data/);

    for (const file of Object.values(FILES)) bench.r420.files.delete(file);
    assert.match(await bench.kinds(), /^! The data disk of athena is gone: /, 'nor in an empty folder');
    await bench.r420.powerOff('athena');
    assert.match(await bench.kinds(), /^! The data disk of athena is gone: /);
  });

  it('asks nothing more of a hypervisor once it has lost its lock', async () => {
    let lose = (): void => undefined;
    bench.r420.others.take = async ({ onLost }) => {
      lose = onLost;
      return { [Symbol.asyncDispose]: async () => undefined };
    };
    const start = bench.r420.start.bind(bench.r420);
    bench.r420.start = async (name) => {
      await start(name);
      lose();
    };

    assert.match(
      await bench.kinds(),
      /^! athena, .*: r420: the connection that kept others from changing its machines was cut\./,
    );
  });

  it('says which image is missing', async () => {
    bench.r420.files.clear();

    assert.match(await bench.kinds(), /r420 has no \/var\/lib\/olympus\/images\/base\.qcow2.*--tags image/);
    assert.deepEqual(bench.r420.calls, []);
  });

  it('does the others when one fails, and an unknown one is a wrong call', async () => {
    bench.r420.files.clear();

    const outcomes = await bench.apply({ machines: [] });

    assert.deepEqual(
      outcomes.map(({ machine, failure }) => [machine, failure === undefined]),
      [
        ['hub', true],
        ['athena', false],
        ['apollo', true],
      ],
    );
    await assert.rejects(bench.apply({ machines: ['athene'] }), UnknownMachine);
  });

  it('chooses KVM for a new machine where it works, and stays with what was chosen', async () => {
    bench.r420.kvm = true;
    await bench.apply();
    assert.match(bench.r420.domains.get('athena')?.defined ?? '', /<domain type='kvm'>/);

    bench.r420.kvm = false;
    assert.equal(await bench.kinds(), '');
  });
});
