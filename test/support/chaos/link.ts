import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** How a link between two processes is: whole, cut, or open in one direction only. */
export type LinkState = 'whole' | 'cut' | 'half-open';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What the server says on it is lost, now and later: a stream with a hole in it is none. */
  deaf: boolean;
}

/** A TCP proxy in front of one server, which a test may cut, or make deaf to what the server says. */
export class Link implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #state: LinkState = 'whole';

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, targetPort));
  }

  static async open(targetPort: number): Promise<Link> {
    const link = new Link(targetPort);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * `cut`: every connection breaks, new ones are refused. `half-open`: what the client says arrives, and it hears nothing.
   * `whole`: as it was; connections that lost something are broken, so that they are made anew.
   */
  set(state: LinkState): void {
    this.#state = state;
    for (const pair of this.#pairs) {
      if (state === 'half-open') pair.deaf = true;
      else if (state === 'cut' || pair.deaf) breakOff(pair);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const pair of this.#pairs) breakOff(pair);
    await closed;
  }

  #join(client: Socket, targetPort: number): void {
    if (this.#state === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: targetPort });
    const pair: Pair = { client, server, deaf: this.#state === 'half-open' };
    this.#pairs.add(pair);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (!pair.deaf) client.write(bytes);
    });
    for (const socket of [client, server]) {
      // What broke shows in the close that follows.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        breakOff(pair);
        this.#pairs.delete(pair);
      });
    }
  }
}

function breakOff({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}
