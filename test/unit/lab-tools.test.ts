import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  debianMirrors,
  parseDeb822Sources,
  parseOneLineSources,
  readAptSources,
} from '#lab/tools/apt-sources.ts';
import { ensureNatsServer, isNewEnough } from '#lab/tools/nats-server.ts';
import { ensureOpenclaw, openclawEntry } from '#lab/tools/openclaw.ts';
import { OPENCLAW_VERSION } from '#lab/tools/versions.ts';
import { type CacheEntryOptions, ensureCacheEntry } from '#lib/cache-entry.ts';
import { lockFile } from '#lib/file-lock.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

const never = new AbortController().signal;
const silently = (): void => undefined;

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir('tools');
});
afterEach(() => dir[Symbol.asyncDispose]());

describe('the Debian mirror of a machine', () => {
  const MIRROR = 'http://mirror.example/debian';

  it('is found in the one-line format', () => {
    const sources = parseOneLineSources(`
      # deb http://old.example/debian bookworm main
      deb [arch=amd64 signed-by=/a.gpg] ${MIRROR} bookworm main contrib # ours
      deb-src ${MIRROR} bookworm main
      deb http://security.example/debian-security bookworm-security main`);

    assert.deepEqual(sources[0], { uri: MIRROR, suites: ['bookworm'], components: ['main', 'contrib'] });
    assert.deepEqual(debianMirrors(sources), [MIRROR]);
  });

  it('is found in the deb822 format', () => {
    const sources = parseDeb822Sources(
      [
        'Types: deb deb-src',
        `URIs: ${MIRROR}`,
        '# a comment inside',
        'Suites: trixie',
        '  trixie-updates',
        'Components: main',
        '',
        'Types: deb',
        'URIs: http://security.example/debian-security',
        'Suites: trixie-security',
        'Components: main',
        '',
        'Enabled: no',
        'Types: deb',
        'URIs: http://off.example/debian',
        'Suites: trixie',
        'Components: main',
      ].join('\n'),
    );

    assert.deepEqual(sources[0]?.suites, ['trixie', 'trixie-updates']);
    assert.deepEqual(debianMirrors(sources), [MIRROR]);
  });

  it('is not another vendor, and not Ubuntu', () => {
    const sources = parseOneLineSources(`
      deb http://archive.example/ubuntu noble main universe
      deb http://vendor.example/apt nodistro main
      deb http://vendor.example/apt bookworm stable`);

    assert.deepEqual(debianMirrors(sources), []);
  });

  it('is looked for in every file that apt reads', async () => {
    await mkdir(path.join(dir.path, 'sources.list.d'));
    await writeFile(path.join(dir.path, 'sources.list'), `deb ${MIRROR}/1 sid main\n`);
    await writeFile(path.join(dir.path, 'sources.list.d', 'b.list'), `deb ${MIRROR}/2 sid main\n`);
    await writeFile(
      path.join(dir.path, 'sources.list.d', 'c.sources'),
      `Types: deb\nURIs: ${MIRROR}/3\nSuites: sid\nComponents: main\n`,
    );
    await writeFile(path.join(dir.path, 'sources.list.d', 'd.list.save'), `deb ${MIRROR}/4 sid main\n`);

    const mirrors = debianMirrors(await readAptSources(dir.path));

    assert.deepEqual(mirrors, [`${MIRROR}/1`, `${MIRROR}/2`, `${MIRROR}/3`]);
  });
});

describe('an entry of the cache', () => {
  /** A tool whose making can be counted and held up. */
  function tool(make: (workDir: string) => Promise<void> = async () => undefined) {
    let made = 0;
    const folder = path.join(dir.path, 'tool');
    const find = async (): Promise<string | undefined> =>
      (await readdir(folder).catch((): string[] => [])).includes('1.0')
        ? path.join(folder, '1.0')
        : undefined;
    const options: CacheEntryOptions = {
      folder,
      find,
      async make(workDir) {
        made += 1;
        await mkdir(path.join(workDir, 'out'));
        await writeFile(path.join(workDir, 'out', 'file'), 'whole');
        await make(workDir);
        return { name: '1.0', contents: 'out' };
      },
      signal: never,
      onProgress: silently,
    };
    return { options, made: () => made, contents: async () => (await readdir(folder)).toSorted() };
  }

  it('is made once and found from then on', async () => {
    const { options, made } = tool();

    const first = await ensureCacheEntry(options);
    const second = await ensureCacheEntry(options);

    assert.equal(first, second);
    assert.equal(await readFile(path.join(first, 'file'), 'utf8'), 'whole');
    assert.equal(made(), 1);
  });

  it('is made by one of many who want it at the same time', async () => {
    const { options, made, contents } = tool();

    await Promise.all(Array.from({ length: 8 }, () => ensureCacheEntry(options)));

    assert.equal(made(), 1);
    assert.deepEqual(await contents(), ['.lock', '1.0']);
  });

  it('does not appear when its making fails, and can be made afterwards', async () => {
    const broken = tool(() => Promise.reject(new Error('the mirror is away')));

    await assert.rejects(ensureCacheEntry(broken.options), /the mirror is away/);
    assert.deepEqual(await broken.contents(), ['.lock']);

    await ensureCacheEntry(tool().options);
    assert.deepEqual(await broken.contents(), ['.lock', '1.0']);
  });

  it('is made though a killed maker left its scratch folder', async () => {
    const { options, contents } = tool();
    await mkdir(path.join(options.folder, '.unfinished-0a1b2c', 'out'), { recursive: true });

    await ensureCacheEntry(options);

    assert.deepEqual(await contents(), ['.lock', '1.0']);
  });
});

