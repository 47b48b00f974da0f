import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { probeKvm, startTrialGuest } from '#lab/kvm-probe.ts';
import { cacheDirectory } from '#lib/config.ts';
import { tempDir } from '../support/temp-dir.ts';

const never = new AbortController().signal;

describe('the trial of KVM', () => {
  it('says no, and why, where there is no kernel to try it with', async () => {
    await using empty = await tempDir('kvm');

    const { usable, reason } = await probeKvm({ cacheDir: empty.path, signal: never });

    assert.equal(usable, false);
    assert.match(
      reason,
      /^KVM is not usable: (there is no \/dev\/kvm|.* may not be opened|there is no guest kernel)/,
    );
  });

  it('is failed by what is not a kernel', async () => {
    const trial = await startTrialGuest({ kernel: import.meta.filename, accelerator: 'tcg', signal: never });

    assert.equal(trial.started, false);
  });

  it('is passed by an ordinary kernel, here with an emulated processor, and ends when interrupted', async function () {
    const kernel = anyKernel();
    if (!kernel) this.skip(); // The first `lab up` puts one into the cache.

    const trial = await startTrialGuest({ kernel, accelerator: 'tcg', signal: never });

    assert.deepEqual(trial, { started: true });
    const interrupted = startTrialGuest({ kernel, accelerator: 'tcg', signal: AbortSignal.timeout(50) });
    await assert.rejects(interrupted, { name: 'TimeoutError' });
  });
});

function anyKernel(): string | undefined {
  const images = path.join(cacheDirectory(process.env), 'images');
  const names = existsSync(images) ? readdirSync(images) : [];
  return names.map((name) => path.join(images, name, 'vmlinuz')).find((file) => existsSync(file));
}
