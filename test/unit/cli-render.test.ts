import assert from 'node:assert/strict';
import { ApiTokensFile } from '#core/scopes.ts';
import { newUserKey } from '#integrations/nats/keys.ts';
import { runCli } from '#test/cli-here.ts';

/** Runs `olympus render <name>` on this input. */
const render = (name: string, input: unknown) =>
  runCli(['render', name], { input: typeof input === 'string' ? input : JSON.stringify(input) });

const GATEWAY = {
  agentName: 'athena',
  workspaceDir: '/data/openclaw/workspace',
  stateDir: '/data/openclaw/state',
  packageDir: '/opt/olympus/openclaw/node_modules/openclaw',
  port: 18_789,
  gatewayTokenFile: '/etc/olympus/secrets/openclaw/gateway-token',
  modelKeyFile: '/etc/olympus/secrets/openclaw/model-key',
  modelBaseUrl: 'http://10.220.1.1:11500/v1',
  modelApi: 'openai-completions',
  modelId: 'scripted-1',
};
const [control, athena] = [newUserKey(), newUserKey()];
const NATS = {
  fleet: 'olympus',
  listen: '10.220.1.20:4222',
  storeDir: '/data/nats',
  accountsFile: 'accounts.conf',
  monitorListen: null,
  tls: { certFile: '/etc/olympus/nats/server.pem', keyFile: '/etc/olympus/secrets/nats/server.key' },
};
const ACCOUNTS = { fleet: 'olympus', controlSeed: control.seed, agentSeeds: { athena: athena.seed } };

