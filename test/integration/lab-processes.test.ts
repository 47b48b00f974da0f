import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { endProcesses, isRunning, ProcessRecord } from '#lab/process-record.ts';
import { tempDir } from '#test/temp-dir.ts';

const MODULE = path.resolve(import.meta.dirname, '../../src/lab/process-record.ts');
const BASH_PIPE = 63;
const never = new AbortController().signal;

describe('a process of the lab', () => {
  it('keeps no pipe open of who called the command that started it', async () => {
    await using dir = await tempDir('process');
    const options = {
      command: ['sleep', '600'],
      env: {},
      cwd: dir.path,
      logFile: path.join(dir.path, 'log'),
    };
    const script = `import { startDetached } from ${JSON.stringify(MODULE)};
      console.log(JSON.stringify(startDetached(${JSON.stringify(options)})));`;
    // As bash does with "command 2> >(tee log)": the pipe has a number of its own as well. Node closes low ones itself.
    const pipes = Array.from({ length: BASH_PIPE + 1 }, (_, fd) =>
      [1, 2, BASH_PIPE].includes(fd) ? 'pipe' : 'ignore',
    );
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: pipes as ('ignore' | 'pipe')[],
    });
    const extra = (child.stdio as unknown[])[BASH_PIPE] as Readable;
    const closed = once(extra.resume(), 'close', { signal: AbortSignal.timeout(30_000) });
    closed.catch(() => undefined); // It is waited for below.
    const errors = text(child.stderr as Readable);
    const printed = await text(child.stdout as Readable);
    assert.notEqual(printed, '', await errors);
    const record = ProcessRecord.parse(JSON.parse(printed));
    try {
      await closed;
      assert.equal(isRunning(record), true);
    } finally {
      await endProcesses([record], { graceMs: 1_000, signal: never });
    }
  });
});
