import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { newUserKey } from '#integrations/nats/keys.ts';
import { choosePort } from '#lab/local/ports.ts';
import { buildRelease, type Release } from '#provision/release/build-release.ts';
import { startProgram } from '../support/program.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait.ts';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');

describe('a release', () => {
  let dir: TempDir;
  let release: Release;
  let unpacked: string;
  let sources: string;

  const build = (root: string): Promise<Release> =>
    buildRelease({
      root,
      cacheDir: path.join(dir.path, 'cache'),
      signal: AbortSignal.timeout(300_000),
      onProgress: () => undefined,
    });

  before(async function () {
    this.timeout(360_000); // The registry may be slow.
    dir = await tempDir('release');
    unpacked = path.join(dir.path, 'unpacked');
    // A copy, which nobody edits meanwhile.
    sources = path.join(dir.path, 'sources');
    for (const each of ['src', 'packages', 'package.json', 'package-lock.json']) {
      await cp(path.join(ROOT, each), path.join(sources, each), { recursive: true });
    }
    release = await build(sources);
    await run('mkdir', [unpacked]);
    await run('tar', ['--extract', '--file', release.file, '--directory', unpacked]);
  });
  after(() => dir?.[Symbol.asyncDispose]());

  it('names itself and holds what runs, and no compiler, types, maps, documents or hidden files', async () => {
    const names = (await readdir(unpacked, { recursive: true })).map((name) => `/${name}`);
    const modules = names.filter((name) => name.startsWith('/node_modules/'));

    assert.deepEqual((await readdir(unpacked)).sort(), [
      'RELEASE',
      'node_modules',
      'package.json',
      'packages',
      'src',
    ]);
    assert.deepEqual(await readdir(path.join(unpacked, 'packages/node-libvirt')), ['src']);
    assert.equal(JSON.parse(await readFile(path.join(unpacked, 'RELEASE'), 'utf8')).digest, release.digest);
    assert.ok(names.includes('/src/agent/main.ts') && modules.includes('/node_modules/nats/LICENSE'));
    assert.deepEqual(
      modules.filter((name) =>
        /\.d\.[cm]?ts$|\.map$|\/\.|^\/node_modules\/(typescript|mocha|node)$/.test(name),
      ),
      [],
    );
  });

  it('is not built again while nothing has changed', async () => {
    const before = await stat(release.file);
    const again = await build(sources);

    assert.deepEqual(again, { ...release, changed: false });
    const after = await stat(again.file);
    assert.deepEqual(
      [after.ino, after.mtimeMs],
      [before.ino, before.mtimeMs],
      'the file is the one of before',
    );
  });

  it('has the same bytes whenever and from wherever it is built', async () => {
    const before = await readFile(release.file);
    await rm(release.file);
    const elsewhere = path.join(dir.path, 'elsewhere');
    await cp(sources, elsewhere, { recursive: true });
    const again = await build(elsewhere);

    assert.deepEqual(again, release);
    assert.ok(before.equals(await readFile(again.file)));
  });

  for (const [program, main] of [
    ['olympusd', 'src/agent/main.ts'],
    ['olympus-control', 'src/control/main.ts'],
  ] as const) {
    it(`holds a whole ${program}: it starts and asks for its settings`, async () => {
      const ended = await run(process.execPath, [main], { cwd: unpacked, env: {} }).catch((error) => error);

      assert.equal(ended.code, 78);
      assert.match(ended.stderr, new RegExp(`^${program} cannot start:\nOLYMPUS_FLEET is not set`));
    });
  }

  it('holds a whole command line, which agents have', async () => {
    const { stdout } = await run(process.execPath, ['src/cli/main.ts', '--help'], { cwd: unpacked, env: {} });
    assert.match(stdout, /^Usage: olympus /);
  });

  it('holds a control plane that answers before the bus is there', async () => {
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(path.join(dir.path, name), text, { mode: 0o600 });
      return path.join(dir.path, name);
    };
    const port = await choosePort(0);
    await using _control = startProgram('src/control/main.ts', {
      cwd: unpacked,
      env: {
        OLYMPUS_FLEET: 'olympus',
        OLYMPUS_STATE_DIR: path.join(dir.path, 'control'),
        OLYMPUS_NATS_URL: 'nats://127.0.0.1:9',
        OLYMPUS_NATS_SEED_FILE: await file('seed', newUserKey().seed),
        OLYMPUS_API_TOKEN_FILE: await file('token', 'a-token-of-this-test'),
        OLYMPUS_API_PORT: String(port),
      },
    });

    await waitFor('an answer', async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status > 0, {
      timeoutMs: 20_000,
    });
  });

  it('holds the chat stand-in', async () => {
    await using standin = startProgram('src/standins/mattermost/main.ts', { cwd: unpacked });
    const [line] = await once(createInterface(standin.child.stdout), 'line');

    const answer = await fetch(`${JSON.parse(String(line)).url}/api/v4/system/ping`);
    assert.equal(answer.status, 200);
  });
});
