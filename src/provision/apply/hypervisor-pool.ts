import { hostname, userInfo } from 'node:os';
import { type Hypervisor, HypervisorError } from '#integrations/libvirt/hypervisor.ts';
import type { HypervisorHost } from '../inventory/inventory.ts';
import type { Fleet } from './fleet.ts';

/** A hypervisor that is connected as long as it is needed. */
export interface OpenHypervisor extends AsyncDisposable {
  readonly hypervisor: Hypervisor;
}

export type Connect = (host: HypervisorHost) => Promise<OpenHypervisor>;

export type ReserveOptions = Pick<Fleet, 'clock' | 'signal' | 'onProgress'>;

/** Longer than machines take that come up one after another where they are emulated. */
const LOCK_WAIT_MS = 60 * 60_000;

/** One connection to each hypervisor that is asked for, kept until the pool is disposed. */
export class HypervisorPool implements AsyncDisposable {
  readonly #connect: Connect;
  readonly #open = new Map<string, Promise<OpenHypervisor>>();
  readonly #kvm = new Map<string, Promise<boolean>>();
  readonly #locks: AsyncDisposable[] = [];
  readonly #unusable = new Map<string, unknown>();
  readonly #lost = new Set<string>();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  async get(host: HypervisorHost): Promise<Hypervisor> {
    if (this.#unusable.has(host.name)) throw this.#unusable.get(host.name);
    let opening = this.#open.get(host.name);
    if (!opening) {
      opening = this.#connect(host);
      this.#open.set(host.name, opening);
    }
    return guarded((await opening).hypervisor, this.#lost);
  }

  /**
   * Keeps everybody else from changing machines on these hypervisors until the pool is disposed. One that cannot be had
   * fails with whoever gets it.
   */
  async reserve(hosts: readonly HypervisorHost[], options: ReserveOptions): Promise<void> {
    const { clock, signal, onProgress } = options;
    const { username } = userInfo();
    const holder = `${username}@${hostname()} since ${new Date(clock.now()).toISOString()}`;
    const byName = new Map(hosts.map((host) => [host.name, host]));
    await Promise.allSettled([...byName.values()].map((host) => this.get(host)));
    // All in the same order: of two who want the same, one waits for the other, and never each for the other.
    for (const host of [...byName.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1))) {
      try {
        const hypervisor = await this.get(host);
        const onWait = (other: string): void =>
          onProgress({
            machine: host.name,
            text: `is being worked on by ${other}; waits for it`,
            waits: true,
          });
        const onLost = (): void => void this.#lost.add(host.name);
        this.#locks.push(await hypervisor.lock({ holder, onWait, onLost, timeoutMs: LOCK_WAIT_MS }, signal));
      } catch (error) {
        signal.throwIfAborted();
        this.#unusable.set(host.name, error);
      }
    }
  }

  /** Whether guests run with KVM there; found out once. */
  async hasKvm(host: HypervisorHost, kernel: string | undefined, signal: AbortSignal): Promise<boolean> {
    const hypervisor = await this.get(host);
    let asking = this.#kvm.get(host.name);
    if (!asking) {
      asking = hypervisor.hasKvm(kernel, signal);
      this.#kvm.set(host.name, asking);
    }
    return asking;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#locks.map((lock) => lock[Symbol.asyncDispose]()));
    const opened = await Promise.allSettled(this.#open.values());
    for (const each of opened) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
  }
}

/** The hypervisor, of which nothing more is asked once others may change its machines as well. */
function guarded(hypervisor: Hypervisor, lost: ReadonlySet<string>): Hypervisor {
  return new Proxy(hypervisor, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (!lost.has(target.name)) return value.apply(target, args);
        throw new HypervisorError(
          target.name,
          `${target.name}: the connection that kept others from changing its machines was cut.`,
          'Run the same again: it goes on where it stopped.',
        );
      };
    },
  });
}
