import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, cacheDirectory, readConfig, readSecretFile, stateDirectory } from '#lib/config.ts';
import { readYaml, YamlError } from '#lib/yaml.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir('settings');
});
afterEach(() => dir[Symbol.asyncDispose]());

function messageOf(wanted: typeof ConfigError | typeof YamlError, action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof wanted, `threw ${error}`);
    return error.message;
  }
  throw new Error('it did not throw');
}

describe('settings from the environment', () => {
  const schema = z
    .object({
      OLYMPUS_URL: z.url({ error: 'write a URL such as http://10.220.1.10:8065' }),
      OLYMPUS_PORT: z.coerce.number({ error: 'write a port number' }).default(8090),
    })
    .refine((settings) => settings.OLYMPUS_PORT !== 1, { error: 'port 1 is taken' });

  it('are read, defaults filled in, an empty variable being absent', () => {
    const env = { OLYMPUS_URL: 'http://a', OLYMPUS_PORT: '', HOME: '/root' };

    assert.deepEqual(readConfig(schema, env), { OLYMPUS_URL: 'http://a', OLYMPUS_PORT: 8090 });
  });

  it('are refused in one message with a line for each that is wrong', () => {
    const message = messageOf(ConfigError, () => readConfig(schema, { OLYMPUS_PORT: 'ssh' }));

    assert.equal(
      message,
      'OLYMPUS_URL is not set: write a URL such as http://10.220.1.10:8065\nOLYMPUS_PORT=ssh: write a port number',
    );
  });

  it('are refused with the bare sentence when no single variable is wrong', () => {
    const env = { OLYMPUS_URL: 'http://a', OLYMPUS_PORT: '1' };

    assert.equal(
      messageOf(ConfigError, () => readConfig(schema, env)),
      'port 1 is taken',
    );
  });
});

describe('a secret file', () => {
  it('is read without its newline, by its owner or a group', async () => {
    for (const mode of [0o600, 0o400, 0o640, 0o440]) {
      const file = path.join(dir.path, `secret-${mode}`);
      await writeFile(file, 's3cret\n', { mode });

      assert.equal(readSecretFile('OLYMPUS_TOKEN_FILE', file), 's3cret');
    }
  });

  it('is refused when others may read, write or enter it', async () => {
    const file = path.join(dir.path, 'secret');
    await writeFile(file, 's3cret\n');
    for (const mode of [0o604, 0o602, 0o601, 0o644, 0o777]) {
      await chmod(file, mode);

      const message = messageOf(ConfigError, () => readSecretFile('OLYMPUS_TOKEN_FILE', file));

      assert.match(message, /^OLYMPUS_TOKEN_FILE: .*chmod o= /);
      assert.ok(!message.includes('s3cret'));
    }
  });

  it('is refused when it is missing or empty, with what to do', async () => {
    const file = path.join(dir.path, 'secret');
    assert.match(
      messageOf(ConfigError, () => readSecretFile('OLYMPUS_TOKEN_FILE', file)),
      /^OLYMPUS_TOKEN_FILE: cannot read .*secret \(ENOENT\)\. Write the secret there, with mode 0600\.$/,
    );

    await writeFile(file, ' \n', { mode: 0o600 });
    assert.match(
      messageOf(ConfigError, () => readSecretFile('OLYMPUS_TOKEN_FILE', file)),
      /is empty/,
    );
  });
});

describe('directories', () => {
  it('of state follow the most particular setting', () => {
    const env = { OLYMPUS_STATE_DIR: '/a', OLYMPUS_HOME: '/b', OLYMPUS_ENV: 'dev' };

    assert.equal(stateDirectory(env), '/a');
    assert.equal(stateDirectory({ ...env, OLYMPUS_STATE_DIR: '' }), '/b/state');
    assert.equal(stateDirectory({ OLYMPUS_ENV: 'dev' }), path.join(homedir(), '.olympus-dev', 'state'));
    assert.equal(stateDirectory({}), path.join(homedir(), '.olympus', 'state'));
  });

  it('of the cache follow OLYMPUS_CACHE_DIR', () => {
    assert.equal(cacheDirectory({ OLYMPUS_CACHE_DIR: '/a/b' }), '/a/b');
    assert.match(cacheDirectory({}), /[/.]cache\/olympus$/);
  });
});

describe('a YAML file', () => {
  const schema = z.strictObject({
    name: z.string(),
    limits: z.strictObject({ depth: z.number({ error: 'write a number' }) }),
    hats: z.array(z.enum(['architecture', 'security'])).default([]),
  });

  async function refusal(text: string): Promise<string> {
    const file = path.join(dir.path, 'agent.yml');
    await writeFile(file, text);
    const message = messageOf(YamlError, () => readYaml(file, schema));
    return message.replaceAll(file, 'agent.yml');
  }

  it('is read and checked', async () => {
    const file = path.join(dir.path, 'agent.yml');
    await writeFile(file, '---\nname: athena # the lead\nlimits: {depth: 3}\n');

    assert.deepEqual(readYaml(file, schema), { name: 'athena', limits: { depth: 3 }, hats: [] });
  });

  it('is refused at the line and column of the wrong value', async () => {
    assert.equal(
      await refusal('name: athena\nlimits:\n  depth: three\n'),
      'agent.yml:3:10: limits.depth: write a number',
    );
    assert.match(
      await refusal('name: athena\nlimits: {depth: 3}\nhats:\n  - security\n  - safety\n'),
      /^agent\.yml:5:5: hats\.1: /,
    );
  });

  it('is refused with a line for everything that is wrong', async () => {
    const message = await refusal('name: 3\nlimits: {depth: x}\n');

    assert.deepEqual(
      message.split('\n').map((line) => line.split(': ')[0]),
      ['agent.yml:1:7', 'agent.yml:2:17'],
    );
  });

  it('is refused at the place where a missing field belongs', async () => {
    assert.match(await refusal('name: athena\nlimits: {}\n'), /^agent\.yml:2:9: limits\.depth: /);
    assert.match(await refusal(''), /^agent\.yml:1:1: the file: /);
  });

  it('is refused at the key that nobody knows', async () => {
    assert.match(
      await refusal('name: athena\nlimits:\n  depth: 3\n  dept: 4\n'),
      /^agent\.yml:4:3: limits: Unrecognized key: "dept"$/,
    );
  });

  it('is refused where it is not YAML', async () => {
    assert.match(await refusal('name: athena\nname: apollo\n'), /^agent\.yml:2:1: Map keys must be unique/);
    assert.match(await refusal('name: [athena\n'), /^agent\.yml:\d+:\d+: /);
    assert.match(await refusal('name: *nobody\n'), /^agent\.yml: .*nobody/);
  });

  it('is refused with a sentence when it cannot be read', () => {
    const file = path.join(dir.path, 'missing.yml');

    assert.equal(
      messageOf(YamlError, () => readYaml(file, schema)),
      `${file}: cannot be read (ENOENT)`,
    );
  });
});
