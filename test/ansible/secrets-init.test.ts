import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { keepChatTokens } from '#provision/secrets/chat-tokens.ts';
import { initSecrets } from '#provision/secrets/init-secrets.ts';
import { VaultError } from '#provision/secrets/vault.ts';
import { smallFleet } from '#test/provision/small-fleet.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { run } from './ansible.ts';

const FLEET = smallFleet();
const { signal } = new AbortController();

describe('olympus secrets init', function () {
  this.timeout(60_000);
  let dir: TempDir;

  before(async () => {
    dir = await tempDir('vault');
  });
  after(() => dir[Symbol.asyncDispose]());

  function init(name: string, env: Readonly<Record<string, string>> = {}) {
    const stateDir = path.join(dir.path, name);
    const file = path.join(stateDir, 'secrets.yml');
    const all = { ...process.env, ...env };
    return initSecrets(FLEET, { file, stateDir, env: all, clock: systemClock, signal });
  }

  it('writes what Ansible Vault reads with the password that it made, and is done', async () => {
    const first = await init('made');
    const file = path.join(dir.path, 'made', 'secrets.yml');
    const before = readFileSync(file, 'utf8');
    const second = await init('made');

    const viewed = await run('ansible-vault', ['view', '--vault-password-file', first.passwordFile, file]);

    assert.equal(first.changed, true);
    assert.deepEqual([second.changed, second.added], [false, []]);
    assert.equal(readFileSync(file, 'utf8'), before);
    assert.equal(statSync(first.passwordFile).mode & 0o777, 0o600);
    assert.match(before, /^\$ANSIBLE_VAULT;/);
    assert.match(viewed.output, /^vault_control_nats_seed: SU/m);
  });

  it('keeps to its own password, whatever other settings of Ansible name', async () => {
    const other = path.join(dir.path, 'other-password');
    writeFileSync(other, 'other\n');

    await init('settings', { ANSIBLE_VAULT_PASSWORD_FILE: other, ANSIBLE_VAULT_IDENTITY_LIST: `x@${other}` });

    assert.equal((await init('settings')).changed, false);
  });

  it('says that the password is wrong, and changes nothing', async () => {
    await init('wrong');
    const file = path.join(dir.path, 'wrong', 'secrets.yml');
    const before = readFileSync(file, 'utf8');
    const password = path.join(dir.path, 'wrong-password');
    writeFileSync(password, 'wrong\n');

    await assert.rejects(init('wrong', { OLYMPUS_VAULT_PASSWORD_FILE: password }), (error: Error) => {
      assert.ok(error instanceof VaultError);
      assert.equal(error.message, `The vault password in ${password} does not open ${file}.`);
      assert.match(error.remedy, /OLYMPUS_VAULT_PASSWORD_FILE/);
      return true;
    });
    assert.equal(readFileSync(file, 'utf8'), before);
  });

  it('does not make a password where a person names a file that is not there', async () => {
    await assert.rejects(
      init('named', { OLYMPUS_VAULT_PASSWORD_FILE: path.join(dir.path, 'nowhere') }),
      /nowhere, which is not there/,
    );
  });

  it('is followed by tokens of a chat server, and changes nothing for the same ones', async () => {
    const made = await init('chat');
    const file = path.join(dir.path, 'chat', 'secrets.yml');
    const keep = (input: string) =>
      keepChatTokens({ file, input, stateDir: path.join(dir.path, 'chat'), env: process.env, signal });

    assert.deepEqual(await keep('{"athena": "a-new-token"}'), ['athena']);
    const before = readFileSync(file, 'utf8');
    assert.deepEqual(await keep('{"athena": "a-new-token"}'), []);

    assert.equal(readFileSync(file, 'utf8'), before);
    const viewed = await run('ansible-vault', ['view', '--vault-password-file', made.passwordFile, file]);
    assert.match(viewed.output, /athena:\n( {4}.*\n)* {4}mattermost_token: a-new-token\n/);
    await assert.rejects(keep('{"zeus": "another"}'), /know no agent zeus/);
    await assert.rejects(
      keep('{"athena": 7, "x": "secret"}'),
      (error: Error) => !error.message.includes('secret'),
    );
  });

  it('refuses a file that lies there in the open', async () => {
    await init('open');
    writeFileSync(path.join(dir.path, 'open', 'secrets.yml'), 'vault_control_api_token: open\n');

    await assert.rejects(init('open'), /secrets\.yml is not encrypted/);
  });
});
