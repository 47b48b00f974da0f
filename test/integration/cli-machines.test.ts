import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { choosePort } from '#lab/local/ports.ts';
import { CliCaller } from '#test/cli-call.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { type SshServer, startSshServer, writeSshState } from './ssh-server.ts';

/** What a machine has of programs that ours talk to; everything else there is real. */
const PROGRAMS: Readonly<Record<string, string>> = {
  sudo: 'shift; exec "$@"',
  systemctl: `case $1 in
show) cat <<'END'
Id=olympusd.service
LoadState=loaded
ActiveState=active
NRestarts=0

Id=openclaw-gateway.service
LoadState=loaded
ActiveState=activating
NRestarts=9

Id=nats-server.service
LoadState=not-found
ActiveState=inactive
NRestarts=0
END
;;
list-units) echo 'fwupd.service loaded failed failed Firmware update daemon' ;;
esac`,
  journalctl: `echo "journalctl $*"; printf 'agent \\033]0;title\\007said\\n'
case " $* " in *' -f '*) echo following; exec sleep 60;; esac`,
  virsh: `echo ' Id   Name     State'; echo '------------------'; echo ' 1    hub      running'; echo ' -    gone     shut off'`,
};

interface Diagnosis {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly what: string;
    readonly remedy?: string;
  }[];
  readonly notChecked: readonly string[];
}

