import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { GithubSettings } from '#core/github-settings.ts';
import { publicKeyOf } from '#integrations/nats/keys.ts';
import { readInventory } from '#provision/inventory/read-inventory.ts';
import { roleVariables } from '#provision/inventory/role-variables.ts';
import { completeSecrets } from '#provision/secrets/fleet-secrets.ts';
import { ROOT, smallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const OPTIONS = { root: ROOT, alsoKnown: roleVariables(ROOT) };
const EXAMPLE = readInventory(path.join(ROOT, 'inventory/example'), OPTIONS);
const FLEET = smallFleet();
const { signal } = new AbortController();

describe('the secrets of a fleet', () => {
  let dir: TempDir;
  let text: string;

  before(async () => {
    dir = await tempDir('secrets');
    text = (await complete('')).text;
  });
  after(() => dir[Symbol.asyncDispose]());

  function complete(before: string, inventory = FLEET, nowMs = Date.now()) {
    return completeSecrets(before, inventory, { scratchDir: dir.path, nowMs, signal });
  }

  it('are what the hub and every agent need', () => {
    const secrets = parse(text);

    assert.deepEqual(Object.keys(secrets.vault_agents), ['athena', 'apollo']);
    for (const agent of Object.values<Record<string, string>>(secrets.vault_agents)) {
      assert.match(publicKeyOf(agent['nats_seed'] ?? ''), /^U/);
      for (const field of ['gateway_token', 'api_token', 'mattermost_token', 'model_key']) {
        assert.match(agent[field] ?? '', /^[0-9a-f]{32}$/);
      }
    }
    assert.match(publicKeyOf(secrets.vault_control_nats_seed), /^U/);
    assert.match(secrets.vault_chat_human_token, /^[0-9a-f]{32}$/);
  });

  it('are those of GitHub where it is used: one that we make, and one that GitHub makes', async () => {
    const github = GithubSettings.parse({
      ...{ repositories: ['acme/web'], reader: 'apollo', agents: { apollo: { login: 'apollo-acme' } } },
    });
    const inventory = { ...FLEET, variables: { ...FLEET.variables, github } };
    const completed = await complete(text, inventory);

    assert.deepEqual(completed.added, ['vault_github_webhook_secret', 'vault_agents.apollo.github_key']);
    assert.deepEqual(completed.notes, ['vault_agents.apollo.github_key is empty: write it yourself.']);
    assert.match(parse(completed.text).vault_github_webhook_secret, /^[0-9a-f]{32}$/);
  });

  it('hold a certificate of the hub that their authority signed', () => {
    const secrets = parse(text);
    const authority = new X509Certificate(secrets.vault_nats_ca_cert);
    const server = new X509Certificate(secrets.vault_nats_server_cert);

    assert.equal(authority.ca, true);
    assert.equal(server.verify(authority.publicKey), true);
    assert.equal(server.checkIP('10.220.1.20'), '10.220.1.20');
    assert.equal(server.checkHost('hub'), 'hub');
    assert.match(secrets.vault_nats_server_key, /^-----BEGIN PRIVATE KEY-----/);
  });

  it('leave no key behind in a file', () => {
    assert.deepEqual(readdirSync(dir.path), []);
  });

  it('are not changed by a second look', async () => {
    const again = await complete(text);

    assert.deepEqual([again.added, again.text, again.notes], [[], text, []]);
  });

  it('get what is missing and keep the rest, comments too', async () => {
    const secrets = parse(text);
    delete secrets.vault_agents.apollo;
    delete secrets.vault_control_api_token;
    const before = `# ours\n${stringify(secrets, { lineWidth: 0 })}other: value # stays\n`;

    const { text: after, added } = await complete(before);

    assert.deepEqual(added.toSorted(), [
      'vault_agents.apollo.api_token',
      'vault_agents.apollo.gateway_token',
      'vault_agents.apollo.mattermost_token',
      'vault_agents.apollo.model_key',
      'vault_agents.apollo.nats_seed',
      'vault_control_api_token',
    ]);
    assert.deepEqual(parse(after).vault_agents.athena, secrets.vault_agents.athena);
    assert.equal(parse(after).vault_nats_ca_key, secrets.vault_nats_ca_key);
    assert.match(after, /^# ours\n/);
    assert.match(after, /^other: value # stays$/m);
  });

  it('have a token for each person whom the inventory lets use the API', async () => {
    const people = [{ name: 'ada', scopes: ['read'] }];
    const allowed = { ...FLEET, variables: { ...FLEET.variables, api_tokens: people } };
    const { text: after, added } = await complete(text, allowed);

    assert.deepEqual(added, ['vault_api_tokens.ada']);
    assert.match(parse(after).vault_api_tokens.ada, /^[0-9a-f]{32}$/);
  });

  it('have a key for who asks by the older subjects where the inventory wants that', async () => {
    const wanting = { ...FLEET, variables: { ...FLEET.variables, knight_user: true } };
    const { text: after, added } = await complete(text, wanting);

    assert.deepEqual(added, ['vault_knight_nats_seed']);
    assert.match(publicKeyOf(parse(after).vault_knight_nats_seed), /^U/);
  });

  it('leave to a person what only a service can give', async () => {
    const { text: example, notes } = await complete('', EXAMPLE);

    assert.equal(parse(example).vault_agents.athena.model_key, '');
    assert.equal(parse(example).vault_chat_human_token, undefined);
    assert.ok(notes.includes('vault_agents.athena.mattermost_token is empty: write it yourself.'));
  });

  it('have what a chat server of ours needs, and ask nobody for the tokens that it gives', async () => {
    const variables = { ...EXAMPLE.variables, mattermost_host: 'r720xd' };
    const { text: own, notes } = await complete('', { ...EXAMPLE, variables });

    for (const name of ['vault_mattermost_admin_password', 'vault_mattermost_db_password'])
      assert.match(parse(own)[name], /^[0-9a-f]{32}$/);
    assert.equal(parse(own).vault_agents.athena.mattermost_token, '');
    assert.ok(!notes.some((note) => note.includes('mattermost_token')), notes.join());
  });

  it('say when a certificate no longer fits', async () => {
    const moved = {
      ...FLEET,
      machines: FLEET.machines.map((each) =>
        each.name === 'hub' ? { ...each, address: '10.220.1.21' } : each,
      ),
    };

    const { notes, added } = await complete(text, moved);
    const later = await complete(text, FLEET, Date.now() + 20 * 365 * 86_400_000);

    assert.deepEqual(added, []);
    assert.match(
      notes.join(),
      /vault_nats_server_cert no longer serves: it does not hold for 10\.220\.1\.21/,
    );
    assert.match(later.notes.join(), /it ended on /);
  });

  const BROKEN: readonly [what: string, change: (secrets: Record<string, unknown>) => void, error: RegExp][] =
    [
      [
        'an authority without its key',
        (all) => delete all['vault_nats_ca_key'],
        /vault_nats_ca_cert without vault_nats_ca_key/,
      ],
      [
        'a server certificate without its authority',
        (all) => {
          delete all['vault_nats_ca_key'];
          delete all['vault_nats_ca_cert'];
        },
        /but not the authority that signed it/,
      ],
      ['agents that are no map', (all) => Object.assign(all, { vault_agents: [] }), /are not a map/],
    ];
  for (const [what, change, error] of BROKEN) {
    it(`are left alone with ${what}`, async () => {
      const secrets = parse(text);
      change(secrets);

      await assert.rejects(complete(stringify(secrets, { lineWidth: 0 })), error);
    });
  }

  it('are never quoted by an error', async () => {
    await assert.rejects(complete('vault_control_api_token: "s3cret\n'), (error: Error) => {
      assert.match(error.message, /are not YAML/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  });
});
