import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { readSettings } from '../../src/cli/settings.ts';

describe('the settings of the command', () => {
  let dir: TempDir;
  beforeEach(async () => {
    dir = await tempDir('cli-settings');
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  async function write(folder: string, ...lines: string[]): Promise<string> {
    const at = path.join(dir.path, folder);
    await mkdir(at, { recursive: true });
    await writeFile(path.join(at, '.env'), `${lines.join('\n')}\n`);
    return at;
  }

  it('come from the environment, then the working directory, then the state directory', async () => {
    const state = await write('state', 'OLYMPUS_A=state', 'OLYMPUS_B=state', 'OLYMPUS_C=state');
    const here = await write('here', 'OLYMPUS_A=here', 'OLYMPUS_B=here', `OLYMPUS_STATE_DIR=${state}`);

    const { env, stateDir, envFiles } = readSettings({ OLYMPUS_A: 'real', OLYMPUS_C: '' }, here);

    assert.deepEqual([env['OLYMPUS_A'], env['OLYMPUS_B'], env['OLYMPUS_C']], ['real', 'here', 'state']);
    assert.equal(stateDir, state);
    assert.deepEqual(
      envFiles.map((file) => file.path),
      [path.join(here, '.env'), path.join(state, '.env')],
    );
  });

  it('send no token to an address that it was not written down with', async () => {
    const at = path.join(dir.path, 'redirect');
    const here = path.join(at, 'here');
    const state = path.join(at, 'state');
    await mkdir(here, { recursive: true });
    await mkdir(state, { recursive: true });
    await writeFile(path.join(state, '.env'), 'OLYMPUS_API_URL=http://ours\nOLYMPUS_API_TOKEN=secret\n');
    await writeFile(path.join(here, '.env'), 'OLYMPUS_API_URL=http://elsewhere\n');

    const foreign = readSettings({ OLYMPUS_STATE_DIR: state, OLYMPUS_API_TOKEN: 'typed' }, here).env;
    const ours = readSettings({ OLYMPUS_STATE_DIR: state }, at).env;

    assert.deepEqual(
      [foreign['OLYMPUS_API_URL'], foreign['OLYMPUS_API_TOKEN']],
      ['http://elsewhere', undefined],
    );
    assert.deepEqual([ours['OLYMPUS_API_URL'], ours['OLYMPUS_API_TOKEN']], ['http://ours', 'secret']);
  });

  it('take a typed token with the address of the state directory, also when that is where one stands', async () => {
    const state = path.join(dir.path, 'typed');
    await mkdir(state, { recursive: true });
    await writeFile(path.join(state, '.env'), 'OLYMPUS_API_URL=http://ours\nOLYMPUS_API_TOKEN=secret\n');

    const { env } = readSettings({ OLYMPUS_STATE_DIR: state, OLYMPUS_API_TOKEN: 'typed' }, state);

    assert.deepEqual([env['OLYMPUS_API_URL'], env['OLYMPUS_API_TOKEN']], ['http://ours', 'typed']);
  });

  it("leave another project's .env alone", async () => {
    const here = await write('here', 'DATABASE_URL=postgres://elsewhere', 'NO_COLOR=1');

    const { env, envFiles } = readSettings({ OLYMPUS_STATE_DIR: path.join(dir.path, 'none') }, here);

    assert.equal(env['DATABASE_URL'], undefined);
    assert.deepEqual(envFiles, []);
  });

  it('name a file once when the working directory is the state directory', async () => {
    const here = await write('here', 'OLYMPUS_A=1');

    assert.equal(readSettings({ OLYMPUS_STATE_DIR: here }, here).envFiles.length, 1);
  });
});