describe('the olympus command and the machines', () => {
  let dir: TempDir;
  let server: SshServer;
  let other: SshServer;
  let cli: CliCaller;
  before(async () => {
    dir = await tempDir('machines');
    const bin = path.join(dir.path, 'bin');
    await Promise.all([mkdir(bin), mkdir(path.join(dir.path, 'logs'))]);
    for (const [name, script] of Object.entries(PROGRAMS)) {
      await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
      await chmod(path.join(bin, name), 0o755);
    }
    const programs = `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`;
    server = await startSshServer(dir.path, 'athena', { programs });
    other = await startSshServer(dir.path, 'other', { programs });
    cli = new CliCaller(dir.path);
    await written();
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  async function written(): Promise<void> {
    const { port, hostKey } = server;
    await writeSshState(dir.path, [
      { name: 'athena', port, hostKey },
      { name: 'imposter', port: other.port, hostKey },
      { name: 'gone', port: await choosePort(0), hostKey },
    ]);
    await addHypervisor();
  }

  /** Hypervisors have no HostKeyAlias: their keys are known by their addresses. */
  async function addHypervisor(): Promise<void> {
    const config = path.join(dir.path, 'ssh', 'config');
    const block = `Host r420 127.0.0.1\n  HostName 127.0.0.1\n  Port ${server.port}\n\n`;
    await writeFile(config, block + (await readFile(config, 'utf8')));
    const known = path.join(dir.path, 'ssh', 'known_hosts');
    await writeFile(known, `${await readFile(known, 'utf8')}[127.0.0.1]:${server.port} ${server.hostKey}\n`);
  }

  describe('ssh', () => {
    it('runs a command there and passes on what it reads, prints and ends with', async () => {
      const { code, stdout, stderr } = await cli.run(
        ['ssh', 'athena', '--', 'cat; echo no >&2; exit 7'],
        {},
        'tea',
      );

      assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: 'tea', stderr: 'no\n' });
    });

    it('names the machines there are for a name that is none, and the one that was meant', async () => {
      const { code, stderr } = await cli.run(['ssh', 'athina']);

      assert.equal(code, 2);
      assert.match(
        stderr,
        /There is no athina in this fleet\. Did you mean athena\? There are athena, imposter, gone\./,
      );
    });

    it('tells a hypervisor from a machine', async () => {
      const { code, stderr } = await cli.run(['ssh', 'r420']);

      assert.equal(code, 2);
      assert.match(stderr, /r420 is a hypervisor, not a machine\./);
    });

    it('refuses a machine with another host key', async () => {
      const { code, stdout, stderr } = await cli.run(['ssh', 'imposter', '--', 'echo in']);

      assert.equal(code, 255);
      assert.equal(stdout, '');
      assert.match(stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED[\s\S]*`olympus doctor` says why/);
    });

    it('says what is missing where no fleet was set up', async () => {
      await using empty = await tempDir('empty');
      const { code, stderr } = await cli.run(['ssh', 'athena'], { OLYMPUS_STATE_DIR: empty.path });

      assert.equal(code, 1);
      assert.match(stderr, /does not know of any machine: there is no .*\/ssh\/config\. .*olympus lab up/);
    });

    it('says what to install where there is no ssh', async () => {
      const PATH = path.join(dir.path, 'nothing');
      const bash = { PATH: `${PATH}:${dir.path}/bare` };
      await mkdir(path.join(dir.path, 'bare'), { recursive: true });
      for (const tool of ['bash', 'env', 'dirname', 'readlink', 'id', 'mkdir']) {
        await writeFile(path.join(dir.path, 'bare', tool), `#!/bin/sh\nexec /usr/bin/${tool} "$@"\n`);
        await chmod(path.join(dir.path, 'bare', tool), 0o755);
      }
      const { code, stderr } = await cli.run(['ssh', 'athena'], bash);

      assert.equal(code, 1);
      assert.match(stderr, /There is no ssh program on this machine\. .*apt-get install openssh-client/);
    });
  });

  describe('logs', () => {
    it('shows the journal of all our units, and nothing that steers a terminal', async () => {
      const { code, stdout, stderr } = await cli.run(['logs', 'athena', '-n', '5']);

      assert.equal(code, 0, stderr);
      assert.match(stdout, /^journalctl .* -n 5 -u olympusd -u openclaw-gateway -u nats-server /);
      assert.match(stdout, /^agent said$/m);
    });

    it('follows one unit until Ctrl-C', async () => {
      const { child, ended } = cli.start(['logs', 'athena', '-f', '--unit', 'olympusd']);
      let seen = '';
      child.stdout.on('data', (chunk: Buffer) => {
        seen += chunk;
      });
      await waitFor('it to follow', () => seen.includes('following'), { timeoutMs: 20_000 });
      child.kill('SIGINT');
      const { code, stdout } = await ended;

      assert.equal(code, 130);
      assert.match(stdout, /-n 200 -f -u olympusd$/m);
    });

    it("shows OpenClaw's own file, and says that it is not there", async () => {
      const { code, stderr } = await cli.run(['logs', 'athena', '--gateway']);

      assert.equal(code, 1);
      assert.match(stderr, /The logs of athena could not be read: tail: .*gateway\.log.*No such file/);
    });

    it('refuses a unit that is no name, and a machine with another host key', async () => {
      const [unit, imposter] = await Promise.all([
        cli.run(['logs', 'athena', '--unit', '; reboot']),
        cli.run(['logs', 'imposter']),
      ]);

      assert.equal(unit.code, 2);
      assert.match(unit.stderr, /"; reboot" is not the name of a unit/);
      assert.equal(imposter.code, 1);
      assert.match(imposter.stderr, /imposter shows a host key that is not the one in .*known_hosts/);
    });

    it('reads the files of a fleet of processes', async () => {
      await using local = await tempDir('local');
      const at = (...names: string[]): string => path.join(local.path, ...names);
      await Promise.all([
        mkdir(at('agents', 'athena', 'openclaw'), { recursive: true }),
        mkdir(at('logs'), { recursive: true }),
      ]);
      await writeFile(at('logs', 'control.log'), 'one\ntwo\n');
      await writeFile(at('logs', 'olympusd-athena.log'), 'I am the daemon\n');
      const settings = { OLYMPUS_STATE_DIR: local.path };
      const [control, daemon, gateway, unknown] = await Promise.all([
        cli.run(['logs', 'hub', '--unit', 'olympus-control', '-n', '1'], settings),
        cli.run(['logs', 'athena', '--unit', 'olympusd'], settings),
        cli.run(['logs', 'athena', '--unit', 'openclaw-gateway'], settings),
        cli.run(['logs', 'zeus'], settings),
      ]);

      assert.equal(control.stdout, 'two\n');
      assert.equal(daemon.stdout, 'I am the daemon\n');
      assert.match(gateway.stderr, /no log of openclaw-gateway of athena .* There are logs of olympusd/);
      assert.match(unknown.stderr, /There is no zeus in this fleet\. There are athena, hub\./);
    });
  });

  describe('status and doctor', () => {
    const settings = { OLYMPUS_API_URL: 'http://127.0.0.1:9', OLYMPUS_API_TOKEN: 'x' };

    it('show machines with their units, memory and load, and what is wrong with them', async () => {
      const { code, stdout } = await cli.run(['status'], settings);

      assert.equal(code, 1);
      assert.match(
        stdout,
        /^athena +up +\d+ \S+ +\d+\.\d\d +\d+ of \d+ MiB +olympusd, openclaw-gateway \(activating\)$/m,
      );
      assert.match(stdout, /^gone +down/m);
      assert.match(
        stdout,
        /✗ athena openclaw-gateway +is activating\n +→ olympus logs athena --unit openclaw-gateway/,
      );
      assert.match(stdout, /✗ gone +is shut off on r420\n +→ Start it: olympus apply .*--machine gone/);
    });

    it('name each thing that is wrong, and what to do about it', async () => {
      const { code, stdout, stderr } = await cli.run(
        ['doctor', '--json', '--inventory', 'no-such-folder'],
        settings,
      );

      assert.equal(code, 1, stderr);
      const { ok, checks } = JSON.parse(stdout) as Diagnosis;
      const found = Object.fromEntries(checks.map((check) => [check.name, check]));
      assert.equal(ok, false);
      assert.match(found['imposter']?.what ?? '', /shows a host key that is not the one/);
      assert.match(found['gone']?.what ?? '', /is shut off on r420/);
      assert.match(found['athena']?.what ?? '', /^up for .*, load .* MiB free, runs olympusd$/);
      assert.match(found['athena openclaw-gateway']?.what ?? '', /is activating/);
      assert.match(found['athena fwupd.service']?.remedy ?? '', /systemctl status fwupd\.service/);
      assert.equal(found['r420']?.what, 'libvirt answers: 1 running, 1 shut off');
      assert.equal(found['inventory']?.ok, false);
      assert.ok(
        checks.every((check) => check.ok || (check.remedy ?? '') !== ''),
        'each says what to do',
      );
    });

    it('find a bridge missing that the inventory attaches machines to', async () => {
      const inventory = path.resolve(import.meta.dirname, '../../inventory/lab');
      const { stdout } = await cli.run(['doctor', '--json', '--inventory', inventory], settings);

      const { checks } = JSON.parse(stdout) as Diagnosis;
      const found = Object.fromEntries(checks.map((check) => [check.name, check]));
      assert.match(found['inventory']?.what ?? '', /fleet olympus, 3 machines on 2 hypervisors/);
      assert.match(found['r420 bridge']?.what ?? '', /there is no bridge br0/);
      assert.match(found['ssh config']?.what ?? '', /lacks hub, apollo of the inventory/);
    });

    it('work where nothing is set up', async () => {
      await using empty = await tempDir('empty');
      await rm(empty.path, { recursive: true });
      const { code, stdout, stderr } = await cli.run(['doctor'], { OLYMPUS_STATE_DIR: empty.path });

      assert.equal(code, 1);
      assert.equal(stderr, '');
      assert.match(stdout, /✗ fleet +no machine is known here.*\n +→ .*olympus lab up/);
      assert.match(stdout, /✗ settings +no \.env/);
    });
  });
});
