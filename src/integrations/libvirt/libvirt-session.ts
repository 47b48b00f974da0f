import {
  type CallOptions,
  CallTimeout,
  type Connection,
  ConnectionLost,
  type ConnectOptions,
  connect,
  LibvirtError,
  ProtocolError,
} from '#node-libvirt';
import { HypervisorError } from './hypervisor.ts';
import { remedyFor, unreachableRemedy } from './remedies.ts';

/** The way to the libvirt of one hypervisor. */
export interface LibvirtWay extends Pick<ConnectOptions, 'sshConfig' | 'sshControl' | 'sudo'> {
  readonly uri: string;
}

/** Starting a guest on a busy host takes its time; this only ends what hangs. */
const TIMEOUT_MS = 120_000;
/** A host whose guests are emulated leaves its libvirtd waiting for a processor. */
const KEEPALIVE_MS = 10_000;

/**
 * The libvirt of one hypervisor: connected when it is first asked, and again after the connection was lost. What fails is
 * said in a sentence with the hypervisor's name and what to do about it.
 */
export class LibvirtSession implements AsyncDisposable {
  readonly #name: string;
  readonly #way: LibvirtWay;
  #connection: Promise<Connection> | undefined;

  constructor(name: string, way: LibvirtWay) {
    this.#name = name;
    this.#way = way;
  }

  /** Throws a HypervisorError when libvirt says no or cannot be reached, and the signal's reason once it has aborted. */
  async use<T>(
    what: string,
    signal: AbortSignal,
    work: (libvirt: Connection, options: CallOptions) => Promise<T>,
    timeoutMs = TIMEOUT_MS,
  ): Promise<T> {
    const options = { signal, timeoutMs };
    try {
      return await work(await this.#connected(options), options);
    } catch (error) {
      signal.throwIfAborted();
      // A call that was given up keeps its place with the daemon: enough of them, and nobody is heard any more.
      if (error instanceof CallTimeout) await this[Symbol.asyncDispose]();
      throw this.#said(what, error, timeoutMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opening = this.#connection;
    this.#connection = undefined;
    const [opened] = await Promise.allSettled([opening]);
    if (opened.status === 'fulfilled') await opened.value?.[Symbol.asyncDispose]();
  }

  async #connected(options: CallOptions): Promise<Connection> {
    const { uri, ...way } = this.#way;
    this.#connection ??= connect(uri, { keepaliveMs: KEEPALIVE_MS, ...way, ...options });
    const opening = this.#connection;
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = undefined;
    };
    try {
      const connection = await opening;
      void connection.ended.then(forget);
      return connection;
    } catch (error) {
      forget();
      throw error;
    }
  }

  #said(what: string, error: unknown, timeoutMs: number): unknown {
    const name = this.#name;
    const cause = { cause: error };
    if (error instanceof LibvirtError) {
      const reason = error.message.trim().replace(/\.$/, '');
      return new HypervisorError(name, `${name}: ${what} failed: ${reason}.`, remedyFor(reason), cause);
    }
    if (error instanceof CallTimeout) {
      const message = `${name}: ${what} was not done within ${timeoutMs / 1000} s.`;
      return new HypervisorError(name, message, 'See with virsh there whether libvirtd hangs.', cause);
    }
    if (error instanceof ConnectionLost || error instanceof ProtocolError) {
      const reason = error.message
        .replace(/\.$/, '')
        .split(/\s*\n\s*/)
        .join(' ');
      const message = `${name}: ${what} failed, its libvirt is not reached: ${reason}.`;
      return new HypervisorError(name, message, unreachableRemedy(reason), cause);
    }
    return error;
  }
}
