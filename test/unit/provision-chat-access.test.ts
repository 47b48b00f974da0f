import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findingLine } from '#provision/inventory/finding.ts';
import { checkInventory } from '#provision/inventory/read-inventory.ts';
import { ROOT, writeSmallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

describe('who may give work, in an inventory', () => {
  let dir: TempDir;
  beforeEach(async () => {
    dir = await tempDir('chat-access');
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  /** What is said of an inventory whose variables go on with these from the fourth line on, without the folder. */
  function findingsOf(lines: string): string {
    writeSmallFleet(dir.path);
    const file = path.join(dir.path, 'group_vars', 'all', 'main.yml');
    const text = readFileSync(file, 'utf8');
    const edited = text.replace('network_dns: []', `${lines}\nnetwork_dns: []`);
    assert.notEqual(edited, text);
    writeFileSync(file, edited);
    const { findings } = checkInventory(dir.path, { root: ROOT, alsoKnown: new Set() });
    return findings.map((finding) => path.relative(dir.path, findingLine(finding))).join('\n');
  }
  const inChannel = (line: string): string => `chat_access:\n  channels:\n    ${line}`;

  it('is taken as docs/operations.md shows it', () => {
    const section = readFileSync(path.join(ROOT, 'docs/operations.md'), 'utf8');
    const shown = /```yaml\n(chat_access:\n[\s\S]*?)\n```/.exec(section)?.[1];
    assert.ok(shown);

    assert.equal(findingsOf(shown), '');
    assert.equal(findingsOf('agent_pair_per_day: 12'), '');
    assert.equal(findingsOf(inChannel('"off": {users: ["yes", \'1_000\', onward]}')), '');
  });

  for (const [what, lines, finding] of [
    [
      'a mistyped field',
      inChannel('leads: {usrs: [ada]}'),
      '6:13: chat_access.channels.leads.usrs: there is no such field.',
    ],
    [
      'a place that is none',
      'chat_access: {directs: {users: []}}',
      '4:15: chat_access.directs: there is no such field.',
    ],
    [
      'a list of nothing',
      inChannel('leads: {}'),
      '6:12: chat_access.channels.leads: write users, roles or both; {users: []} lets nobody',
    ],
    [
      'an account with @',
      inChannel('leads: {users: [bob, "@ada"]}'),
      '6:26: chat_access.channels.leads.users.1: write the name of an account without @, or its id of 26 characters',
    ],
    [
      'a role that the chat server does not know',
      inChannel('leads: {roles: [admin]}'),
      '6:21: chat_access.channels.leads.roles.0: write system_admin, system_user or system_guest, as the chat server calls them',
    ],
    [
      'a channel by the name that people see',
      inChannel('Town Square: {users: [ada]}'),
      '6:5: chat_access.channels.Town Square: write the name of a channel as it stands in its address, such as town-square, or its id of 26 characters',
    ],
    [
      'a channel that Ansible takes for false',
      inChannel('off: {users: [ada]}'),
      '6:5: chat_access.channels.off: Ansible does not read off as a word: put it in quotes, "off".',
    ],
    [
      'an account that Ansible takes for true',
      inChannel('leads: {users: [ada, yes]}'),
      '6:26: chat_access.channels.leads.users: Ansible does not read yes as a word: put it in quotes, "yes".',
    ],
    [
      'a channel that Ansible takes for a number',
      inChannel('1_000: {users: [ada]}'),
      '6:5: chat_access.channels.1_000: Ansible does not read 1_000 as a word: put it in quotes, "1_000".',
    ],
    [
      'a channel that Ansible takes for a day',
      inChannel('2026-11-30: {users: [ada]}'),
      '6:5: chat_access.channels.2026-11-30: Ansible does not read 2026-11-30 as a word: put it in quotes, "2026-11-30".',
    ],
    [
      'a person whose account Ansible takes for false',
      'api_tokens: [{name: ada, scopes: [read], chat: no}]',
      '4:48: api_tokens.chat: Ansible does not read no as a word: put it in quotes, "no".',
    ],
    [
      'the same person twice in other letters',
      'api_tokens: [{name: jane, scopes: [read]}, {name: Jane, scopes: [read]}]',
      '4:13: api_tokens: a name stands there twice, capitals aside: give each person one entry',
    ],
    [
      'half a request a day',
      'agent_pair_per_day: 0.5',
      '4:21: agent_pair_per_day: write a whole number of requests, such as 30',
    ],
  ] as const) {
    it(`is refused for ${what}, with its place and what to write`, () => {
      assert.equal(findingsOf(lines).split('\n')[0], `group_vars/all/main.yml:${finding}`);
    });
  }
});
