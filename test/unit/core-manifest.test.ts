import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { readYaml, YamlError } from '#lib/yaml.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const AGENTS = path.resolve(import.meta.dirname, '../../agents');
const MINIMAL = 'name: athena\nrole: lead\ndomains: [planning]\n';

describe('the manifest of an agent', () => {
  let dir: TempDir;

  before(async () => {
    dir = await tempDir('manifest');
  });
  after(async () => {
    await dir[Symbol.asyncDispose]();
  });

  async function read(text: string): Promise<Manifest> {
    const file = path.join(dir.path, 'agent.yml');
    await writeFile(file, text);
    return readYaml(file, Manifest);
  }

  async function refusal(text: string): Promise<string> {
    const error: unknown = await read(text).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof YamlError, 'it was taken');
    return error.message.replaceAll(`${dir.path}/`, '');
  }

  it('needs a name, a role and a domain; the rest has defaults', async () => {
    assert.deepEqual(await read(MINIMAL), {
      name: 'athena',
      role: 'lead',
      domains: ['planning'],
      hats: [],
      exec: 'full',
      model: 'lead',
      channels: { mattermost: {}, progress: true },
      limits: { concurrency: 1, depth: 3, run_timeout: 1800 },
    });
  });

  it('leaves the control plane its own name', async () => {
    assert.match(
      await refusal(MINIMAL.replace('athena', 'control')),
      /agent\.yml:1.*control is the name of the control plane/s,
    );
  });

  it('fills in the limits that are left out', async () => {
    const { limits } = await read(`${MINIMAL}limits: {concurrency: 4}\n`);

    assert.deepEqual(limits, { concurrency: 4, depth: 3, run_timeout: 1800 });
  });

  it('is refused at the line and column of a name that cannot stand in a subject', async () => {
    assert.equal(
      await refusal('name: Athena Pallas\nrole: lead\ndomains: [planning]\n'),
      'agent.yml:1:7: name: use 1 to 64 of: a-z, 0-9, _ and -',
    );
  });

  it('is refused at the line and column of a role, a channel mode and a limit that do not exist', async () => {
    assert.match(
      await refusal('name: athena\nrole: queen\ndomains: [planning]\n'),
      /^agent\.yml:2:7: role: /,
    );
    assert.match(
      await refusal(`${MINIMAL}channels:\n  mattermost:\n    leads: sometimes\n`),
      /^agent\.yml:6:12: channels\.mattermost\.leads: /,
    );
    assert.match(
      await refusal(`${MINIMAL}limits:\n  concurrency: 17\n`),
      /^agent\.yml:5:16: limits\.concurrency: /,
    );
  });

  it('is refused for a field nobody knows, at its place', async () => {
    assert.equal(
      await refusal(`${MINIMAL}limits:\n  concurency: 2\n`),
      'agent.yml:5:3: limits: Unrecognized key: "concurency"',
    );
  });

  it('is refused with what is missing', async () => {
    assert.equal(
      await refusal('name: athena\nrole: lead\ndomains: []\n'),
      'agent.yml:3:10: domains: name at least one domain',
    );
    assert.match(await refusal('name: athena\nrole: lead\n'), /^agent\.yml:1:1: domains: /);
  });

  const shipped = readdirSync(AGENTS, { withFileTypes: true })
    .filter((each) => each.isDirectory() && each.name !== 'workflows')
    .map(({ name }) => name);
  for (const name of shipped) {
    it(`of ${name} in agents/ is one, and has a persona and colleagues that are there`, () => {
      const manifest = readYaml(path.join(AGENTS, name, 'agent.yml'), Manifest);

      assert.equal(manifest.name, name);
      assert.match(readFileSync(path.join(AGENTS, name, 'SOUL.md'), 'utf8'), new RegExp(`^# ${name}\n`, 'i'));
      assert.match(readFileSync(path.join(AGENTS, name, 'AGENTS.md'), 'utf8'), /^# How you work\n/);
      assert.deepEqual(
        (manifest.delegates_to ?? []).filter((each) => each === name || !shipped.includes(each)),
        [],
      );
    });
  }
});
