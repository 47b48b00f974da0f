import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, lchown, lstat, mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { tempDir } from '#test/temp-dir.ts';
import { moduleRun } from './ansible.ts';

interface Result {
  readonly changed: boolean;
  readonly changed_paths: string[];
  readonly stale_units: string[];
  readonly msg?: string;
}

describe('olympus_files', () => {
  it('makes what is named, and the second time changes nothing', async () => {
    await using dir = await tempDir('files');
    const wanted = {
      directories: [{ path: `${dir.path}/etc`, mode: '0750' }],
      files: [
        { path: `${dir.path}/etc/unit`, content: 'one\ntwo\n', mode: '0644' },
        { path: `${dir.path}/etc/key`, secret: 'a secret of some length', mode: '0400' },
      ],
      links: [{ path: `${dir.path}/current`, target: 'etc' }],
    };

    const first = await files(wanted);
    const second = await files(wanted);

    assert.equal(first.changed, true);
    assert.deepEqual(second, { ...second, changed: false, changed_paths: [] });
    assert.equal(await readFile(`${dir.path}/current/unit`, 'utf8'), 'one\ntwo\n');
    assert.equal((await lstat(`${dir.path}/etc/key`)).mode & 0o777, 0o400);
    assert.equal((await lstat(`${dir.path}/etc`)).mode & 0o777, 0o750);
  });

  it('reports exactly what was edited behind its back, and mends it', async () => {
    await using dir = await tempDir('files');
    const wanted = {
      files: ['a', 'b', 'c'].map((name) => ({ path: `${dir.path}/${name}`, content: name, mode: '0644' })),
    };
    await files(wanted);
    await writeFile(`${dir.path}/b`, 'edited');
    await chmod(`${dir.path}/c`, 0o666);

    const looked = await files(wanted, ['--check']);
    const mended = await files(wanted);

    assert.deepEqual(looked.changed_paths, [`${dir.path}/b`, `${dir.path}/c`]);
    assert.deepEqual(mended.changed_paths, looked.changed_paths);
    assert.equal(await readFile(`${dir.path}/b`, 'utf8'), 'b');
    assert.equal((await lstat(`${dir.path}/c`)).mode & 0o777, 0o644);
  });

  it('hands over what is in a folder that had another owner, and only what was that one’s', async function () {
    if (process.getuid?.() !== 0) this.skip(); // Giving files away takes root.
    await using dir = await tempDir('files');
    const kept = `${dir.path}/kept`;
    await mkdir(`${kept}/memory`, { recursive: true });
    await writeFile(`${kept}/memory/notes`, 'remembered');
    await writeFile(`${kept}/of-root`, '');
    await writeFile(`${dir.path}/elsewhere`, '');
    await symlink(`${dir.path}/elsewhere`, `${kept}/link`);
    for (const each of ['memory/notes', 'memory', 'link', ''])
      await lchown(`${kept}/${each}`, 64_001, 64_001);
    const wanted = {
      directories: [{ path: kept, owner: 'nobody', group: 'nogroup', mode: '0700', with_content: true }],
    };

    assert.equal((await files(wanted, ['--check'])).changed, true);
    assert.equal((await lstat(kept)).uid, 64_001, 'in check mode nothing is touched');
    assert.equal((await files(wanted)).changed, true);
    assert.equal((await files(wanted)).changed, false);

    const owners = ['', 'memory', 'memory/notes', 'link'].map(
      async (each) => (await lstat(`${kept}/${each}`)).uid,
    );
    assert.deepEqual(new Set(await Promise.all(owners)), new Set([65_534]));
    assert.equal((await lstat(`${kept}/of-root`)).uid, 0);
    assert.equal((await lstat(`${dir.path}/elsewhere`)).uid, 0, 'a link is never followed');
  });

  it('writes nothing where a disk is not mounted', async () => {
    await using dir = await tempDir('files');
    const wanted = { files: [{ path: `${dir.path}/a`, content: 'a', mode: '0644' }] };

    const { result } = await moduleRun<Result>('olympus_files', { ...wanted, mounts: ['/proc', dir.path] });

    assert.match(
      result.msg ?? '',
      new RegExp(`^${dir.path} is not mounted, and what is kept there would be lost`),
    );
    await assert.rejects(lstat(`${dir.path}/a`));
    assert.equal((await files({ ...wanted, mounts: ['/proc'] })).changed, true);
  });

  it('writes nothing beside what an earlier version kept elsewhere', async () => {
    await using dir = await tempDir('files');
    const [path, now] = [`${dir.path}/former`, `${dir.path}/now`];
    const former = [{ path, now, units: 'some other' }];
    const wanted = { former, directories: [{ path: now, mode: '0700' }] };
    await mkdir(path, { mode: 0o700 });
    assert.equal((await files(wanted)).changed, true, 'it is empty');

    await writeFile(`${path}/journal`, 'kept');
    const { result } = await moduleRun<Result>('olympus_files', wanted);
    assert.match(result.msg ?? '', /^What is in \S+former belongs to \S+now now, and nothing was written\./);
    const offered = /: sudo systemctl disable --now some other; (.*)$/.exec(result.msg ?? '')?.[1] ?? '';
    assert.match(
      (await moduleRun<Result>('olympus_files', wanted, ['--check'])).result.msg ?? '',
      /^What is in/,
    );

    await writeFile(`${now}/journal`, 'another');
    const both = await moduleRun<Result>('olympus_files', wanted);
    assert.match(both.result.msg ?? '', /former and \S+now both hold something, and nothing was written/);

    await rm(`${now}/journal`);
    await promisify(execFile)('sh', ['-c', offered.replaceAll('sudo ', '')]);
    assert.equal(await readFile(`${now}/journal`, 'utf8'), 'kept');
    assert.equal((await files(wanted)).changed, false);
  });

  it('shows no secret, neither old nor new', async () => {
    await using dir = await tempDir('files');
    await writeFile(`${dir.path}/key`, 'the secret before\n');

    const ended = await moduleRun<Result>(
      'olympus_files',
      { files: [{ path: `${dir.path}/key`, secret: 'the secret after\n', mode: '0400' }] },
      ['--diff', '-v'],
    );

    assert.match(ended.output, /secret replaced/);
    for (const secret of ['the secret before', 'the secret after']) {
      assert.ok(!ended.output.includes(secret));
      assert.ok(!ended.output.includes(Buffer.from(`${secret}\n`).toString('base64')));
    }
  });

  it('never follows a link that somebody put in its way', async () => {
    await using dir = await tempDir('files');
    await mkdir(`${dir.path}/elsewhere`);
    await writeFile(`${dir.path}/elsewhere/file`, 'not ours');
    await symlink('elsewhere/file', `${dir.path}/file`);
    await symlink('elsewhere', `${dir.path}/folder`);

    const file = await files({ files: [{ path: `${dir.path}/file`, content: 'ours', mode: '0600' }] });
    const folder = await moduleRun<Result>('olympus_files', {
      directories: [{ path: `${dir.path}/folder`, mode: '0700' }],
    });

    assert.equal(file.changed, true);
    assert.equal(await readFile(`${dir.path}/elsewhere/file`, 'utf8'), 'not ours');
    assert.ok((await lstat(`${dir.path}/file`)).isFile());
    assert.match(folder.result.msg ?? '', /is in the way: a directory is wanted there/);
  });

  it('copies a folder of the control node as it is, and takes away what is not in it', async () => {
    await using dir = await tempDir('files');
    await mkdir(`${dir.path}/source/skills/deep`, { recursive: true });
    await writeFile(`${dir.path}/source/agent.yml`, 'name: athena\n');
    await writeFile(`${dir.path}/source/skills/deep/bytes`, Buffer.from([0, 255, 10]));
    await mkdir(`${dir.path}/target/skills/gone`, { recursive: true });
    await writeFile(`${dir.path}/target/old.md`, '');
    const tree = {
      source: `${dir.path}/source`,
      path: `${dir.path}/target`,
      mode: '0640',
      directory_mode: '0750',
    };

    const copied = await files({ trees: [tree] });
    const again = await files({ trees: [tree] });

    assert.deepEqual(
      copied.changed_paths.filter((each) => /old|gone/.test(each)),
      [`${dir.path}/target/old.md`, `${dir.path}/target/skills/gone`],
    );
    assert.deepEqual(await readFile(`${dir.path}/target/skills/deep/bytes`), Buffer.from([0, 255, 10]));
    assert.equal(again.changed, false);
  });

  it('leaves a file that is to be kept, and removes one whose source is gone', async () => {
    await using dir = await tempDir('files');
    const source = (name: string): string => path.join(dir.path, 'persona', name);
    await mkdir(`${dir.path}/persona`);
    await writeFile(source('MEMORY.md'), 'given');
    await writeFile(`${dir.path}/MEMORY.md`, 'learned');
    await writeFile(`${dir.path}/USER.md`, 'of an older revision');
    await writeFile(`${dir.path}/NOTES.md`, 'learned');

    const result = await files({
      files: [
        { path: `${dir.path}/MEMORY.md`, source: source('MEMORY.md'), keep: true, mode: '0600' },
        {
          path: `${dir.path}/NOTES.md`,
          source: source('NOTES.md'),
          keep: true,
          optional: true,
          mode: '0600',
        },
        { path: `${dir.path}/USER.md`, source: source('USER.md'), optional: true, mode: '0600' },
      ],
    });

    assert.deepEqual(result.changed_paths, [`${dir.path}/USER.md`]);
    assert.equal(await readFile(`${dir.path}/MEMORY.md`, 'utf8'), 'learned');
    assert.equal(await readFile(`${dir.path}/NOTES.md`, 'utf8'), 'learned');
  });

  it('replaces a link in one step', async () => {
    await using dir = await tempDir('files');
    await symlink('releases/1', `${dir.path}/current`);

    await files({ links: [{ path: `${dir.path}/current`, target: 'releases/2' }] });

    assert.equal(await readlink(`${dir.path}/current`), 'releases/2');
  });

  it('says who is missing when a file belongs to a user that does not exist', async () => {
    await using dir = await tempDir('files');

    const ended = await moduleRun<Result>('olympus_files', {
      files: [{ path: `${dir.path}/a`, content: '', owner: 'nobody-of-that-name', mode: '0600' }],
    });

    assert.match(
      ended.result.msg ?? '',
      /belong to nobody-of-that-name:None, and there is no such user or group/,
    );
  });

  it('names the unit that reads a changed file', async () => {
    await using dir = await tempDir('files');
    const file = { path: `${dir.path}/a`, content: 'a', mode: '0600', read_by: 'nats-server.service' };

    const first = await files({ files: [file] });

    assert.deepEqual(first.stale_units, ['nats-server.service']);
  });

  for (const [what, unit, stale] of [
    [
      'a unit that runs since before the change, after a setup that was cut short',
      { ActiveState: 'active', start: 1 },
      true,
    ],
    [
      'a unit whose file systemd has not read again',
      { ActiveState: 'active', NeedDaemonReload: 'yes' },
      true,
    ],
    ['no unit that has started since', { ActiveState: 'active' }, false],
    ['no unit that does not run', { ActiveState: 'inactive', start: 1 }, false],
  ] as const) {
    it(`finds ${what}`, async () => {
      await using dir = await tempDir('files');
      const file = { path: `${dir.path}/a`, content: 'a', mode: '0600', read_by: 'nats-server.service' };
      await files({ files: [file] });
      const start = 'start' in unit ? unit.start : Math.round((await uptimeSeconds()) * 1e6);
      const properties = { NeedDaemonReload: 'no', ExecMainStartTimestampMonotonic: start, ...unit };
      await mkdir(`${dir.path}/bin`);
      const shown = Object.entries(properties).map(([name, value]) => `echo ${name}=${value}`);
      await writeFile(`${dir.path}/bin/systemctl`, `#!/bin/sh\n${shown.join('\n')}\n`, { mode: 0o755 });

      const result = await files({ files: [file] }, [], `${dir.path}/bin`);

      assert.deepEqual(result.stale_units, stale ? ['nats-server.service'] : []);
      assert.equal(result.changed, stale);
      assert.deepEqual(result.changed_paths, []);
    });
  }
});

async function files(given: object, options: readonly string[] = [], binaries?: string): Promise<Result> {
  const env = binaries ? { PATH: `${binaries}:${process.env['PATH']}` } : {};
  const { code, result } = await moduleRun<Result>('olympus_files', given, options, env);
  assert.equal(code, 0, result.msg);
  return result;
}

async function uptimeSeconds(): Promise<number> {
  return Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
}
