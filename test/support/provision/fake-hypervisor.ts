import type {
  Disk,
  Domain,
  FilesOfMachine,
  FilesThere,
  Hypervisor,
  LockOptions,
  Snapshot,
} from '#integrations/libvirt/hypervisor.ts';

import { type FakeDomain, facts } from './fake-domain.ts';
import { FakeLock } from './fake-lock.ts';

/** Thrown in place of going on: what SIGKILL does to a provisioner. */
class Killed extends Error {}

const GIB = 1024 ** 3;

/** A hypervisor in memory that behaves as libvirt does as far as the provisioner relies on it. */
export class FakeHypervisor implements Hypervisor {
  readonly name: string;
  readonly domains = new Map<string, FakeDomain>();
  readonly files = new Map<string, string | Uint8Array | Disk>();
  /** Every call that changes something, in order. */
  readonly calls: string[] = [];
  /** How many more changes happen before the provisioner is killed, and whether the last one still takes effect. */
  killAfter: { changes: number; lastTakesEffect: boolean } | undefined;
  libvirt = true;
  /** A guest that ignores being asked to shut down. */
  stubborn = false;
  kvm = false;
  /** What no definition may have. */
  refuses: RegExp | undefined;
  readonly others = new FakeLock();

  constructor(name = 'r420') {
    this.name = name;
  }

  lock(options: LockOptions): Promise<AsyncDisposable> {
    return this.others.take(options);
  }

  async domain(name: string): Promise<Domain | undefined> {
    const domain = this.domains.get(name);
    if (!domain) return undefined;
    const { defined, live, autostart, paused } = domain;
    return {
      state: live === undefined ? 'off' : paused ? 'paused' : 'running',
      autostart,
      persistent: true,
      defined: facts(defined),
      live: live === undefined ? undefined : facts(live),
    };
  }

