import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { createMattermostStandin } from '../../src/standins/mattermost/server.ts';
import { ANSIBLE, moduleAlone } from './ansible.ts';
import { chatHost } from './chat-host.ts';
import { ScriptedChat } from './chat-server.ts';

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
  let chat: ScriptedChat;

  beforeEach(async () => {
    dir = await tempDir('chat-host');
    chat = await ScriptedChat.start(dir.path);
  });
  afterEach(async () => {
    await chat?.[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const make = (more: object = {}, check = false) =>
    moduleAlone<Result>(
      'olympus_chat',
      {
        ...{ mmctl: chat.mmctl, url: chat.url, pending_dir: `${dir.path}/pending` },
        ...{ mail_domain: 'olympus.internal', admin: 'olympus-admin', admin_password: 'only-in-the-vault' },
        ...{ team: 'olympus', agents: AGENTS, private_channels: ['leads'], tokens_known: [], ...more },
      },
      check,
    );

  it('are made once: tokens wait on the host until the secrets can be written, and then nothing changes', async function () {
    if (process.getuid?.() !== 0) this.skip(); // What it makes belongs to root.
    const host = await chatHost(dir.path, chat);
    const published = () => parse(readFileSync(host.composeFile, 'utf8')).services.mattermost.ports;
    const failed = await host.bootstrap('-vvv', '-e', 'mattermost_secrets_file=/nowhere/vault.yml');
    const before = chat.state();
    const closed = published();
    const first = await host.bootstrap('-vvv');
    const { users, teams, channels, tokens, calls } = chat.state();
    const secrets = await host.secrets();
    const second = await make({ tokens_known: ['athena', 'apollo'] });

    assert.notEqual(failed.code, 0);
    // Nobody else comes in before all of it is done.
    assert.deepEqual([closed, published()], [['127.0.0.1:8065:8065'], ['0.0.0.0:8065:8065']]);
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

    assert.doesNotMatch(JSON.stringify(calls), /password/, 'one is an argument');
    const admin = String(secrets['vault_mattermost_admin_password']);
    for (const secret of [athena, apollo, admin]) {
      assert.ok(secret && secret.length > 20);
      assert.ok(!`${failed.output}${first.output}`.includes(secret), 'a secret was printed');
      assert.ok(!JSON.stringify(calls).includes(secret), 'a secret was an argument');
    }
    assert.deepEqual([second.changed, second.pending], [false, []]);
    assert.deepEqual(chat.state().tokens, tokens);
  });

  it('are mended by the next run, wherever the one before was cut off, and no token is alive that nobody has', async () => {
    chat.change(({ faults }) =>
      faults.push(
        { command: 'team create', when: 'after' },
        { command: 'POST /bots', when: 'after' },
        { command: 'token generate', when: 'after' },
      ),
    );
    const ends: (string | undefined)[] = [];
    let last: Result | undefined;
    for (let times = 0; times < 4; times += 1) {
      last = await make();
      ends.push(last.msg?.replace(/ Done before: .*/, ''));
    }

    assert.deepEqual(ends, [
      'mmctl team create failed: Error: the connection was reset',
      `Mattermost does not answer at ${chat.url}: Remote end closed connection without response`,
      'mmctl token generate failed: Error: the connection was reset',
      undefined,
    ]);
    assert.deepEqual(last?.pending, ['athena', 'apollo']);
    const { users, tokens } = chat.state();
    assert.deepEqual(
      tokens.map(({ user }) => users.find(({ id }) => id === user)?.username),
      ['athena', 'apollo'],
    );
  });

  it("are not made of what is a person's, or of what somebody put away", async () => {
    const email = 'ada@example.com';
    chat.change(({ users }) => users.push({ id: '1', username: 'athena', email, roles: 'system_user' }));
    const taken = await make({ admin: 'athena' });
    assert.match(taken.msg ?? '', /account athena on the chat server is a person's \(ada@example\.com\)/);
    assert.equal(chat.state().users[0]?.is_bot, undefined);

    const closed = await make();
    assert.match(closed.msg ?? '', /did not make the account olympus-admin \(status 403\): .*open signups/);

    chat.change(({ teams }) => teams.splice(0, 1, { name: 'olympus', delete_at: 1, members: [] }));
    const archived = await make({ admin: 'athena' });
    assert.match(archived.msg ?? '', /team olympus is archived\. Restore it/);
  });

  it('are foretold by --check, with a server and without one', async () => {
    const told = await make({}, true);
    const without = await make({ mmctl: ['/nowhere/mmctl'] }, true);

    const steps = ['account olympus-admin', 'team olympus', 'channel leads', 'bot athena', 'bot apollo'];
    assert.deepEqual(told.steps, [...steps, 'token of athena', 'token of apollo']);
    assert.match(without.steps[0] ?? '', /everything, once the server runs/);
    assert.deepEqual([chat.state().users, chat.state().teams], [[], []]);
  });

  it('are made of bots in the way that Mattermost takes them', async () => {
    const standin = await createMattermostStandin({
      seed: {
        team: { name: 'olympus' },
        users: [{ username: 'olympus-admin', roles: 'system_admin system_user', token: 'of-the-admin' }],
        channels: [],
      },
    });
    try {
      const makeBot = (token: string) =>
        promisify(execFile)(
          '/usr/bin/python3',
          [
            ...[
              '-c',
              'import sys, olympus_mmctl; olympus_mmctl.Server([], sys.argv[1]).make_bot("athena", sys.argv[2])',
            ],
            ...[standin.url, token],
          ],
          { env: { PYTHONPATH: path.join(ANSIBLE, 'module_utils'), PYTHONDONTWRITEBYTECODE: '1' } },
        );
      await makeBot('of-the-admin');
      const seen = await fetch(`${standin.url}/api/v4/users/username/athena`, {
        headers: { authorization: 'Bearer of-the-admin' },
      });
      assert.equal(((await seen.json()) as { is_bot?: boolean }).is_bot, true);
      await assert.rejects(makeBot('of-nobody'), {
        stderr: /did not make the bot athena \(status 401\): Invalid or/,
      });
    } finally {
      await standin.close();
    }
  });
});
