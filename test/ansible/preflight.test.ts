import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { type Ended, ROOT, run } from './ansible.ts';

const IMAGE = 'an image';
const DIGEST = createHash('sha256').update(IMAGE).digest('hex');

describe('before anything is touched, setup.yml', () => {
  let dir: TempDir;
  let state: string;

  before(async () => {
    dir = await tempDir('preflight');
    state = path.join(dir.path, 'state');
    await secretsIn(state);
    await imageIn(state, dir.path);
  });

  after(() => dir[Symbol.asyncDispose]());

  it('refuses secrets that were never made, and says how they are made', async () => {
    const ended = await setup(path.join(dir.path, 'empty'), ['--tags', 'none']);

    assert.notEqual(ended.code, 0);
    assert.match(
      flat(ended),
      /secrets of fleet olympus are missing or incomplete\. .*\.\/olympus secrets init --inventory/,
    );
  });

  it('refuses a wrong vault password, and says where it was read from', async () => {
    const wrong = path.join(dir.path, 'wrong-password');
    await writeFile(wrong, 'not this one');

    const ended = await setup(state, ['--tags', 'none'], { OLYMPUS_VAULT_PASSWORD_FILE: wrong });

    assert.notEqual(ended.code, 0);
    assert.match(flat(ended), new RegExp(`cannot be decrypted with the password in ${wrong}`));
  });

  it('refuses an inventory with a typo, with file, line and what was meant', async () => {
    const inventory = path.join(dir.path, 'typo');
    await cp(path.join(ROOT, 'inventory/lab'), inventory, { recursive: true });
    const hosts = path.join(inventory, 'hosts.yml');
    await writeFile(hosts, (await readFile(hosts, 'utf8')).replace('memory_mib', 'memroy_mib'));

    const ended = await setup(state, ['--tags', 'none'], {}, inventory);

    assert.notEqual(ended.code, 0);
    assert.match(flat(ended), /hosts\.yml:\d+.*memroy_mib.*memory_mib/);
  });

  it('accepts the lab, and makes the keys and the configuration of ssh once', async () => {
    const first = await setup(state, ['--tags', 'none']);
    const second = await setup(state, ['--tags', 'none']);

    assert.equal(first.code, 0, first.output);
    assert.match(first.output, /changed=1 /);
    assert.match(second.output, /changed=0 /);
    assert.deepEqual(
      (await readdir(path.join(state, 'ssh'))).filter((name) => ['config', 'known_hosts'].includes(name)),
      ['config', 'known_hosts'],
    );
  });

  it('refuses an unknown machine', async () => {
    const ended = await setup(state, ['--limit', 'athene']);

    assert.notEqual(ended.code, 0);
    assert.match(ended.output, /athene/);
  });

  describe('on a hypervisor', () => {
    it('refuses one without libvirt, with the packages to install', async () => {
      const ended = await onHypervisor('exit 1');

      assert.match(flat(ended), /libvirt does not answer on r420: .* apt-get install libvirt-daemon-system/);
      assert.notEqual(ended.code, 0);
    });

    it('refuses a libvirt that is too old', async () => {
      const ended = await onHypervisor('echo Running against daemon: 7.10.0');

      assert.match(flat(ended), /r420 has libvirt 7\.10\.0, and 8\.0 or newer is needed/);
    });

    it('refuses one without the bridge, with the lines to add', async () => {
      const ended = await onHypervisor('echo Running against daemon: 9.0.0', [
        '-e',
        'hypervisor_bridge=olbr9',
      ]);

      assert.match(flat(ended), /r420 has no bridge olbr9/);
      assert.match(ended.output, /addresses: \[10\.220\.1\.7\/24\]/);
      assert.match(ended.output, /iface olbr9 inet static/);
    });

    it('refuses one whose libvirt network is not active', async () => {
      const ended = await onHypervisor('echo Running against daemon: 9.0.0', [
        '-e',
        'hypervisor_network=default',
      ]);

      assert.match(flat(ended), /network default is not active on r420/);
    });

    it('sends the image once and checked, makes it read-only, and undoes all of it', async () => {
      const virsh = 'echo Running against daemon: 9.0.0; echo "Active:         yes"';
      const more = ['-e', 'hypervisor_network=default', '--tags', 'hypervisor,image'];

      const first = await onHypervisor(virsh, more);
      const second = await onHypervisor(virsh, more);
      const images = path.join(dir.path, 'hypervisor', 'images');
      const sent = await readFile(path.join(images, `${DIGEST.slice(0, 12)}.qcow2`), 'utf8');
      const { mode } = await stat(path.join(images, `${DIGEST.slice(0, 12)}.qcow2`));
      const gone = await onHypervisor(virsh, [...more, '-e', 'reset_confirm=olympus'], 'reset');
      const again = await onHypervisor(virsh, [...more, '-e', 'reset_confirm=olympus'], 'reset');

      assert.equal(first.code, 0, first.output);
      assert.equal(sent, IMAGE);
      assert.equal(mode & 0o777, 0o444);
      assert.match(second.output, /changed=0 /);
      assert.equal(gone.code, 0, gone.output);
      await assert.rejects(stat(path.join(dir.path, 'hypervisor')), { code: 'ENOENT' });
      assert.match(again.output, /changed=0 /);
    });

    it('keeps nothing of a download that was cut or is not the wanted image, and goes on with the next run', async () => {
      let body = (response: ServerResponse): unknown => response.destroy();
      const server = createServer((_request, response) => body(response)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const download = () =>
        onHypervisor('echo Running against daemon: 9.0.0; echo "Active:         yes"', [
          ...['-e', 'hypervisor_network=default', '--tags', 'hypervisor,image'],
          ...[
            '-e',
            `{image_file: "", image_kernel_file: "", image_initrd_file: "", vm_image_file: web.qcow2}`,
          ],
          ...['-e', `vm_image_url=http://127.0.0.1:${port}/web.qcow2`],
        ]);
      const downloaded = path.join(dir.path, 'hypervisor', 'images', 'web.qcow2');
      try {
        body = (response) => {
          response.writeHead(200, { 'content-length': IMAGE.length }).write(IMAGE.slice(0, 3));
          setImmediate(() => response.destroy());
        };
        const cut = await download();
        assert.notEqual(cut.code, 0);
        assert.match(flat(cut), /Download the image.*fatal: \[r420\]/);
        await assert.rejects(stat(downloaded), { code: 'ENOENT' });

        body = (response) => response.end('another image');
        const another = await download();
        assert.notEqual(another.code, 0);
        assert.match(flat(another), /checksum/);
        await assert.rejects(stat(downloaded), { code: 'ENOENT' });

        body = (response) => response.end(IMAGE);
        const whole = await download();
        assert.equal(whole.code, 0, whole.output);
        assert.equal(await readFile(downloaded, 'utf8'), IMAGE);
      } finally {
        server.close();
        await rm(downloaded, { force: true }); // It would count as a disk in the next test.
      }
    });

    it('keeps the image while a disk may be built on it', async () => {
      const virsh = 'echo Running against daemon: 9.0.0; echo "Active:         yes"';
      const more = ['-e', 'hypervisor_network=default', '--tags', 'hypervisor,image'];
      await onHypervisor(virsh, more);
      const machine = path.join(dir.path, 'hypervisor', 'machines', 'athena');
      await mkdir(machine);
      await writeFile(path.join(machine, 'root.qcow2'), '');

      const ended = await onHypervisor(virsh, [...more, '-e', 'reset_confirm=olympus'], 'reset');

      assert.equal(ended.code, 0, ended.output);
      assert.match(flat(ended), /The image stays on r420, 1 disks may be built on it/);
      assert.equal((await readdir(path.join(dir.path, 'hypervisor', 'images'))).length, 3);
    });
  });

  /** The play for hypervisors on this machine, with a virsh that answers as told. */
  async function onHypervisor(
    virsh: string,
    more: readonly string[] = [],
    playbook = 'setup',
  ): Promise<Ended> {
    const binaries = path.join(dir.path, 'bin');
    await mkdir(binaries, { recursive: true });
    await writeFile(path.join(binaries, 'virsh'), `#!/bin/sh\n${virsh}\n`);
    await chmod(path.join(binaries, 'virsh'), 0o755);
    const target = path.join(dir.path, 'hypervisor');
    return playbookOn(
      playbook,
      state,
      [
        ...['--limit', 'r420', '-e', 'ansible_connection=local', '-e', 'ansible_become=false'],
        ...['-e', `hypervisor_directory=${target}`, '-e', `image_directory=${target}/images`],
        ...['-e', '{"hypervisor_has_systemd": false}', ...more],
      ],
      { PATH: `${binaries}:${process.env['PATH']}` },
    );
  }
});

describe('reset.yml', () => {
  for (const [what, answer] of [
    ['another name', ['-e', 'reset_confirm=olymp']],
    ['an empty name', ['-e', 'reset_confirm=']],
    ['a wildcard', ['-e', 'reset_confirm=*']],
    ['no answer at all', []],
  ] as const) {
    it(`touches nothing when it is given ${what}`, async () => {
      await using dir = await tempDir('reset');

      const ended = await playbookOn('reset', path.join(dir.path, 'state'), answer);

      assert.notEqual(ended.code, 0);
      assert.match(flat(ended), /Nothing was touched: a reset needs the name of the fleet, olympus/);
      assert.doesNotMatch(ended.output, /TASK \[(vm|agent|hypervisor)/);
    });
  }

  it('names what it will destroy before it asks', async () => {
    await using dir = await tempDir('reset');

    const ended = await playbookOn('reset', path.join(dir.path, 'state'), ['--limit', 'athena,hub']);

    assert.match(
      flat(ended),
      /Fleet olympus: hub, athena; their disks are kept for 24 hours\..*Ask for the fleet's name/,
    );
  });
});

function setup(
  state: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  inventory = 'inventory/lab',
): Promise<Ended> {
  return playbookOn('setup', state, args, env, inventory);
}

function playbookOn(
  playbook: string,
  state: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  inventory = 'inventory/lab',
): Promise<Ended> {
  return run('ansible-playbook', ['--inventory', inventory, `ansible/${playbook}.yml`, ...args], {
    OLYMPUS_STATE_DIR: state,
    ...env,
  });
}

async function secretsIn(state: string): Promise<void> {
  await mkdir(state, { recursive: true });
  const file = path.join(state, 'secrets.yml');
  const ended = await run('./olympus', ['secrets', 'init', '--inventory', 'inventory/lab', '--file', file], {
    OLYMPUS_STATE_DIR: state,
  });
  assert.equal(ended.code, 0, ended.output);
}

/** What `olympus lab up` writes about the image that it has built. */
async function imageIn(state: string, dir: string): Promise<void> {
  await mkdir(path.join(state, 'lab'));
  const lines = [`image_sha256: "${DIGEST}"`];
  for (const name of ['image_file', 'image_kernel_file', 'image_initrd_file']) {
    await writeFile(path.join(dir, name), IMAGE);
    lines.push(`${name}: "${path.join(dir, name)}"`);
  }
  await writeFile(path.join(state, 'lab', 'image.yml'), `${lines.join('\n')}\n`);
}

/** Ansible breaks and indents long sentences; here they are on one line again. */
function flat(ended: Ended): string {
  return ended.output.replaceAll(/\s+/g, ' ');
}
