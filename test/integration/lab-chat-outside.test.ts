import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chatOutside } from '#test/chat-outside.ts';
import { TestLab } from '#test/lab.ts';
import type { MattermostStandin } from '../../src/standins/mattermost/server.ts';

const run = promisify(execFile);

describe('a lab whose chat is a server outside', function () {
  this.timeout(60_000);
  let lab: TestLab;
  let server: MattermostStandin;
  before(async function () {
    if (process.getuid?.() !== 0) this.skip(); // A lab consists of namespaces, which take root.
    server = await chatOutside();
    lab = await TestLab.make();
    await lab.raise({ hypervisors: [], doors: [], chat: { url: server.url, port: 8065 } });
  });
  after(async () => {
    await lab?.[Symbol.asyncDispose]();
    await server?.close();
  });

  it('reaches it from its switch, where nothing else of this machine is reached', async () => {
    const atSwitch = (url: string) =>
      run('ip', ['netns', 'exec', lab.names.switchNamespace, 'curl', '-sS', '-m', '20', url]);
    const ping = await atSwitch('http://10.220.1.1:8065/api/v4/system/ping');
    assert.match(ping.stdout, /"status":"OK"/);
    await assert.rejects(atSwitch(`${server.url}/api/v4/system/ping`), { code: 7 });
  });

  it('says which one it is, and where a browser finds it', async () => {
    const { code, stdout } = await lab.olympus('lab', 'status');
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`^chat server: ${server.url}$`, 'm'));
    const chat = await lab.olympus('lab', 'chat');
    assert.equal(chat.stdout, `${server.url}\n`);
  });

  it('is not brought up with another one, and the refusal says how to go on', async () => {
    const standin = await lab.olympus('lab', 'up');
    assert.equal(standin.code, 1);
    assert.match(
      standin.stderr,
      new RegExp(`The chat of this lab is ${server.url}, and you asked for the stand-in`),
    );
    assert.match(standin.stderr, new RegExp(`Go on with --chat-url ${server.url}, or run .*lab down. first`));
  });

  it('says so when the server is away', async () => {
    await server.close();
    const { code, stdout } = await lab.olympus('lab', 'status');
    assert.equal(code, 1);
    assert.match(stdout, /^chat server: .*; the chat server does not answer from within the lab$/m);
  });
});
