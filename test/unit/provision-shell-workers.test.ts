import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { quote } from '#provision/ssh/shell.ts';
import { ShellWorkers } from '#provision/ssh/shell-workers.ts';
import { tempDir } from '#test/temp-dir.ts';

const never = new AbortController().signal;
const options = { what: 'a command', signal: never, timeoutMs: 20_000, input: undefined };
const script = (text: string, ...args: string[]): string =>
  ['sh', '-c', text, 'sh', ...args].map(quote).join(' ');

describe('shells that stay open', () => {
  it('answer each command as if it ran alone, and stay the same shell', async () => {
    await using workers = new ShellWorkers(['sh']);
    const parents = [];
    for (const [code, out, err] of [
      [0, '', ''],
      [3, 'no line end', 'neither'],
      [0, 'a\nb\n', ''],
      [127, '', 'x\n'],
    ] as const) {
      const said = await workers.run(
        script('printf %s "$1"; printf %s "$2" >&2; exit "$3"', out, err, `${code}`),
        options,
      );
      assert.deepEqual(said, { code, stdout: out, stderr: err });
      parents.push((await workers.run(script('ps -o ppid= -p $$ | tr -d " \\n"'), options)).stdout);
    }

    assert.equal(new Set(parents).size, 1, parents.join());
  });

  it('give a command its input, of any size and bytes, and no other', async () => {
    await using dir = await tempDir('workers');
    await using workers = new ShellWorkers(['sh']);
    const file = path.join(dir.path, 'file');
    for (const input of ['', "it's $HOME\n", randomBytes(1), randomBytes(700_000)]) {
      assert.equal((await workers.run(script('cat > "$1"', file), { ...options, input })).code, 0);

      assert.deepEqual(readFileSync(file), Buffer.from(input));
    }
    assert.equal((await workers.run('cat', options)).stdout, '', 'without input there is nothing to read');
    assert.equal((await workers.run(script('exit 4'), { ...options, input: randomBytes(200_000) })).code, 4);
  });

  it('bring a large output whole', async () => {
    await using workers = new ShellWorkers(['sh']);

    const { stdout } = await workers.run('seq 1 300000', options);

    assert.equal(stdout.split('\n').length, 300_001);
  });

  it('are at most four, and nobody is forgotten', async () => {
    await using dir = await tempDir('workers');
    await using workers = new ShellWorkers(['sh']);
    const count = 'cd "$1"; mkdir "$2"; ls | wc -l; sleep 0.05; rmdir "$2"';

    const said = await Promise.all(
      Array.from({ length: 20 }, (_, index) => workers.run(script(count, dir.path, String(index)), options)),
    );

    const most = Math.max(...said.map(({ stdout }) => Number(stdout)));
    assert.ok(most > 1 && most <= 4, `${most} at once`);
  });

  it('say how it ended when a shell ends in the middle, never that it went well, and the next one is whole', async () => {
    await using workers = new ShellWorkers(['sh']);

    assert.deepEqual(await workers.run(script('echo half; kill -9 $PPID'), options), {
      code: -1,
      stdout: 'half\n',
      stderr: '',
    });
    assert.deepEqual(await workers.run(script('kill -TERM $PPID'), options), {
      code: -1,
      stdout: '',
      stderr: '',
    });
    assert.equal((await workers.run('true', options)).code, 0);

    await using refused = new ShellWorkers(['sh', '-c', 'echo a password is required >&2; exit 1']);
    assert.deepEqual(await refused.run('true', options), {
      code: 1,
      stdout: '',
      stderr: 'a password is required\n',
    });
    await using silent = new ShellWorkers(['true']);
    assert.equal((await silent.run('true', options)).code, -1);
    await using missing = new ShellWorkers(['/no/such/program']);
    assert.match((await missing.run('true', options)).stderr, /ENOENT/);
  });

  it('give up what takes too long or is no longer wanted, and go on', async () => {
    await using workers = new ShellWorkers(['sh']);

    await assert.rejects(
      workers.run('sleep 5', { ...options, timeoutMs: 100 }),
      /a command did not finish within 100 ms/,
    );
    const stop = new AbortController();
    const running = Array.from({ length: 6 }, () =>
      workers.run('sleep 5', { ...options, signal: stop.signal }),
    );
    stop.abort(new Error('never mind'));
    for (const each of running) await assert.rejects(each, /never mind/);

    assert.equal((await workers.run('true', options)).code, 0);
  });
});
