import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ensureGoldenImage } from '#lab/image/golden-image.ts';
import { cacheDirectory } from '#lib/config.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const call = promisify(execFile);
const GOLDEN = path.resolve(import.meta.dirname, '../golden/cloud-init');

/** Runs a script in the tree of the image, with files in /tmp; all mounts are gone when it ends. */
const IN_TREE = `set -e
mount -o loop,ro "$1" "$2"
mount -t tmpfs none "$2/tmp"
mount -t tmpfs none "$2/run"
cp -r "$3/." "$2/tmp"
exec chroot "$2" /bin/sh -ec "$4"`;

describe('the seeds of machines, to the programs of the image that read them', function () {
  this.timeout(620_000); // The image may have to be built first.
  let dir: TempDir;
  let raw: string;
  before(async function () {
    // Mounting the image takes root, and a loop device, which not every container has.
    if (process.getuid?.() !== 0 || !(await succeeds('losetup', ['--find']))) this.skip();
    dir = await tempDir('seeds');
    const { image } = await ensureGoldenImage({
      cacheDir: cacheDirectory(process.env),
      node: process.execPath,
      signal: AbortSignal.timeout(600_000),
      onProgress: () => undefined,
    });
    raw = path.join(dir.path, 'image.raw');
    await call('qemu-img', ['convert', '-O', 'raw', image, raw]);
  });
  after(() => dir?.[Symbol.asyncDispose]());

  const succeeds = (program: string, args: readonly string[]): Promise<boolean> =>
    call(program, args).then(
      () => true,
      () => false,
    );

  async function inTree(files: Readonly<Record<string, string>>, script: string): Promise<string> {
    const tree = path.join(dir.path, 'tree');
    const given = path.join(dir.path, 'given');
    await mkdir(tree, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(given, name)), { recursive: true });
      await writeFile(path.join(given, name), text, { mode: 0o600 });
    }
    const shell = ['sh', '-ec', IN_TREE, 'sh', raw, tree, given, script];
    const { stdout } = await call('unshare', ['--mount', '--propagation', 'private', ...shell]);
    return stdout;
  }
  const golden = (seed: string, file: string) => readFile(path.join(GOLDEN, seed, file), 'utf8');
  const CHECK = 'cloud-init schema --config-file /tmp/user-data 2>&1';

  for (const seed of ['athena', 'without-gateway']) {
    it(`have user-data that cloud-init's schema takes (${seed})`, async () => {
      assert.match(
        await inTree({ 'user-data': await golden(seed, 'user-data') }, CHECK),
        /Valid cloud-config/,
      );
    });

    it(`have a network that netplan takes (${seed})`, async () => {
      const network = `network: ${JSON.stringify(parse(await golden(seed, 'network-config')))}`;
      const script =
        'netplan generate --root-dir /tmp/root 2>&1 && cat /tmp/root/run/systemd/network/*.network';
      const written = await inTree({ 'root/etc/netplan/50-cloud-init.yaml': network }, script);

      assert.match(written, /^Address=10\.220\.1\.\d+\/24$/m);
      assert.equal(/^Gateway=/m.test(written), seed !== 'without-gateway');
    });
  }

  it('are refused when they are wrong, so that these tests can fail', async () => {
    const wrong = (await golden('athena', 'user-data')).replace('lock_passwd: true', 'lock_passwd: [locked]');

    await assert.rejects(inTree({ 'user-data': wrong }, CHECK), { stdout: /lock_passwd/ });
  });
});
