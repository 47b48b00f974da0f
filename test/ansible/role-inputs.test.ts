import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { newUserKey } from '#integrations/nats/keys.ts';
import { newNonce } from '#lib/id.ts';
import { tempDir } from '#test/temp-dir.ts';
import { apiTokens } from '../../src/cli/render/api-tokens.ts';
import { natsAccounts } from '../../src/cli/render/servers.ts';
import { ANSIBLE, ROOT, run } from './ansible.ts';

const seed = (): string => newUserKey().seed;
const agent = () => ({ nats_seed: seed(), api_token: newNonce() });
const SECRETS = {
  vault_control_nats_seed: seed(),
  vault_agents: { athena: agent(), apollo: agent() },
  vault_api_tokens: {},
  // Not made where nobody wants it.
  vault_knight_nats_seed: null,
};

/** What a role on the hub hands to `olympus render`, as Ansible makes it of its variables. */
async function inputOf(role: string, variable: string, more: object): Promise<string> {
  await using dir = await tempDir('role-inputs');
  const ansible = path.join(dir.path, 'ansible');
  const target = path.join(dir.path, 'input.json');
  await mkdir(ansible);
  for (const entry of ['roles', 'group_vars', 'library', 'action_plugins'])
    await symlink(path.join(ANSIBLE, entry), path.join(ansible, entry));
  const play = {
    hosts: 'hub',
    connection: 'local',
    gather_facts: false,
    // Not run: a role in the play brings its defaults and its variables.
    roles: [{ role, when: false }],
    tasks: [
      { 'ansible.builtin.copy': { content: `{{ ${variable} | to_json }}`, dest: target, mode: '0600' } },
    ],
  };
  const files = { play: path.join(ansible, 'inputs.yml'), vars: path.join(dir.path, 'vars.yml') };
  await writeFile(files.play, stringify([play]));
  await writeFile(files.vars, stringify({ ...SECRETS, ...more }));
  const ended = await run('ansible-playbook', [
    ...['--inventory', 'inventory/lab', '--extra-vars', `@${files.vars}`],
    path.relative(ROOT, files.play),
  ]);
  assert.equal(ended.code, 0, ended.output);
  return readFile(target, 'utf8');
}

describe('what a role hands to our code', () => {
  it('are accounts of the bus, without those who are not wanted', async () => {
    const accounts = natsAccounts(await inputOf('nats', '_nats_accounts', {}));

    assert.match(accounts, /athena/);
    assert.doesNotMatch(accounts, /knight\./);
  });

  it('are accounts of the bus, with the older user where it is wanted', async () => {
    const wanted = { knight_user: true, vault_knight_nats_seed: seed() };

    assert.match(natsAccounts(await inputOf('nats', '_nats_accounts', wanted)), /knight\.\*\.task/);
  });

  it('are secrets of GitHub: the one before while there is one, and a key of each agent there', async () => {
    const agents = { apollo: { login: 'apollo' }, athena: { login: 'athena' } };
    const github = { repositories: ['acme/web'], reader: 'apollo', agents };
    const keyed = (github_key: string) => ({ ...agent(), github_key });
    const keys = { apollo: keyed('his key'), athena: keyed('her key') };
    const vault_agents = { ...SECRETS.vault_agents, ...keys };
    const more = { github, vault_agents, vault_github_webhook_secret: 'now' };
    const filesOf = async (variables: object): Promise<string[]> =>
      JSON.parse(await inputOf('control', '_control_github_files', variables)).map(
        ({ path: at, secret, mode }: { path: string; secret: string; mode: string }) =>
          `${path.basename(at)} ${secret} ${mode}`,
      );

    const usual = ['webhook-secret now 0400', 'key-apollo his key 0400', 'key-athena her key 0400'];
    assert.deepEqual(await filesOf(more), usual);
    const replaced = { ...more, vault_github_webhook_secret_before: 'then' };
    assert.deepEqual(await filesOf(replaced), [...usual, 'webhook-secret-before then 0400']);
  });

  it('are tokens of the API, of agents and of the people whom the inventory names', async () => {
    const people = {
      api_tokens: [{ name: 'ada', scopes: ['read'], chat: 'ada.lovelace' }],
      vault_api_tokens: { ada: newNonce() },
    };

    assert.match(apiTokens(await inputOf('control', '_control_api_tokens', people)), /"ada\.lovelace"/);
    const nobody = { api_tokens: [] };
    assert.match(apiTokens(await inputOf('control', '_control_api_tokens', nobody)), /agent:athena/);
  });
});
