import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { encodeFrame, type Frame, FrameSplitter } from '../../src/frame.ts';
import { Link } from '../../src/link.ts';

/** The other side of a link, on a real socket, which a test has say what it wants. */
export class FakeDaemon implements AsyncDisposable {
  readonly link: Link;
  /** What the link has sent, in order. */
  readonly heard: Frame[] = [];
  readonly messages: Frame[] = [];
  /** Called with each. */
  onHeard: (frame: Frame) => void = () => undefined;
  readonly #server: Server;
  readonly #socket: Socket;
  #changed = Promise.withResolvers<void>();

  private constructor(server: Server, socket: Socket, client: Socket) {
    this.#server = server;
    this.#socket = socket;
    this.link = new Link({ stream: client, onMessage: (frame) => this.messages.push(frame) });
    const splitter = new FrameSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) {
        this.heard.push(frame);
        this.onHeard(frame);
      }
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
    socket.on('error', () => undefined);
  }

  static async start(): Promise<FakeDaemon> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('there is no port');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = createConnection(address.port, '127.0.0.1');
    const [socket] = await accepted;
    return new FakeDaemon(server, socket, client);
  }

  /** Resolves with the first so many frames once they are there. */
  async until(count: number): Promise<Frame[]> {
    while (this.heard.length < count) await this.#changed.promise;
    return this.heard.slice(0, count);
  }

  /** Resolves once one like this is there. */
  async untilHeard(isIt: (frame: Frame) => boolean): Promise<void> {
    while (!this.heard.some(isIt)) await this.#changed.promise;
  }

  /** Answers a call. */
  reply(to: Frame, change: Partial<Frame> = {}): void {
    this.#socket.write(encodeFrame({ ...to, type: 1, status: 0, body: Buffer.alloc(0), ...change }));
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.close();
    this.#socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
