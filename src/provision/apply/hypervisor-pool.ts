import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import type { HypervisorHost } from '../inventory/inventory.ts';

/** A hypervisor that is connected as long as it is needed. */
export interface OpenHypervisor extends AsyncDisposable {
  readonly hypervisor: Hypervisor;
}

export type Connect = (host: HypervisorHost) => Promise<OpenHypervisor>;

/** One connection to each hypervisor that is asked for, kept until the pool is disposed. */
export class HypervisorPool implements AsyncDisposable {
  readonly #connect: Connect;
  readonly #open = new Map<string, Promise<OpenHypervisor>>();
  readonly #kvm = new Map<string, Promise<boolean>>();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  async get(host: HypervisorHost): Promise<Hypervisor> {
    let opening = this.#open.get(host.name);
    if (!opening) {
      opening = this.#connect(host);
      this.#open.set(host.name, opening);
    }
    return (await opening).hypervisor;
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
    const opened = await Promise.allSettled(this.#open.values());
    for (const each of opened) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
  }
}
