import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { chatOutside, TOKENS } from '#test/chat-outside.ts';
import type { MattermostStandin } from '../../src/standins/mattermost/server.ts';
import { LabWithMachines } from '../lab/machines.ts';

const MINUTE_MS = 60_000;

describe('an agent in a virtual machine, on a chat server outside of the lab', () => {
  let lab: LabWithMachines;
  let server: MattermostStandin;
  let chat: readonly string[];
  before(async function () {
    this.timeout(60 * MINUTE_MS);
    server = await chatOutside();
    lab = await LabWithMachines.prepare();
    const tokens = path.join(lab.names.stateDir, 'chat-tokens.yml');
    writeFileSync(tokens, TOKENS, { mode: 0o600 });
    chat = ['--chat-url', server.url, '--chat-tokens', tokens];
    await lab.up('athena', ...chat);
  });
  after(async function () {
    this.timeout(2 * MINUTE_MS);
    await lab?.[Symbol.asyncDispose]();
    await server?.close();
  });

  it('answers there', async function () {
    this.timeout(20 * MINUTE_MS);
    const { code, stdout, stderr } = await lab.cli.run(['say', '--timeout', '1080', '@athena hello']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /prompt-digest: [0-9a-f]{64}/);
  });

  it('has no chat of its own on the hub, and is sound', async () => {
    const { text } = await lab.on('hub', 'ls /etc/systemd/system');
    assert.match(text, /olympus-control/);
    assert.doesNotMatch(text, /standin/);
    const status = await lab.cli.run(['lab', 'status']);
    assert.equal(status.code, 0, status.stdout);
    assert.ok(status.stdout.includes(`chat server: ${server.url}`), status.stdout);
    const doctor = await lab.cli.run(['doctor', '--json']);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; ok: boolean }[] };
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    );
  });

  it('is recognised by the next lab up, which does nothing', async () => {
    const again = await lab.cli.json<{ recognised: boolean }>('lab', 'up', ...chat);
    assert.equal(again.recognised, true);
  });
});
