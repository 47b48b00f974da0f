import assert from 'node:assert/strict';
import { connect } from '../src/connect.ts';
import { ConnectionLost } from '../src/errors.ts';
import { Daemon } from './support/daemon.ts';
import { Sshd } from './support/sshd.ts';

describe('a libvirtd behind ssh', () => {
  let daemon: Daemon;
  let sshd: Sshd;
  before(async () => {
    [daemon, sshd] = await Promise.all([Daemon.start(), Sshd.start()]);
  });
  after(async () => {
    await sshd?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
  });

  const uri = (host = 'there', socket = daemon.socket): string =>
    `test+ssh://${sshd.user}@${host}/default?socket=${socket}`;

  it('is spoken to like one of this machine', async () => {
    await using host = await connect(uri(), { sshConfig: sshd.config });
    assert.deepEqual(
      (await host.domains.list()).map(({ name }) => name),
      ['test'],
    );
    const stop = await host.events.subscribe(() => undefined);
    await stop();
  });

  it('is not reached where its host key is another, and ssh says so', async () => {
    await assert.rejects(connect(uri(), { sshConfig: sshd.wrongConfig }), (error: Error) => {
      assert.ok(error instanceof ConnectionLost);
      assert.match(error.message, /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/);
      return true;
    });
  });

  it('is not reached where there is none, and the way says so', async () => {
    await assert.rejects(
      connect(uri('there', '/nowhere/sock'), { sshConfig: sshd.config }),
      /nc: .*No such file or directory/,
    );
    await assert.rejects(
      connect(`qemu+ssh://nobody@127.0.0.1:1/system`, { sshConfig: '/dev/null' }),
      /Connection refused/,
    );
  });

  it('is a lost connection to every call when the way is cut', async () => {
    await using host = await connect(uri(), { sshConfig: sshd.config });
    const calls = Array.from({ length: 8 }, () => host.domains.list());
    sshd.cut();
    for (const outcome of await Promise.allSettled(calls)) {
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof ConnectionLost);
    }

    assert.ok((await host.ended) instanceof ConnectionLost);
    await assert.rejects(host.domains.list(), ConnectionLost);
  });
});
