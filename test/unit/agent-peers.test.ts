import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Manifest } from '#core/manifest.ts';
import { ConfigError, readConfig } from '#lib/config.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { AgentConfig } from '../../src/agent/config.ts';
import { chatAccountOf, harnessChoiceOf } from '../../src/agent/peers.ts';

const URL = 'http://127.0.0.1:1';

describe('the peers of a daemon', () => {
  let dir: TempDir;
  let tokenFile: string;

  before(async () => {
    dir = await tempDir('peers');
    tokenFile = path.join(dir.path, 'token');
    writeFileSync(tokenFile, 'secret\n', { mode: 0o600 });
  });
  after(() => dir[Symbol.asyncDispose]());

  const configOf = (more: Record<string, string>): AgentConfig =>
    readConfig(AgentConfig, {
      OLYMPUS_FLEET: 'olympus',
      OLYMPUS_AGENT: 'vulcan',
      OLYMPUS_AGENT_DIR: '/agents/vulcan',
      OLYMPUS_STATE_DIR: '/state',
      OLYMPUS_NATS_URL: 'nats://127.0.0.1:4222',
      OLYMPUS_NATS_SEED_FILE: '/seed',
      ...more,
    });
  const manifestWith = (mattermost: Record<string, string>): Manifest =>
    Manifest.parse({ name: 'vulcan', role: 'specialist', domains: ['work'], channels: { mattermost } });
  const account = (): Record<string, string> => ({
    OLYMPUS_MATTERMOST_URL: URL,
    OLYMPUS_MATTERMOST_TOKEN_FILE: tokenFile,
  });
  const refusal = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      assert.ok(error instanceof ConfigError, `threw ${error}`);
      return error.message;
    }
    throw new Error('it was taken');
  };

  it('have no account in chat where the manifest names no channel and none is set', () => {
    assert.equal(chatAccountOf(configOf({}), manifestWith({})), undefined);
  });

  it('have the account that is set, with channels or for direct messages alone', () => {
    const expected = { url: URL, token: 'secret' };

    assert.deepEqual(chatAccountOf(configOf(account()), manifestWith({ leads: 'mention' })), expected);
    assert.deepEqual(chatAccountOf(configOf(account()), manifestWith({})), expected);
  });

  it('are refused where the manifest names channels without an account', () => {
    assert.equal(
      refusal(() => chatAccountOf(configOf({}), manifestWith({ leads: 'mention' }))),
      'OLYMPUS_MATTERMOST_URL and OLYMPUS_MATTERMOST_TOKEN_FILE: not set, but the manifest of vulcan names channels (leads). Set both for an agent in chat; for one without people leave out both, and the channels.',
    );
  });

  it('are refused with half an account', () => {
    const half = configOf({ OLYMPUS_MATTERMOST_URL: URL });

    assert.match(
      refusal(() => chatAccountOf(half, manifestWith({}))),
      /^OLYMPUS_MATTERMOST_TOKEN_FILE: not set, but/,
    );
  });

  it('run the model with the gateway, whose token has to be there', () => {
    const token = { OLYMPUS_OPENCLAW_TOKEN_FILE: tokenFile };

    assert.deepEqual(harnessChoiceOf(configOf(token)), {
      kind: 'openclaw',
      url: 'http://127.0.0.1:18789',
      token: 'secret',
      unit: undefined,
      stopWithinMs: 10_000,
      warmUpTimeoutMs: 300_000,
    });
    assert.match(
      refusal(() => harnessChoiceOf(configOf({}))),
      /^OLYMPUS_OPENCLAW_TOKEN_FILE is not set/,
    );
  });

  it('run a script instead where that is asked for, with its address', () => {
    const scripted = { OLYMPUS_HARNESS: 'scripted' };

    assert.deepEqual(harnessChoiceOf(configOf({ ...scripted, OLYMPUS_HARNESS_URL: URL })), {
      kind: 'scripted',
      url: URL,
    });
    assert.match(
      refusal(() => harnessChoiceOf(configOf(scripted))),
      /^OLYMPUS_HARNESS_URL is not set/,
    );
  });
});
