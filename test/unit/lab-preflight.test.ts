import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LabError } from '#lab/lab-error.ts';
import { requirePrograms } from '#lab/preflight.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('a machine without what the lab needs', () => {
  it('is refused with the programs that are missing and the packages they are in', async () => {
    await using dir = await tempDir('programs');
    for (const program of ['ip', 'ssh']) {
      writeFileSync(path.join(dir.path, program), '');
      chmodSync(path.join(dir.path, program), 0o755);
    }

    assert.throws(
      () => requirePrograms(['/nowhere', dir.path]),
      (error: unknown) => {
        assert.ok(error instanceof LabError);
        assert.match(error.message, /are missing: unshare, .*libvirtd, .*nc\.$/);
        assert.match(error.remedy, /apt-get install .*libvirt-daemon-system .*netcat-openbsd$/);
        assert.doesNotMatch(error.remedy, /iproute2/);
        return true;
      },
    );
  });
});
