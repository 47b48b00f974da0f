import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { CallTimeout, ConnectionLost, LibvirtError, ProtocolError } from '../src/errors.ts';
import { encodeFrame, type Frame, programs } from '../src/frame.ts';
import { answerKeepalive, keepAlive } from '../src/keepalive.ts';
import type { Call } from '../src/link.ts';
import { XdrWriter } from '../src/xdr.ts';
import { FakeDaemon } from './support/fake-daemon.ts';

const NAMED: Call<string> = { name: 'NAMED', procedure: 59, read: (reader) => reader.string() };
const body = (text: string): Buffer => new XdrWriter().string(text).bytes();

describe('a link', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await FakeDaemon.start();
  });
  afterEach(() => daemon[Symbol.asyncDispose]());

  it('gives each call its own reply, in whatever order they come', async () => {
    const calls = ['a', 'b', 'c'].map(() => daemon.link.call(NAMED));
    const frames = await daemon.until(3);
    for (const [index, frame] of [...frames.entries()].toReversed())
      daemon.reply(frame, { body: body(`${index}`) });

    assert.deepEqual(await Promise.all(calls), ['0', '1', '2']);
  });

  it('has four calls with the daemon at most, and sends the others in turn', async () => {
    const calls = Array.from({ length: 9 }, () => daemon.link.call(NAMED));
    for (let count = 4; count <= 9; count += 1) {
      const frames = await daemon.until(count);
      assert.equal(daemon.heard.length, count);
      daemon.reply(frames[count - 4] as Frame, { body: body('x') });
    }
    for (const frame of daemon.heard.slice(6)) daemon.reply(frame, { body: body('x') });

    assert.equal((await Promise.all(calls)).length, 9);
  });

  it('gives up a call after its time, which keeps its place with the daemon until its reply comes', async () => {
    const slow = Array.from({ length: 4 }, () => daemon.link.call(NAMED, { timeoutMs: 30 }));
    const next = daemon.link.call(NAMED, { timeoutMs: 10_000 });
    for (const each of slow) await assert.rejects(each, CallTimeout);
    assert.equal(daemon.heard.length, 4);

    daemon.reply(daemon.heard[0] as Frame, { body: body('too late') });
    const frames = await daemon.until(5);
    daemon.reply(frames[4] as Frame, { body: body('in time') });
    assert.equal(await next, 'in time');
  });

  it('gives up a call with its signal, and asks nothing that was given up before', async () => {
    const stop = new AbortController();
    const calls = Array.from({ length: 6 }, () => daemon.link.call(NAMED, { signal: stop.signal }));
    await daemon.until(4);
    stop.abort(new Error('enough'));
    for (const each of calls) await assert.rejects(each, /enough/);
    await assert.rejects(daemon.link.call(NAMED, { signal: stop.signal }), /enough/);

    const last = daemon.link.call(NAMED);
    for (const frame of daemon.heard.slice(0, 4)) daemon.reply(frame, { body: body('x') });
    const frames = await daemon.until(5);
    daemon.reply(frames[4] as Frame, { body: body('the last') });
    assert.equal(await last, 'the last');
    assert.equal(daemon.heard.length, 5);
  });

  it('throws what the daemon says, with its numbers and what was asked', async () => {
    const call = daemon.link.call(NAMED);
    const [frame] = await daemon.until(1);
    const nothing = (): undefined => undefined;
    const said = new XdrWriter().i32(42).i32(10);
    said.optional('no such domain', (each, value) => each.string(value)).i32(2);
    for (let index = 0; index < 4; index += 1) said.optional(undefined, nothing);
    said.i32(0).i32(0).optional(undefined, nothing);
    daemon.reply(frame as Frame, { status: 1, body: said.bytes() });

    await assert.rejects(call, (error: LibvirtError) => {
      assert.ok(error instanceof LibvirtError);
      const { code, domain, level, procedure, message } = error;
      assert.deepEqual([code, domain, level, procedure, message], [42, 10, 2, 'NAMED', 'no such domain']);
      return true;
    });
    assert.equal(daemon.link.end, undefined, 'that is no reason to end the link');
  });

  it('ends with every call when the other side hangs up, and refuses those that come after', async () => {
    const calls = Array.from({ length: 6 }, () => daemon.link.call(NAMED));
    await daemon.until(4);
    daemon.hangUp();

    for (const each of calls) await assert.rejects(each, ConnectionLost);
    await assert.rejects(daemon.link.call(NAMED), ConnectionLost);
    assert.ok((await daemon.link.ended) instanceof ConnectionLost);
  });

  it('takes nothing of a call whose arguments cannot be written', async () => {
    const bad: Call<string> = { ...NAMED, write: (writer) => writer.string('x'.repeat(5 * 1024 * 1024)) };
    await assert.rejects(daemon.link.call(bad), RangeError);
    assert.equal(daemon.heard.length, 0);
    assert.equal(daemon.link.end, undefined);
  });

  for (const [what, answer] of [
    ['of nothing', (frame: Frame) => encodeFrame({ ...frame, type: 1 })],
    [
      'with something left over',
      (frame: Frame) => encodeFrame({ ...frame, type: 1, body: Buffer.concat([body('x'), body('y')]) }),
    ],
    [
      'to a call that nobody made',
      (frame: Frame) => encodeFrame({ ...frame, type: 1, serial: 99, body: body('x') }),
    ],
    [
      'that is an error and is none',
      (frame: Frame) => encodeFrame({ ...frame, type: 1, status: 1, body: body('x') }),
    ],
    ['longer than any may be', () => Buffer.from('ffffffff', 'hex')],
    ['shorter than any can be', () => Buffer.from('0000000400000000', 'hex')],
  ] as const) {
    it(`ends at a reply ${what}, and says why to every call`, async () => {
      const calls = [daemon.link.call(NAMED), daemon.link.call(NAMED)];
      const [frame] = await daemon.until(2);
      daemon.send(answer({ ...(frame as Frame), body: Buffer.alloc(0) }));

      for (const each of calls) await assert.rejects(each, ProtocolError);
      assert.ok(daemon.link.end instanceof ProtocolError);
    });
  }

  it('answers pings, and ends when its own are not answered', async () => {
    keepAlive(daemon.link, 20);
    const [ping] = await daemon.until(1);
    assert.deepEqual([ping?.program, ping?.procedure, ping?.type], [programs.keepalive, 1, 2]);
    assert.ok(answerKeepalive(daemon.link, ping as Frame));
    assert.ok((await daemon.until(2)).some(({ procedure }) => procedure === 2));

    const call = daemon.link.call(NAMED);
    await assert.rejects(call, /libvirtd has not answered for \d+ ms/);
  });

  it('settles every call, whatever comes', async () => {
    for (let round = 0; round < 300; round += 1) {
      await using other = await FakeDaemon.start();
      const calls = Array.from({ length: 3 }, () => other.link.call(NAMED, { timeoutMs: 50 }));
      const frames = await other.until(3);
      const replies = frames.map((frame) =>
        encodeFrame({ ...frame, type: 1, status: randomInt(3), body: body('some text') }),
      );
      other.send(spoil(Buffer.concat(replies.toSorted(() => randomInt(3) - 1))));
      if (round % 3 === 0) other.hangUp();

      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') assert.equal(typeof outcome.value, 'string');
        else assert.match(outcome.reason.name, /^(ConnectionLost|ProtocolError|CallTimeout|LibvirtError)$/);
      }
    }
  });
});

/** Cuts, changes or lengthens it at a random place. */
function spoil(bytes: Buffer): Buffer {
  const at = randomInt(bytes.length);
  const spoilt = Buffer.from(bytes);
  switch (randomInt(3)) {
    case 0:
      return spoilt.subarray(0, at);
    case 1:
      spoilt.writeUInt8(randomInt(256), at);
      return spoilt;
    default:
      return Buffer.concat([spoilt.subarray(0, at), randomBytes(randomInt(1, 64)), spoilt.subarray(at)]);
  }
}
