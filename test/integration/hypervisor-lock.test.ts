import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { HypervisorError, type Shell } from '#integrations/libvirt/hypervisor.ts';
import { lockFolder } from '#integrations/libvirt/hypervisor-lock.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const never = new AbortController().signal;

describe('the lock of a hypervisor', () => {
  let dir: TempDir;
  const started: ChildProcess[] = [];
  beforeEach(async () => {
    dir = await tempDir('hypervisor lock');
  });
  afterEach(async () => {
    for (const each of started.splice(0)) each.kill('SIGKILL');
    await dir[Symbol.asyncDispose]();
  });

  const shell: Pick<Shell, 'start'> = {
    start(program, args) {
      const child = spawn(program, [...args], { stdio: 'pipe' });
      started.push(child);
      return child;
    },
  };

  function lock(given: {
    holder: string;
    timeoutMs?: number;
    onWait?: (holder: string) => void;
    onLost?: () => void;
    signal?: AbortSignal;
  }) {
    const options = {
      timeoutMs: 20_000,
      onWait: () => undefined,
      onLost: () => undefined,
      signal: never,
      ...given,
    };
    return lockFolder('r420', shell, dir.path, options);
  }

  it('is held by one at a time, and who waits is told by whom', async () => {
    const first = await lock({ holder: 'ada@laptop since noon' });
    const told = Promise.withResolvers<string>();
    let got = false;
    const second = lock({ holder: 'grace@desk', onWait: told.resolve }).then((held) => {
      got = true;
      return held;
    });

    assert.equal(await told.promise, 'ada@laptop since noon');
    assert.equal(got, false);
    await first[Symbol.asyncDispose]();
    await using _ = await second;
  });

  it('is free once its holder is killed, who is told that it lost it', async () => {
    const lost = Promise.withResolvers<void>();
    await using _first = await lock({ holder: 'ada@laptop', onLost: lost.resolve });
    const waits = Promise.withResolvers<string>();
    const second = lock({ holder: 'grace@desk', onWait: waits.resolve });
    await waits.promise;

    started[0]?.kill('SIGKILL');

    await using _ = await second;
    await lost.promise;
  });

  it('is given up after a time, or when it is no longer wanted, and then held by nobody of us', async () => {
    const first = await lock({ holder: 'ada@laptop since noon' });

    await assert.rejects(lock({ holder: 'grace@desk', timeoutMs: 3000 }), (error: Error) => {
      assert.ok(error instanceof HypervisorError);
      assert.match(error.message, /^r420 has been worked on by ada@laptop since noon for 0 minutes\.$/);
      return true;
    });
    const stop = new AbortController();
    const unwanted = lock({
      holder: 'grace@desk',
      signal: stop.signal,
      onWait: () => stop.abort(new Error('never mind')),
    });
    await assert.rejects(unwanted, /never mind/);

    // Who has given up neither holds it nor is in the way.
    await first[Symbol.asyncDispose]();
    await using _ = await lock({ holder: 'hedy@home' });
    assert.ok(
      started.slice(1, 3).every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null),
      'both that were given up have ended',
    );
  });

  it('has nothing to keep where there is no folder yet, and says what is missing where it cannot be had', async () => {
    const options = {
      holder: 'ada',
      onWait: () => undefined,
      onLost: () => undefined,
      timeoutMs: 20_000,
      signal: never,
    };
    await using _ = await lockFolder('r420', shell, path.join(dir.path, 'not there'), options);

    const broken: Pick<Shell, 'start'> = {
      start: () => shell.start('sh', ['-c', 'echo flock: not found >&2; exit 127']),
    };
    await assert.rejects(lockFolder('r420', broken, dir.path, options), (error: Error) => {
      assert.ok(error instanceof HypervisorError);
      assert.match(error.message, /^r420: keeping others from .* failed: flock: not found\.$/);
      assert.match(error.remedy, /util-linux/);
      return true;
    });
  });
});
