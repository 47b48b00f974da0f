import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { moduleRun } from './ansible.ts';
import { type ChatHost, chatHost } from './chat-host.ts';

interface Result {
  readonly changed: boolean;
  readonly steps: readonly string[];
  readonly pending: readonly string[];
  readonly msg?: string;
}

const AGENTS = { athena: ['town-square', 'leads'], apollo: ['town-square'] };

describe('the accounts of a chat server of ours', function () {
  // Whole playbooks, on a machine that others keep busy.
  this.timeout(360_000);
  let dir: TempDir;
  let host: ChatHost;

  beforeEach(async () => {
    dir = await tempDir('chat-host');
    host = await chatHost(dir.path);
  });
  afterEach(async () => {
    await host?.[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const make = (more: object = {}, options: readonly string[] = []) =>
    moduleRun<Result>(
      'olympus_chat',
      {
        ...{
          mmctl: host.mmctl,
          url: host.url,
          pending_dir: host.pendingDir,
          mail_domain: 'olympus.internal',
        },
        ...{ admin: 'olympus-admin', admin_password: 'only-in-the-vault', team: 'olympus', agents: AGENTS },
        ...{ private_channels: ['leads'], tokens_known: [], ...more },
      },
      options,
    );

  it('are made once: tokens wait on the host until the secrets can be written, and then nothing changes', async () => {
    const failed = await host.bootstrap('-vvv', '-e', 'mattermost_secrets_file=/nowhere/vault.yml');
    const before = host.state();
    const first = await host.bootstrap('-vvv');
    const { users, teams, channels, tokens, calls } = host.state();
    const secrets = await host.secrets();
    const second = await host.bootstrap();

    assert.notEqual(failed.code, 0);
    const said = failed.output.replaceAll(/\s+/g, ' ');
    assert.match(
      said,
      /The new tokens of athena, apollo are kept on r720xd until .* There are no secrets in/,
    );
    assert.equal(first.code, 0, first.output);
    assert.deepEqual([tokens.length, tokens], [2, before.tokens]);
    assert.deepEqual(
      users.map(({ username, is_bot, roles }) => [username, is_bot, roles]),
      [
        ['olympus-admin', undefined, 'system_admin system_user'],
        ['athena', true, 'system_user'],
        ['apollo', true, 'system_user'],
      ],
    );
    assert.deepEqual(teams[0]?.members, ['olympus-admin', 'athena', 'apollo']);
    assert.deepEqual(
      channels.map(({ name, members }) => [name, members]),
      [
        ['town-square', ['athena', 'apollo']],
        ['off-topic', []],
        ['leads', ['athena']],
      ],
    );
    // Where the agents find them: among the secrets, and in this run already.
    const [athena, apollo] = tokens.map(({ token }) => token);
    const kept = Object.values(secrets.vault_agents).map((agent) => agent['mattermost_token']);
    assert.deepEqual(kept, [athena, apollo]);
    assert.deepEqual([await host.tokenAt('athena'), await host.tokenAt('apollo')], [athena, apollo]);
    assert.ok(!existsSync(host.pendingDir));

    const admin = String(secrets['vault_mattermost_admin_password']);
    for (const secret of [athena, apollo, admin]) {
      assert.ok(secret && secret.length > 20);
      assert.ok(!`${failed.output}${first.output}`.includes(secret), 'a secret was printed');
      assert.ok(!JSON.stringify(calls).includes(secret), 'a secret was an argument');
    }
    assert.match(second.output, /r720xd +: ok=\d+ +changed=0 /);
    assert.deepEqual(host.state().tokens, tokens);
  });

  it('are mended by the next run, wherever the one before was cut off, and no token is alive that nobody has', async () => {
    host.change(({ faults }) =>
      faults.push(
        { command: 'team create', when: 'after' },
        { command: 'user create', when: 'after' },
        { command: 'token generate', when: 'after' },
      ),
    );
    const ends: (string | undefined)[] = [];
    let last: Result | undefined;
    for (let times = 0; times < 4; times += 1) {
      last = (await make()).result;
      ends.push(last.msg?.replace(/ Done before: .*/, ''));
    }

    assert.deepEqual(ends, [
      'mmctl team create failed: Error: the connection was reset',
      'mmctl user create failed: Error: the connection was reset',
      'mmctl token generate failed: Error: the connection was reset',
      undefined,
    ]);
    assert.deepEqual(last?.pending, ['athena', 'apollo']);
    const { users, tokens } = host.state();
    assert.deepEqual(
      tokens.map(({ user }) => users.find(({ id }) => id === user)?.username),
      ['athena', 'apollo'],
    );
  });

  it("are not made of what is a person's, or of what somebody put away", async () => {
    const email = 'ada@example.com';
    host.change(({ users }) => users.push({ id: '1', username: 'athena', email, roles: 'system_user' }));
    const taken = await make({ admin: 'athena' });
    assert.match(
      taken.result.msg ?? '',
      /account athena on the chat server is a person's \(ada@example\.com\)/,
    );
    assert.equal(host.state().users[0]?.is_bot, undefined);

    const closed = await make();
    assert.match(
      closed.result.msg ?? '',
      /did not make the account olympus-admin \(status 403\): .*open signups/,
    );

    host.change(({ teams }) => teams.splice(0, 1, { name: 'olympus', delete_at: 1, members: [] }));
    const archived = await make({ admin: 'athena' });
    assert.match(archived.result.msg ?? '', /team olympus is archived\. Restore it/);
  });

  it('are foretold by --check, with a server and without one', async () => {
    const told = await make({}, ['--check']);
    const without = await make({ mmctl: ['/nowhere/mmctl'] }, ['--check']);

    const steps = ['account olympus-admin', 'team olympus', 'channel leads', 'bot athena', 'bot apollo'];
    assert.deepEqual(told.result.steps, [...steps, 'token of athena', 'token of apollo']);
    assert.match(without.result.steps[0] ?? '', /everything, once the server runs/);
    assert.deepEqual([host.state().users, host.state().teams], [[], []]);
  });
});
