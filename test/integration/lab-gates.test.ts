import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { PipeServer } from '#lab/relay/pipe-server.ts';
import { createLogger } from '#lib/log.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait.ts';

const log = createLogger({ name: 'test', level: 'silent' });

describe('a gate of the lab', () => {
  let dir: TempDir;
  let far: Server;
  let arrived: Socket[];
  let gates: PipeServer[];
  let entry: string;

  /** Two gates one behind the other, as into the lab: a unix socket, and a port. */
  beforeEach(async () => {
    dir = await tempDir('gate');
    arrived = [];
    far = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      arrived.push(socket);
    });
    far.listen(0, '127.0.0.1');
    await once(far, 'listening');
    entry = path.join(dir.path, 'entry.sock');
    const between = path.join(dir.path, 'between.sock');
    const { port } = far.address() as AddressInfo;
    gates = [
      new PipeServer({ name: 'inner', listen: { path: between }, connect: { host: '127.0.0.1', port }, log }),
      new PipeServer({ name: 'outer', listen: { path: entry }, connect: { path: between }, log }),
    ];
    for (const gate of gates) await gate.start();
  });
  afterEach(async () => {
    for (const gate of gates) await gate.stop();
    for (const socket of arrived) socket.destroy();
    far.close();
    await dir[Symbol.asyncDispose]();
  });

  const nothingOpen = (): Promise<boolean> =>
    waitFor('every connection to be closed', () => gates.every((gate) => gate.openSockets === 0));

  async function connect(): Promise<[near: Socket, far: Socket]> {
    const before = arrived.length;
    const near = createConnection({ path: entry, allowHalfOpen: true });
    near.on('error', () => undefined);
    await waitFor('the connection to arrive', () => arrived.length > before);
    return [near, arrived[before] as Socket];
  }

  it('passes bytes on in both directions, and the end of one direction while the other goes on', async () => {
    const [near, there] = await connect();
    near.end('question');

    assert.equal(await text(there), 'question');
    there.end('a late answer');
    assert.equal(await text(near), 'a late answer');
    await nothingOpen();
  });

  it('passes ten megabytes on unchanged', async () => {
    const [near, there] = await connect();
    near.end(Buffer.alloc(10_000_000, 'x'));

    assert.equal((await text(there)).length, 10_000_000);
    there.destroy();
    await nothingOpen();
  });

  it('ends the other side when one breaks off, and keeps nothing open', async () => {
    const pairs = [await connect(), await connect(), await connect()];
    for (const socket of pairs.flat()) socket.resume().write('x'.repeat(1_000_000));

    pairs[0]?.[0].destroy();
    pairs[1]?.[1].destroy();
    pairs[2]?.[1].resetAndDestroy();

    await waitFor('both sides to end', () => pairs.flat().every(hasEnded));
    await nothingOpen();
  });

  it('ends a connection whose other side is not there', async () => {
    far.close();
    const near = createConnection({ path: entry });
    near.on('error', () => undefined);

    assert.equal(await text(near), '');
    await nothingOpen();
  });

  it('ends every connection when it stops, and takes its socket away', async () => {
    const [near, there] = await connect();

    for (const gate of gates) await gate.stop();

    await waitFor('both sides to end', () => [near.resume(), there.resume()].every(hasEnded));
    assert.equal(existsSync(entry), false);
  });

  it('does not wait for ever for the rest of a connection of which one side is gone', async () => {
    const between = path.join(dir.path, 'patient.sock');
    const { port } = far.address() as AddressInfo;
    const connect = { host: '127.0.0.1', port };
    const gate = new PipeServer({
      name: 'a',
      listen: { path: between },
      connect,
      log,
      halfOpenTimeoutMs: 50,
    });
    gates.push(gate);
    await gate.start();

    createConnection({ path: between }).end('the last words');

    await waitFor('the connection to arrive', () => arrived.length > 0);
    await nothingOpen();
  });

  it('takes the place of one that was killed and left its socket', async () => {
    const again = new PipeServer({ name: 'again', listen: { path: entry }, connect: { path: entry }, log });

    await again.start();
    await again.stop();
  });
});

function hasEnded(socket: Socket): boolean {
  return socket.destroyed || socket.readableEnded;
}