describe('a file lock', () => {
  it('is held by one at a time, and let go when disposed', async () => {
    const file = path.join(dir.path, 'lock');
    const order: string[] = [];
    const first = await lockFile(file, never);
    const second = lockFile(file, never).then(async (lock) => {
      order.push('second');
      await lock[Symbol.asyncDispose]();
    });

    order.push('first');
    await first[Symbol.asyncDispose]();
    await second;

    assert.deepEqual(order, ['first', 'second']);
  });

  it('is not waited for any longer when the caller gives up', async () => {
    const file = path.join(dir.path, 'lock');
    await using _held = await lockFile(file, never);
    const caller = new AbortController();
    const waiting = lockFile(file, caller.signal);

    caller.abort(new Error('given up'));

    await assert.rejects(waiting, /given up/);
  });

  it('that cannot be taken is an error that names the file', async () => {
    const file = path.join(dir.path, 'no', 'lock');

    await assert.rejects(lockFile(file, never), (error: Error) => error.message.includes(file));
  });
});

describe('a tool', () => {
  it('of nats-server is new enough from 2.15 on', () => {
    const accepted = ['nats-server: v2.15.1', '2.15.0-abc', 'v3.0.0', '2.16'].map(isNewEnough);
    const refused = ['nats-server: v2.14.9', 'v1.99', '2.9.1', 'no version'].map(isNewEnough);

    assert.deepEqual([...new Set(accepted)], [true]);
    assert.deepEqual([...new Set(refused)], [false]);
  });

  it('of nats-server is the newest that is in the cache, without a question to the network', async () => {
    for (const name of [
      '2.9.9-0123456789ab',
      '2.15.9-0123456789ab',
      '2.15.10-0123456789ab',
      '2.99.0-damaged',
    ]) {
      await mkdir(path.join(dir.path, 'nats-server', name, 'usr', 'sbin'), { recursive: true });
      await writeFile(path.join(dir.path, 'nats-server', name, 'usr', 'sbin', 'nats-server'), '');
    }

    const found = await ensureNatsServer(dir.path, never);

    assert.match(found, /\/2\.15\.10-0123456789ab\/usr\/sbin\/nats-server$/);
  });

  it('is not begun for a caller who has given up', async () => {
    const givenUp = AbortSignal.abort(new Error('given up'));

    await assert.rejects(ensureNatsServer(dir.path, givenUp), /given up/);
    await assert.rejects(ensureOpenclaw(dir.path, givenUp), /given up/);
  });

  it('of OpenClaw is pinned to the same version in all three places, and names no registry', async () => {
    const pins = path.resolve(import.meta.dirname, '../../src/lab/tools/openclaw');
    const manifest = JSON.parse(await readFile(path.join(pins, 'package.json'), 'utf8'));
    const lockText = await readFile(path.join(pins, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(lockText) as { packages: Record<string, Record<string, unknown>> };

    assert.equal(manifest.dependencies.openclaw, OPENCLAW_VERSION);
    assert.equal(packages['node_modules/openclaw']?.['version'], OPENCLAW_VERSION);
    assert.ok(!lockText.includes('"resolved"'));
    for (const [name, entry] of Object.entries(packages)) {
      if (name !== '') assert.ok(entry['integrity'] || entry['inBundle'], `${name} has no integrity`);
    }
  });

  it('of OpenClaw is started through its own entry file', () => {
    assert.equal(openclawEntry('/cache/oc'), '/cache/oc/node_modules/openclaw/openclaw.mjs');
  });
});
