import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findingLine } from '#provision/inventory/finding.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import { ROOT, writeSmallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const GOOD = {
  repositories: 'repositories: [acme/web]',
  reader: 'reader: athena',
  agents:
    'agents: {athena: {login: "athena-acme[bot]", app: 1, installation: 2}, apollo: {login: apollo-acme}}',
  people: 'people: {ada-l: ada}',
};

describe('GitHub in an inventory', () => {
  let dir: TempDir;
  beforeEach(async () => {
    dir = await tempDir('github-inventory');
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  /** What is said of an inventory whose variables go on with these from the fourth line on, without the folder. */
  function findingsOf(lines: string): string {
    writeSmallFleet(dir.path);
    const file = path.join(dir.path, 'group_vars', 'all', 'main.yml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('network_dns: []', `${lines}\nnetwork_dns: []`));
    const { findings } = checkInventory(dir.path, { root: ROOT, alsoKnown: new Set() });
    return findings.map((finding) => path.relative(dir.path, findingLine(finding))).join('\n');
  }
  const withFields = (fields: Partial<Record<keyof typeof GOOD | 'more', string>>): string =>
    ['github:', ...Object.values({ ...GOOD, ...fields }).map((line) => `  ${line}`)].join('\n');

  it('is taken as docs/operations.md and inventory/example show it', () => {
    const section = readFileSync(path.join(ROOT, 'docs/operations.md'), 'utf8');
    const shown = /```yaml\n(github:\n[\s\S]*?)\n```/.exec(section)?.[1];
    assert.ok(shown);
    assert.equal(findingsOf(shown), '');
    const example = readFileSync(path.join(ROOT, 'inventory/example/group_vars/all/main.yml'), 'utf8');
    const commented = /^# github:\n(?:# {3}.*\n)+/m.exec(example)?.[0].replaceAll(/^# /gm, '').trimEnd();
    assert.ok(commented);
    assert.equal(findingsOf(commented), '');
    assert.equal(findingsOf(withFields({})), '');
  });

  for (const [what, fields, finding] of [
    ['no repository', { repositories: 'repositories: []' }, '5:17: github.repositories: name at least one'],
    [
      'a repository without an owner',
      { repositories: 'repositories: [web]' },
      '5:18: github.repositories.0: write a repository as owner/name, such as acme/web',
    ],
    [
      'a repository twice',
      { repositories: 'repositories: [acme/web, Acme/Web]' },
      '5:17: github.repositories: a repository stands there twice, capitals aside',
    ],
    ['a reader that is none', { reader: 'reader: hermes' }, '6:11: github.reader: name one of agents'],
    [
      'an agent of no fleet',
      { agents: 'agents: {athena: {login: a}, apolo: {login: b}}' },
      '7:32: github.agents.apolo: there is no agent apolo, only athena, apollo. Did you mean apollo?',
    ],
    [
      'an App without its installation',
      { agents: 'agents: {athena: {login: a, app: 1}}' },
      '7:20: github.agents.athena: app and installation come together',
    ],
    [
      'two agents with one login',
      { agents: 'agents: {athena: {login: a}, apollo: {login: A}}' },
      '7:11: github.agents: two agents have the same login',
    ],
    [
      'an account with @',
      { people: 'people: {"@ada": ada}' },
      '8:12: github.people.@ada: write the name of an account without @',
    ],
    [
      'a word that Ansible reads as another',
      { people: 'people: {off: ada}' },
      '8:12: github.people.off: Ansible does not read off as a word: put it in quotes, "off".',
    ],
    ['a mistyped field', { more: 'poll_minute: 5' }, '9:3: github.poll_minute: there is no such field.'],
    ['no time at all', { more: 'poll_minutes: 0' }, '9:17: github.poll_minutes: write at least 1'],
  ] as const) {
    it(`is refused with ${what}`, () => {
      const found = findingsOf(withFields(fields));

      assert.ok(found.includes(`group_vars/all/main.yml:${finding}`), found);
    });
  }
});
