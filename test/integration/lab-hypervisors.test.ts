import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { promisify } from 'node:util';
import { readLabState } from '#lab/lab-state.ts';
import { lookAtLab } from '#lab/lab-status.ts';
import { writeModelKeys } from '#lab/relay/model-keys.ts';
import { HYPERVISORS, networksOf, processesOf, TestLab, TINY_DOMAIN } from '../support/lab.ts';
import { waitFor } from '../support/wait.ts';

const run = promisify(execFile);
const never = new AbortController().signal;
const [r420, r720xd] = HYPERVISORS;

describe('the simulated hypervisors', function () {
  this.timeout(120_000);
  let lab: TestLab;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // They consist of namespaces, which take root.
    lab = await TestLab.make();
    await lab.raise();
  });
  after(() => lab?.[Symbol.asyncDispose]());

  it('let us in from the machine itself, each with a libvirt and a name of its own', async () => {
    const answers = await Promise.all(
      HYPERVISORS.map((each) =>
        lab.ssh(
          each,
          "hostname; virsh -c qemu:///system list --all --name; virsh capabilities | grep -m1 '<uuid>'",
        ),
      ),
    );

    const [first, second] = answers.map((answer) => answer.split(/\s+/).filter(Boolean));
    assert.deepEqual([first?.[0], second?.[0]], ['r420', 'r720xd']);
    assert.notEqual(first?.[1], second?.[1]);
  });

  it('keep what is written on them from this machine, and from each other', async () => {
    const files = [
      '/etc/olympus/a',
      '/etc/a-lab',
      '/var/lib/olympus/a',
      '/root/a-lab',
      '/tmp/a-lab',
      '/run/a-lab',
    ];

    await lab.ssh(r420, `touch ${files.join(' ')}`);

    assert.deepEqual(
      files.filter((file) => existsSync(file)),
      [],
    );
    assert.equal(await lab.ssh(r720xd, `ls -d ${files.join(' ')} 2>/dev/null || true`), '');
  });

  it('run machines that only their own libvirt knows', async () => {
    await lab.ssh(
      r420,
      `cat >/root/tiny.xml <<'END'\n${TINY_DOMAIN}\nEND\nvirsh define /root/tiny.xml; virsh start tiny`,
    );

    const { hypervisors, state } = await lookAtLab(lab.names.stateDir, never);

    assert.deepEqual(hypervisors, [
      { ...r420, machines: [{ name: 'tiny', running: true }] },
      { ...r720xd, machines: [] },
    ]);
    assert.equal(state, 'up');
    await lab.ssh(r420, 'virsh destroy tiny; virsh undefine tiny');
  });

  it('are reached on this machine’s loopback through a door', async () => {
    const { doors } = await lookAtLab(lab.names.stateDir, never);
    const { port } = new URL(doors[0]?.url ?? '');

    const socket = createConnection({ host: '127.0.0.1', port: Number(port) });
    const [greeting] = await once(socket, 'data');
    socket.destroy();

    assert.match(String(greeting), /^SSH-2\.0-/);
  });

  it('reach the model and nothing else of this machine: the stand-in, then a provider that was named', async () => {
    writeModelKeys(lab.names, { athena: 'virtual' });
    const provider = createServer((request, response) =>
      response.end(`key ${request.headers.authorization}`),
    );
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    const ask = (key: string): Promise<string> => {
      const body = '{"model":"scripted-1","messages":[{"role":"user","content":"hello"}]}';
      const head = `POST /v1/chat/completions HTTP/1.0\\r\\nauthorization: Bearer ${key}\\r\\ncontent-type: application/json\\r\\ncontent-length: ${body.length}`;
      return lab.ssh(r420, `printf '${head}\\r\\n\\r\\n%s' '${body}' | nc -w 20 10.220.1.1 11500`);
    };
    try {
      const [refused, scripted] = [await ask('foreign'), await ask('virtual')];
      const { model } = await lab.raise({
        providerEnv: { OPENAI_API_KEY: 'real', OPENAI_BASE_URL: `${url}/v1` },
      });
      const provided = await ask('virtual');

      assert.match(refused, / 401 /);
      assert.match(scripted, /"object":"chat\.completion"/);
      assert.equal(model, `OpenAI at ${url}/v1`);
      assert.match(provided, /key Bearer real$/);
      assert.equal((await lookAtLab(lab.names.stateDir, never)).state, 'up');
    } finally {
      provider.close();
      await lab.raise();
    }
    await assert.rejects(lab.ssh(r420, `nc -w 2 127.0.0.1 ${new URL(url).port}`));
  });

  it('are recognised by a second start, which leaves every process as it is', async () => {
    const daemons = (): string[] =>
      processesOf(networksOf(lab.names), []).filter((each) => !each.includes('sshd: '));
    const before = daemons();

    await lab.raise();

    const after = new Set(daemons());
    assert.ok(before.length >= 8, before.join('\n'));
    assert.deepEqual(
      before.filter((each) => !after.has(each)),
      [],
    );
  });

  it('bring a daemon back that ended', async () => {
    await lab.ssh(r420, 'kill -9 $(cat /run/libvirtd.pid)');

    await waitFor('libvirt to answer again', () => lab.ssh(r420, 'virsh list'), { timeoutMs: 20_000 });
  });

  it('are mended by the next start: a hypervisor that ended, a bridge and a gate that are gone', async () => {
    const state = readLabState(lab.names);
    const [init, gate] = [state?.hypervisors['r420']?.process, state?.gates.machine?.process];
    assert.ok(init && gate);
    process.kill(init.pid, 'SIGKILL');
    process.kill(gate.pid, 'SIGKILL');
    const { state: before } = await lookAtLab(lab.names.stateDir, never);
    await run('ip', ['-n', lab.names.namespaceOf('r720xd'), 'link', 'delete', 'br0']);

    await lab.raise();

    assert.equal(before, 'damaged');
    assert.equal((await lookAtLab(lab.names.stateDir, never)).state, 'up');
  });

  it('are not moved to another address while they run', async () => {
    const moved = lab.raise({ hypervisors: [{ ...r420, address: '10.220.1.8' }, r720xd] });

    await assert.rejects(
      moved,
      /r420 has the address 10\.220\.1\.7, and the inventory now says 10\.220\.1\.8/,
    );
  });

  it('are shown by `olympus lab status`', async () => {
    const { code, stdout } = await lab.olympus('lab', 'status');

    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Lab ${lab.names.id} in .*: up$`, 'm'));
    assert.match(stdout, /^r420 +10\.220\.1\.7 +none$/m);
    assert.match(stdout, /^model: the scripted stand-in, no real model$/m);
  });
});
