import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const call = promisify(execFile);
const QUICKSTART = path.resolve(import.meta.dirname, '../../scripts/quickstart');
const INSTALL = path.resolve(import.meta.dirname, '../../scripts/lib/install.sh');

describe('scripts/quickstart', () => {
  it('explains itself', async () => {
    const { stdout } = await call(QUICKSTART, ['--help']);
    assert.match(stdout, /^Usage: scripts\/quickstart/);
    assert.match(stdout, /--agents/);
  });

  it('refuses what it does not know before it does anything', async () => {
    const refused = call(QUICKSTART, ['--agent', 'athena']);
    await assert.rejects(refused, { code: 2, stderr: /--agent is not an option\. See .*--help/ });
    await assert.rejects(call(QUICKSTART, ['--agents']), { stderr: /--agents needs names/ });
  });

  it('installs only packages whose program is missing, each once', async () => {
    const { stdout } = await call('bash', [
      '-c',
      `source ${INSTALL}; packages_missing bash=bash no-such-a=thing no-such-b=thing no-such-c=another`,
    ]);
    assert.deepEqual(stdout.trim().split('\n'), ['another', 'thing']);
  });
});
