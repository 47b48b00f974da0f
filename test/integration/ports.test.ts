import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { choosePort } from '#lab/local/ports.ts';

const MODULE = path.resolve(import.meta.dirname, '../../src/lab/local/ports.ts');

describe('a port that was chosen', () => {
  it('is given to no other process before anybody listens there, and to its own again', async () => {
    const port = await choosePort(0);
    const choose = `import { choosePort } from '${MODULE}'; console.log(await choosePort(${port}));`;

    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', choose]);

    assert.match(stdout, /^\d+\n$/);
    assert.notEqual(Number(stdout), port);
    assert.equal(await choosePort(port), port);
  });
});
