import assert from 'node:assert/strict';
import { once } from 'node:events';
import { callerOf } from '../src/calls.ts';
import { CallTimeout } from '../src/errors.ts';
import { DomainEvents } from '../src/events.ts';
import type { Frame } from '../src/frame.ts';
import { XdrWriter } from '../src/xdr.ts';
import { FakeDaemon } from './support/fake-daemon.ts';

const UUID = '11111111-2222-3333-4444-555555555555';

describe('events of domains', () => {
  it('go on to every listener when one of them throws, which is a warning', async () => {
    await using daemon = await FakeDaemon.start();
    const events = new DomainEvents(callerOf(daemon.link));
    const seen: string[] = [];
    for (const listener of [
      () => {
        throw new Error('of a listener');
      },
      ({ domain, event }: { domain: { name: string }; event: string }) =>
        seen.push(`${domain.name} ${event}`),
    ]) {
      const subscribed = events.subscribe(listener);
      const frame = (await daemon.until(daemon.heard.length + 1)).at(-1);
      daemon.reply(frame as Frame, { body: new XdrWriter().i32(daemon.heard.length).bytes() });
      await subscribed;
    }
    const warned = once(process, 'warning');
    for (const id of [1, 2]) events.take(started(id));

    const [warning] = await warned;
    assert.equal(warning.message, 'of a listener');
    assert.deepEqual(seen, ['athena started']);
    assert.equal(daemon.link.end, undefined);
  });

  it('tell of guest agents that come and go, and of each to its own listener', async () => {
    await using daemon = await FakeDaemon.start();
    const events = new DomainEvents(callerOf(daemon.link));
    const seen: unknown[] = [];
    const subscribed = events.subscribeAgents(({ domain, isConnected }) =>
      seen.push([domain.name, isConnected]),
    );
    const [frame] = await daemon.until(1);
    assert.equal(frame?.body.readInt32BE(), 18);
    daemon.reply(frame as Frame, { body: new XdrWriter().i32(1).bytes() });
    await subscribed;

    events.take(agent(1, 1));
    events.take(agent(1, 2));
    events.take(agent(2, 1));
    events.take(started(1));
    assert.deepEqual(seen, [
      ['athena', true],
      ['athena', false],
    ]);
  });

  it('are not asked for any more when the asking was given up', async () => {
    await using daemon = await FakeDaemon.start();
    const events = new DomainEvents(callerOf(daemon.link));
    await assert.rejects(
      events.subscribe(() => undefined, { timeoutMs: 20 }),
      CallTimeout,
    );
    const [register] = await daemon.until(1);
    daemon.reply(register as Frame, { body: new XdrWriter().i32(7).bytes() });

    const [, deregister] = await daemon.until(2);
    assert.equal(deregister?.procedure, 317);
    assert.deepEqual(deregister?.body, new XdrWriter().i32(7).bytes());
  });
});

function started(callback: number): Frame {
  return told(318, callback, 2);
}

function agent(callback: number, state: number): Frame {
  return told(348, callback, state);
}

function told(procedure: number, callback: number, number: number): Frame {
  const writer = new XdrWriter().i32(callback).string('athena');
  const body = writer
    .fixed(Buffer.from(UUID.replaceAll('-', ''), 'hex'))
    .i32(1)
    .i32(number)
    .i32(0)
    .bytes();
  return { program: 0x20008086, procedure, type: 2, serial: 0, status: 0, body };
}
