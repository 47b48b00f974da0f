import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { parse } from 'yaml';
import { askChatServer, type ChatServer } from '#lab/chat/chat-server.ts';
import { writeLabInventory } from '#lab/chat/lab-inventory.ts';
import { choosePort } from '#lab/local/ports.ts';
import { openingsOf } from '#provision/connectivity/openings.ts';
import { readInventory } from '#provision/inventory/read-inventory.ts';
import { roleVariables } from '#provision/inventory/role-variables.ts';
import { behindTls, chatOutside, TOKENS } from '#test/chat-outside.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import type { MattermostStandin } from '../../src/standins/mattermost/server.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const { signal } = new AbortController();

describe('a chat server outside that a lab is to use', () => {
  let dir: TempDir;
  let server: MattermostStandin;
  before(async () => {
    dir = await tempDir('chat-server');
    server = await chatOutside();
  });
  after(async () => {
    await server?.close();
    await dir?.[Symbol.asyncDispose]();
  });

  function tokensFile(text: string, mode = 0o600): string {
    const file = path.join(dir.path, 'tokens.yml');
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  }

  function ask(
    changes: { url?: string; tokens?: string; agents?: string[]; pingTimeoutMs?: number } = {},
  ): Promise<ChatServer> {
    return askChatServer({
      url: changes.url ?? server.url,
      tokensFile: tokensFile(changes.tokens ?? TOKENS),
      agents: changes.agents ?? ['athena', 'apollo'],
      usualTeam: 'olympus',
      signal,
      ...(changes.pingTimeoutMs === undefined ? {} : { pingTimeoutMs: changes.pingTimeoutMs }),
    });
  }

  it('is taken with its team, the person and a bot for each agent', async () => {
    const seen = await ask({ url: `${server.url}/` });

    assert.deepEqual(seen, {
      url: server.url,
      team: 'work',
      person: { username: 'ada', token: 'token-of-ada' },
      agentTokens: { athena: 'token-of-athena', apollo: 'token-of-apollo' },
    });
  });

  for (const url of [
    'chat.example',
    'ftp://chat.example',
    'https://ada:secret@chat.example',
    'https://c.example/?a',
  ]) {
    it(`is refused where its address is ${url}`, async () => {
      await assert.rejects(ask({ url }), { message: /^What --chat-url says is not the address/ });
    });
  }

  it('is refused where the tokens are not there, or are not for everybody to hear of', async () => {
    const asked = { url: server.url, agents: ['athena'], usualTeam: 'olympus', signal };
    await assert.rejects(askChatServer(asked), {
      message: `Nothing says who the agents are at ${server.url}.`,
      remedy: /bot account .*\(athena\)[\s\S]*--chat-tokens[\s\S]*\n {2}athena: /,
    });
    await assert.rejects(askChatServer({ ...asked, tokensFile: '/nowhere/tokens.yml' }), {
      message: /^There is no file \/nowhere\/tokens\.yml/,
    });
    const open = tokensFile(TOKENS, 0o640);
    await assert.rejects(askChatServer({ ...asked, tokensFile: open }), { remedy: `Run: chmod 600 ${open}` });
  });

  it('is refused where the file says something else than tokens, and the refusal quotes none', async () => {
    const wrong = /tokens\.yml:1:1: person: write an access token/;
    await assert.rejects(ask({ tokens: 'athena: token-of-athena\n' }), { message: wrong });
    const nested = ask({ tokens: 'person: token-of-ada\nathena: {token: token-of-athena}\n' });
    await assert.rejects(nested, (error: Error) => {
      assert.match(error.message, /tokens\.yml:2:9: athena: write an access token/);
      assert.doesNotMatch(error.message, /token-of-/);
      return true;
    });
  });

  const accounts: [what: string, tokens: string, message: RegExp, remedy: RegExp][] = [
    [
      'an agent is missing',
      TOKENS.replace(/^apollo.*\n/m, ''),
      /has no token for apollo\.$/,
      /bot account apollo/,
    ],
    [
      'a token is refused',
      TOKENS.replace('token-of-athena', 'old'),
      /does not take the token of athena\.$/,
      /new/,
    ],
    [
      'a bot is called otherwise',
      TOKENS.replace('token-of-athena', 'token-of-apollo'),
      /athena is that of @apollo/,
      /bot account athena/,
    ],
    [
      'an agent is a person',
      TOKENS.replace('token-of-athena', 'token-of-ada'),
      /@ada at .*, a person\.$/,
      /bot/,
    ],
    [
      'the person is a bot',
      TOKENS.replace('token-of-ada', 'token-of-athena'),
      /@athena at .*, a bot\.$/,
      /your own/,
    ],
    [
      'the team is another',
      TOKENS.replace(/^team.*\n/m, ''),
      /@ada is not in the team olympus/,
      /team: <name>/,
    ],
  ];
  for (const [what, tokens, message, remedy] of accounts) {
    it(`is refused where ${what}`, async () => {
      await assert.rejects(ask({ tokens }), { message, remedy });
    });
  }

  async function answering(listener: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
    const other = createServer(listener).listen(0, '127.0.0.1');
    await once(other, 'listening');
    await work(`http://127.0.0.1:${(other.address() as AddressInfo).port}`).finally(() => {
      other.closeAllConnections();
      other.close();
    });
  }

  it('is refused where nothing listens, or something else answers', async () => {
    const nobody = `http://127.0.0.1:${await choosePort(0)}`;
    await assert.rejects(ask({ url: nobody }), {
      message: `The chat server ${nobody} cannot be reached from this machine (ECONNREFUSED).`,
    });
    const silent: RequestListener = () => undefined;
    await answering(silent, async (url) => {
      await assert.rejects(ask({ url, pingTimeoutMs: 50 }), {
        message: /cannot be reached from this machine \(.*timeout\)\.$/,
      });
    });
    const page: RequestListener = (_request, response) => void response.end('<html>welcome</html>');
    await answering(page, async (url) => {
      await assert.rejects(ask({ url }), { message: /is no Mattermost that is ready: 200/ });
    });
    const elsewhere: RequestListener = (_request, response) =>
      void response.writeHead(301, { location: 'https://chat.example/api/v4/system/ping' }).end();
    await answering(elsewhere, async (url) => {
      await assert.rejects(ask({ url }), { message: /sends whoever asks on to https:\/\/chat\.example/ });
    });
  });

  it('is refused where its authority is not known here, with how to make it known', async () => {
    const tls = await behindTls(server.url, dir.path);
    try {
      await assert.rejects(ask({ url: tls.url }), {
        message: /^The certificate of https:.* is not trusted here \(.*\)\.$/,
        remedy: /NODE_EXTRA_CA_CERTS/,
      });
    } finally {
      tls.server.close();
    }
  });

  it('stands in the inventory of the lab, and the stand-in does not', async () => {
    const chat = await ask();
    const folder = writeLabInventory({ root: ROOT, dir: dir.path, chat, url: 'http://10.220.1.1:8065' });
    const read = { root: ROOT, alsoKnown: roleVariables(ROOT) };
    const { variables, machines, ...rest } = readInventory(folder, read);
    const usual = readInventory(path.join(ROOT, 'inventory/lab'), read);

    assert.deepEqual(variables, {
      ...usual.variables,
      standins_enabled: false,
      mattermost_url: 'http://10.220.1.1:8065',
      mattermost_addresses: [],
      mattermost_team: 'work',
      api_tokens: [{ ...usual.variables.api_tokens[0], chat: 'ada' }],
    });
    assert.deepEqual(machines, usual.machines);
    const hub = machines.find(({ group }) => group === 'hub');
    assert.ok(hub);
    const ports = openingsOf(hub, { ...rest, variables, machines }).map(({ port }) => port);
    assert.deepEqual(ports, [22, 4222, 8090]);
    const vault = readFileSync(path.join(folder, 'group_vars/all/vault.yml'), 'utf8');
    assert.equal(typeof parse(vault).vault_agents, 'string');
    assert.doesNotMatch(readFileSync(path.join(folder, 'group_vars/all/main.yml'), 'utf8'), /token-of-/);
  });
});
