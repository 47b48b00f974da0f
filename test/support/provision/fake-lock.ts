import type { LockOptions } from '#integrations/libvirt/hypervisor.ts';

/** The lock of a hypervisor in memory: one after the other. */
export class FakeLock {
  /** False lets in two at once, as when whoever had the lock was cut off and goes on. */
  holds = true;
  #last: { readonly holder: string; readonly over: Promise<void> } | undefined;

  async take({ holder, onWait }: LockOptions): Promise<AsyncDisposable> {
    const before = this.holds ? this.#last : undefined;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const mine = { holder, over };
    this.#last = mine;
    if (before) onWait(before.holder);
    await before?.over;
    const release = async (): Promise<void> => {
      if (this.#last === mine) this.#last = undefined;
      resolve();
    };
    return { [Symbol.asyncDispose]: release };
  }
}