  define(xml: string): Promise<void> {
    const name = /<name>(.*)<\/name>/.exec(xml)?.[1] ?? '';
    return this.#change(`define ${name}`, () => {
      if (this.refuses?.test(xml)) throw new Error(`XML error: ${this.refuses.source} is not expected`);
      const before = this.domains.get(name) ?? {
        live: undefined,
        autostart: false,
        paused: false,
        snapshots: new Map(),
      };
      this.domains.set(name, { ...before, defined: xml });
    });
  }

  start(name: string): Promise<void> {
    return this.#change(`start ${name}`, () => {
      const domain = this.#existing(name);
      if (domain.live !== undefined) throw new Error(`${name} is already active`);
      for (const [, file] of domain.defined.matchAll(/<source file='([^']+)'/g)) {
        if (!this.files.has(file ?? '')) throw new Error(`${file} is not there`);
      }
      domain.live = domain.defined;
      domain.paused = false;
    });
  }

  resume(name: string): Promise<void> {
    return this.#change(`resume ${name}`, () => {
      this.#existing(name).paused = false;
    });
  }

  shutdown(name: string): Promise<void> {
    return this.#change(`shutdown ${name}`, () => {
      if (!this.stubborn) this.#existing(name).live = undefined;
    });
  }

  powerOff(name: string): Promise<void> {
    return this.#change(`power off ${name}`, () => {
      const domain = this.domains.get(name);
      if (domain) domain.live = undefined;
    });
  }

  setAutostart(name: string, on: boolean): Promise<void> {
    return this.#change(`autostart ${name}`, () => {
      this.#existing(name).autostart = on;
    });
  }

  setLiveMemory(name: string): Promise<void> {
    return this.#change(`set memory ${name}`, () => undefined);
  }

  undefine(name: string): Promise<void> {
    return this.#change(`undefine ${name}`, () => void this.domains.delete(name));
  }

  async snapshots(name: string): Promise<Snapshot[]> {
    return [...this.#existing(name).snapshots.keys()].map((snapshot, index) => ({
      name: snapshot,
      createdAt: index,
      wasRunning: this.#existing(name).snapshots.get(snapshot)?.live !== undefined,
    }));
  }

  createSnapshot(name: string, snapshot: string): Promise<void> {
    return this.#change(`snapshot ${name} ${snapshot}`, () => {
      const { snapshots, ...state } = this.#existing(name);
      if (snapshots.has(snapshot)) throw new Error(`${snapshot} already exists`);
      snapshots.set(snapshot, state);
    });
  }

  revertTo(name: string, snapshot: string): Promise<void> {
    return this.#change(`revert ${name} ${snapshot}`, () => {
      const { snapshots } = this.#existing(name);
      const state = snapshots.get(snapshot);
      if (!state) throw new Error(`no snapshot ${snapshot}`);
      this.domains.set(name, { ...state, snapshots });
    });
  }

  async snapshotDefinitions(name: string): Promise<string[]> {
    return [...this.#existing(name).snapshots].map((each) => JSON.stringify(each));
  }

  redefineSnapshots(name: string, definitions: readonly string[]): Promise<void> {
    return this.#change(`redefine snapshots ${name}`, () => {
      for (const definition of definitions) {
        const [snapshot, state] = JSON.parse(definition);
        this.#existing(name).snapshots.set(snapshot, state);
      }
    });
  }

  deleteSnapshot(name: string, snapshot: string): Promise<void> {
    return this.#change(`delete ${name} ${snapshot}`, () => {
      if (!this.#existing(name).snapshots.delete(snapshot)) throw new Error(`no snapshot ${snapshot}`);
    });
  }

  async hasLibvirt(): Promise<boolean> {
    return this.libvirt;
  }

  async hasKvm(): Promise<boolean> {
    return this.kvm;
  }

  async look({ root, data, seed, ready }: FilesOfMachine): Promise<FilesThere> {
    const text = this.files.get(ready);
    return {
      root: this.disk(root),
      data: this.disk(data),
      hasSeed: this.files.has(seed),
      ready: typeof text === 'string' ? text : undefined,
    };
  }

  disk(file: string): Disk | undefined {
    const found = this.files.get(file);
    return typeof found === 'object' && 'sizeBytes' in found ? found : undefined;
  }

  createOverlay(file: string, base: string, sizeGib: number): Promise<void> {
    return this.#change(`create ${file}`, () => {
      this.files.set(file, { sizeBytes: sizeGib * GIB, backing: base });
    });
  }

  createDataDisk(file: string, _label: string, sizeGib: number): Promise<void> {
    return this.#change(`create ${file}`, () => {
      this.files.set(file, { sizeBytes: sizeGib * GIB, backing: undefined });
    });
  }

  growDisk(file: string, sizeGib: number): Promise<void> {
    return this.#change(`grow ${file}`, () => {
      const disk = this.files.get(file);
      const backing = typeof disk === 'object' && 'sizeBytes' in disk ? disk.backing : undefined;
      this.files.set(file, { sizeBytes: sizeGib * GIB, backing });
    });
  }

  async fileSize(file: string): Promise<number | undefined> {
    const found = this.files.get(file);
    if (found === undefined) return undefined;
    return typeof found === 'object' && 'sizeBytes' in found ? 1 : found.length;
  }

  async readFile(file: string): Promise<string | undefined> {
    const found = this.files.get(file);
    return typeof found === 'string' ? found : undefined;
  }

  writeFile(file: string, content: string | Uint8Array): Promise<void> {
    return this.#change(`write ${file}`, () => void this.files.set(file, content));
  }

  async move(from: string, to: string): Promise<void> {
    const [moved, there] = [this.#at(from), this.#at(to)];
    if (moved.length === 0 && there.length > 0) return;
    if (there.length > 0) throw new Error(`${to} is there already`);
    if (moved.length === 0) throw new Error(`${from} is not there`);
    await this.#change(`move ${from}`, () => this.#rename(moved, from, to));
  }

  async putBack(from: string, to: string): Promise<void> {
    for (const disk of ['root.qcow2', 'data.qcow2']) {
      if (this.files.has(`${to}/${disk}`)) throw new Error(`there is a disk in ${to} already`);
    }
    const moved = this.#at(from);
    if (moved.length === 0) throw new Error(`${from} is not there`);
    await this.#change(`put back ${to}`, () => {
      for (const each of this.#at(to)) this.files.delete(each);
      this.#rename(moved, from, to);
    });
  }

  async list(folder: string): Promise<string[]> {
    const below = [...this.files.keys()].filter((each) => each.startsWith(`${folder}/`));
    return [...new Set(below.map((each) => each.slice(folder.length + 1).split('/')[0] ?? ''))];
  }

  async remove(file: string): Promise<boolean> {
    const found = this.#at(file);
    if (found.length === 0) return false;
    await this.#change(`remove ${file}`, () => {
      for (const each of found) this.files.delete(each);
    });
    return true;
  }

  async tail(file: string, lines: number): Promise<string[]> {
    const found = this.files.get(file);
    return typeof found === 'string' ? found.split('\n').slice(-lines) : [];
  }

  /** Changes a domain as somebody else would, with virsh. */
  edit(name: string, which: 'defined' | 'live', change: (xml: string) => string): void {
    const domain = this.#existing(name);
    const xml = domain[which];
    if (xml !== undefined) domain[which] = change(xml);
  }

  /** A file, or what is in a folder. */
  #at(place: string): string[] {
    return [...this.files.keys()].filter((each) => each === place || each.startsWith(`${place}/`));
  }

  #rename(moved: readonly string[], from: string, to: string): void {
    for (const each of moved) {
      this.files.set(`${to}${each.slice(from.length)}`, this.files.get(each) ?? '');
      this.files.delete(each);
    }
  }

  async #change(what: string, effect: () => void): Promise<void> {
    this.calls.push(what);
    const kill = this.killAfter;
    if (kill) {
      kill.changes -= 1;
      if (kill.changes < 0 || (kill.changes === 0 && !kill.lastTakesEffect)) throw new Killed(what);
    }
    effect();
    if (kill?.changes === 0) throw new Killed(what);
  }

  #existing(name: string): FakeDomain {
    const domain = this.domains.get(name);
    if (!domain) throw new Error(`failed to get domain '${name}'`);
    return domain;
  }
}
