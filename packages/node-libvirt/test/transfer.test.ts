import assert from 'node:assert/strict';
import { CallTimeout, ConnectionLost } from '../src/errors.ts';
import { encodeFrame, type Frame, frameStatus, frameTypes, programs } from '../src/frame.ts';
import { answerKeepalive, keepAlive } from '../src/keepalive.ts';
import type { Call } from '../src/link.ts';
import { download, upload } from '../src/transfer.ts';
import { FakeDaemon } from './support/fake-daemon.ts';

const UPLOAD: Call<void> = { name: 'UPLOAD', procedure: 208, read: () => undefined };
const DOWNLOAD: Call<void> = { name: 'DOWNLOAD', procedure: 209, read: () => undefined };

describe('a transfer', () => {
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await FakeDaemon.start();
  });
  afterEach(() => daemon[Symbol.asyncDispose]());

  for (const [what, after, act] of [
    [
      'its signal, while the last word is waited for',
      [Buffer.from('all')],
      (stop: AbortController) => stop.abort(new Error('over')),
    ],
    ['the connection, while the source is waited for', undefined, () => daemon.hangUp()],
  ] as const) {
    it(`ends an upload with ${what}`, async () => {
      const stop = new AbortController();
      const uploading = upload(daemon.link, UPLOAD, after ?? endless(), { signal: stop.signal });
      const [frame] = await daemon.until(1);
      daemon.reply(frame as Frame);
      if (after) await daemon.until(3);
      act(stop);

      await assert.rejects(uploading, after ? /over/ : ConnectionLost);
    });
  }

  it('keeps the connection of a download that nobody takes for long, and loses none of it', async () => {
    const chunk = Buffer.alloc(64 * 1024, 1);
    const chunks = download(daemon.link, DOWNLOAD);
    const first = chunks.next();
    const [opened] = await daemon.until(1);
    daemon.reply(opened as Frame);
    daemon.onHeard = (frame) => {
      if (frame.program === programs.keepalive) daemon.send(encodeFrame({ ...frame, procedure: 2 }));
    };
    for (let index = 0; index < 100; index += 1) daemon.send(streamFrame(opened, chunk));
    assert.equal((await first).value?.length, chunk.length);

    keepAlive(daemon.link, 20);
    // Three times what ends a link that is silent.
    const pings = (): Frame[] => daemon.heard.filter(({ program }) => program === programs.keepalive);
    await daemon.untilHeard(() => pings().length >= 10);
    assert.equal(daemon.link.end, undefined);
    daemon.send(streamFrame(opened, Buffer.alloc(0)));
    let bytes = chunk.length;
    const rest = (async () => {
      for await (const each of chunks) bytes += each.length;
    })();
    await daemon.untilHeard(({ type }) => type === frameTypes.stream);
    daemon.send(streamFrame(opened, Buffer.alloc(0), frameStatus.ok));
    await rest;
    assert.equal(bytes, 100 * chunk.length);
  });

  it('loses a connection that is silent also while nobody takes what came', async () => {
    const chunks = download(daemon.link, DOWNLOAD);
    const first = chunks.next();
    const [opened] = await daemon.until(1);
    daemon.reply(opened as Frame);
    for (let index = 0; index < 20; index += 1) daemon.send(streamFrame(opened, Buffer.alloc(8)));
    await first;
    keepAlive(daemon.link, 20);

    assert.match((await daemon.link.ended).message, /has not answered/);
  });

  it('goes on with one of two downloads while nobody takes the other', async () => {
    const slow = download(daemon.link, DOWNLOAD);
    const quick = download(daemon.link, DOWNLOAD);
    const firsts = [slow.next(), quick.next()];
    const opened = await daemon.until(2);
    for (const frame of opened) daemon.reply(frame);
    for (let index = 0; index < 20; index += 1) daemon.send(streamFrame(opened[0], Buffer.from('s')));
    daemon.send(streamFrame(opened[1], Buffer.from('q')));
    await firsts[0];
    keepAlive(daemon.link, 20);
    daemon.onHeard = (frame) => {
      if (!answerKeepalive(daemon.link, frame)) return;
      daemon.send(encodeFrame({ ...frame, procedure: 2 }));
    };

    assert.deepEqual((await firsts[1])?.value, Buffer.from('q'));
    await slow.return();
    await quick.return();
  });

  it('has a stream closed whose opening was given up', async () => {
    const chunks = download(daemon.link, DOWNLOAD, { timeoutMs: 20 });
    await assert.rejects(chunks.next(), CallTimeout);
    const [opened] = await daemon.until(1);
    daemon.reply(opened as Frame);

    const [, last] = await daemon.until(2);
    assert.deepEqual(
      [last?.type, last?.serial, last?.status],
      [frameTypes.stream, opened?.serial, frameStatus.error],
    );
  });
});

function streamFrame(opened: Frame | undefined, body: Buffer, status: number = frameStatus.more): Buffer {
  if (!opened) throw new Error('nothing was opened');
  return encodeFrame({ ...opened, type: frameTypes.stream, status, body });
}

/** A source that never has anything. */
async function* endless(): AsyncGenerator<Buffer> {
  await new Promise(() => undefined);
  yield Buffer.alloc(0);
}