describe('olympus render', () => {
  it('prints the configuration of a gateway, on loopback unless lan is asked for', async () => {
    const alone = await render('gateway-config', { ...GATEWAY, address: '10.220.1.51', modelCost: null });
    const open = await render('gateway-config', { ...GATEWAY, bind: 'lan', address: '10.220.1.51' });

    assert.equal(alone.code, 0, alone.stderr);
    assert.equal(JSON.parse(alone.stdout).gateway.bind, 'loopback');
    assert.equal(JSON.parse(open.stdout).gateway.customBindHost, '10.220.1.51');
  });

  it('prints it with people who decide on commands, and knows no other way', async () => {
    const asks = await render('gateway-config', { ...GATEWAY, execMode: 'ask' });
    const odd = await render('gateway-config', { ...GATEWAY, execMode: 'auto' });

    assert.equal(JSON.parse(asks.stdout).tools.exec.mode, 'ask');
    assert.notEqual(odd.code, 0);
    assert.match(odd.stderr, /execMode/);
  });

  it('prints the settings of an agent out of nothing', async () => {
    const { code, stdout } = await render('agent-settings', {});

    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { retry: { provider: { maxRetries: 2, maxRetryDelayMs: 20_000 } } });
  });

  it('prints the configuration of nats-server with public keys and no seed', async () => {
    const server = await render('nats-config', NATS);
    const { code, stdout, stderr } = await render('nats-accounts', ACCOUNTS);

    assert.equal(code, 0, stderr);
    for (const part of ['cert_file: "/etc/olympus/nats/server.pem"', 'include "accounts.conf"']) {
      assert.ok(server.stdout.includes(part), part);
    }
    for (const key of [control.publicKey, athena.publicKey]) assert.ok(stdout.includes(key), key);
    assert.ok(!stdout.includes(control.seed) && !stdout.includes(athena.seed));
    assert.ok(!server.stdout.includes('http:'));
  });

  it('gives who asks by the older subjects an account only where there is a seed for it', async () => {
    const knight = newUserKey();
    const without = await render('nats-accounts', { ...ACCOUNTS, knightSeed: null });
    const { stdout } = await render('nats-accounts', { ...ACCOUNTS, knightSeed: knight.seed });

    assert.ok(!without.stdout.includes('KNIGHT'));
    assert.match(stdout, new RegExp(`KNIGHT \\{\\s+users: \\[ \\{ nkey: ${knight.publicKey}`));
    assert.ok(!stdout.includes(knight.seed));
    const shared = await render('nats-accounts', { ...ACCOUNTS, knightSeed: ACCOUNTS.controlSeed });
    assert.match(shared.stderr, /knightSeed: is the same as controlSeed/);
  });

  it('prints who may use the API, without a token in it', async () => {
    const values = {
      people: [{ name: 'ada', scopes: ['read', 'work'] }],
      peopleTokens: { ada: 'token-of-ada-0123', gone: 'token-of-nobody-0123' },
      agentTokens: { athena: 'token-of-athena-0123' },
    };
    const { code, stdout, stderr } = await render('api-tokens', values);

    assert.equal(code, 0, stderr);
    const { tokens } = ApiTokensFile.parse(JSON.parse(stdout));
    assert.deepEqual(
      tokens.map(({ name, scopes }) => [name, scopes]),
      [
        ['ada', ['read', 'work']],
        ['athena', ['agent:athena']],
      ],
    );
    assert.doesNotMatch(stdout, /token-of/);

    const without = await render('api-tokens', { ...values, peopleTokens: {} });
    assert.equal(without.code, 2);
    assert.match(without.stderr, /peopleTokens\.ada: make it: secrets init/);
    const shared = await render('api-tokens', { ...values, agentTokens: { athena: 'token-of-ada-0123' } });
    assert.match(shared.stderr, /athena: has the token of somebody else/);
    assert.doesNotMatch(shared.stderr, /token-of/);
  });

  it('prints the same text in whatever order the agents come', async () => {
    const apollo = newUserKey();
    const forward = await render('nats-accounts', {
      ...ACCOUNTS,
      agentSeeds: { athena: athena.seed, apollo: apollo.seed },
    });
    const backward = await render('nats-accounts', {
      ...ACCOUNTS,
      agentSeeds: { apollo: apollo.seed, athena: athena.seed },
    });

    assert.equal(forward.stdout, backward.stdout);
  });

  it('prints the seed of a chat stand-in', async () => {
    const { stdout } = await render('standin-seed', {
      team: 'olympus',
      humanToken: 't1',
      bots: { athena: 't2' },
    });

    const seed = JSON.parse(stdout);
    assert.deepEqual([seed.team.name, seed.users[0].token, seed.bots[0].token], ['olympus', 't1', 't2']);
  });

  const seed = athena.seed;
  const WRONG: readonly [what: string, document: string, input: unknown, sentence: RegExp][] = [
    ['a field that is missing', 'gateway-config', { ...GATEWAY, modelId: null }, /modelId is missing\./],
    [
      'a field that is not known',
      'gateway-config',
      { ...GATEWAY, modelID: 'x' },
      /modelID is not known here\./,
    ],
    ['a wrong value', 'gateway-config', { ...GATEWAY, port: '18789' }, /port: .*expected number/],
    ['lan without an address', 'gateway-config', { ...GATEWAY, bind: 'lan' }, /address: with bind lan/],
    [
      'a base URL that would get /v1 twice',
      'gateway-config',
      { ...GATEWAY, modelApi: 'anthropic-messages' },
      /modelBaseUrl: .*without \/v1/,
    ],
    [
      'a path that would end its quotes',
      'nats-config',
      { ...NATS, storeDir: '/a"' },
      /storeDir: .*without quotes/,
    ],
    ['a half of tls', 'nats-config', { ...NATS, tls: { certFile: '/a' } }, /tls\.keyFile is missing\./],
    [
      'a seed that is none',
      'nats-accounts',
      { ...ACCOUNTS, agentSeeds: { athena: `${seed}x` } },
      /agentSeeds\.athena: write the seed of an nkey user/,
    ],
    [
      'one seed for two',
      'nats-accounts',
      { ...ACCOUNTS, agentSeeds: { athena: seed, apollo: seed } },
      /agentSeeds\.apollo: is the same as agentSeeds\.athena/,
    ],
    ['text that is not JSON', 'nats-config', `{"controlSeed": ${seed}`, /It is not JSON\./],
    ['nothing', 'standin-seed', '', /It is empty\./],
    ['a list', 'standin-seed', '[]', /expected object/],
  ];
  for (const [what, document, input, sentence] of WRONG) {
    it(`refuses ${what}, by name, and shows no secret`, async () => {
      const { code, stdout, stderr } = await render(document, input);

      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, sentence);
      assert.ok(!stderr.includes(seed.slice(0, 20)));
    });
  }
});
