import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { OlympusError } from '#core/errors.ts';
import { ServiceUnit } from '#integrations/systemd/service-unit.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const NAME = 'openclaw-gateway.service';
const GROUP = `/system.slice/${NAME}`;
const never = new AbortController().signal;

describe('the restart of a unit', () => {
  const searched = process.env['PATH'];
  let dir: TempDir;

  beforeEach(async () => {
    dir = await tempDir('systemd');
    process.env['PATH'] = `${dir.path}:${searched}`;
    await mkdir(path.join(dir.path, GROUP, 'below'), { recursive: true });
    await state({ invocation: 'first', processes: ['10'], below: ['11'] });
  });
  afterEach(async () => {
    process.env['PATH'] = searched;
    await dir[Symbol.asyncDispose]();
  });

  it('is done when systemd shows a new start and none of the processes of before', async () => {
    await systemctl(becomes({ invocation: 'second', processes: ['20'], below: ['21'] }));

    await unit().restart(never);

    assert.deepEqual((await readFile(path.join(dir.path, 'asked'), 'utf8')).trim().split('\n'), [
      `--no-ask-password kill --signal=KILL ${NAME}`,
      `--no-ask-password restart ${NAME}`,
    ]);
  });

  it('is done also where it may not be killed first', async () => {
    const next = becomes({ invocation: 'second', processes: ['20'], below: ['21'] });
    await systemctl(next, 'echo "Access denied" >&2; exit 1');

    await unit().restart(never);
  });

  it('is not done as long as a process of before is there, also in a group below', async () => {
    await systemctl(becomes({ invocation: 'second', processes: ['20'], below: ['11'] }));
    await refused(/processes of before are still there: 11$/);
  });

  it('is not done without a new start', async () => {
    await systemctl('true');
    await refused(/no new start/);
  });

  it('is not done when the unit does not come up', async () => {
    await systemctl(becomes({ invocation: 'second', active: 'failed', processes: [], below: [] }));
    await refused(/it is failed after its restart/);
  });

  it('is refused in the words of systemd', async () => {
    await systemctl('echo "Interactive authentication required." >&2; exit 1');
    await refused(/Interactive authentication required/);
  });

  it('ends at its deadline', async () => {
    await systemctl('exec sleep 60');
    await refused(/systemctl restart did not end within 300 ms/, 300);
  });

  function unit(timeoutMs = 5000): ServiceUnit {
    return new ServiceUnit({ name: NAME, timeoutMs, cgroupRoot: dir.path });
  }

  async function refused(why: RegExp, timeoutMs?: number): Promise<void> {
    await assert.rejects(unit(timeoutMs).restart(never), (error) => {
      assert.ok(error instanceof OlympusError && error.code === 'unit_not_restarted', String(error));
      assert.match(error.message, why);
      return true;
    });
  }

  /** A program that answers as systemctl does, and on `restart` and `kill` does what is given. */
  async function systemctl(onRestart: string, onKill = 'true'): Promise<void> {
    const file = path.join(dir.path, 'systemctl');
    const note = `echo "$@" >> "${dir.path}/asked"`;
    const asks = `case "$2" in show) cat "${dir.path}/show";; kill) ${note}; ${onKill};; restart) ${note}; ${onRestart};; esac`;
    await writeFile(file, `#!/bin/sh\n${asks}\n`);
    await chmod(file, 0o755);
  }

  interface State {
    readonly invocation: string;
    readonly active?: string;
    readonly processes: readonly string[];
    readonly below: readonly string[];
  }

  function files({ invocation, active = 'active', processes, below }: State): Record<string, string> {
    return {
      [path.join(dir.path, 'show')]:
        `ActiveState=${active}\nInvocationID=${invocation}\nControlGroup=${GROUP}\n`,
      [path.join(dir.path, GROUP, 'cgroup.procs')]: lines(processes),
      [path.join(dir.path, GROUP, 'below', 'cgroup.procs')]: lines(below),
    };
  }

  async function state(given: State): Promise<void> {
    for (const [file, text] of Object.entries(files(given))) await writeFile(file, text);
  }

  function becomes(given: State): string {
    return Object.entries(files(given))
      .map(([file, text]) => `printf '%s' '${text}' > '${file}'`)
      .join('; ');
  }
});

function lines(values: readonly string[]): string {
  return values.map((value) => `${value}\n`).join('');
}
