import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** What libvirt knows of one domain, as far as we compare it. */
export interface DomainFacts {
  readonly uuid: string;
  readonly memoryKib: number;
  readonly currentMemoryKib: number;
  readonly vcpus: number;
  /** What the provisioner wrote down at its last change; undefined for a domain that is not ours. */
  readonly metadata: string | undefined;
}

/** A domain: how it will start, and how it runs now. */
export interface Domain {
  readonly state: 'running' | 'paused' | 'off' | 'stopping';
  readonly autostart: boolean;
  /** False while it runs without a definition that would outlive it. */
  readonly persistent: boolean;
  /** The definition of the next start. */
  readonly defined: DomainFacts;
  /** What runs; undefined when it is off. */
  readonly live: DomainFacts | undefined;
}

/** A state of a domain that can be gone back to: its disks, and its memory where it was running. */
export interface Snapshot {
  readonly name: string;
  /** Unix ms, by the clock of the hypervisor. */
  readonly createdAt: number;
  readonly wasRunning: boolean;
}

/** A disk image file. */
export interface Disk {
  readonly sizeBytes: number;
  /** The file it is an overlay of. */
  readonly backing: string | undefined;
}

/** Where the files of a machine would be. */
export interface FilesOfMachine {
  readonly root: string;
  readonly data: string;
  readonly seed: string;
  readonly ready: string;
}

/** Which of them are there. */
export interface FilesThere {
  readonly root: Disk | undefined;
  readonly data: Disk | undefined;
  readonly hasSeed: boolean;
  /** What stands in it. */
  readonly ready: string | undefined;
}

/** A disk of a running domain, by its name there. */
export interface AttachedDisk {
  readonly domain: string;
  readonly target: string;
}

/**
 * One hypervisor: its domains, and the files they are made of. Every call may be repeated, and files appear
 * whole or not at all, so that a caller killed anywhere can start again.
 */
export interface Hypervisor {
  readonly name: string;

  /**
   * Waits until nobody else changes the machines there, and keeps others out until it is disposed or this process ends,
   * however it does. `onWait` is told who has it.
   */
  lock(options: LockOptions, signal: AbortSignal): Promise<AsyncDisposable>;

  domain(name: string, signal: AbortSignal): Promise<Domain | undefined>;
  define(xml: string, signal: AbortSignal): Promise<void>;
  start(name: string, signal: AbortSignal): Promise<void>;
  resume(name: string, signal: AbortSignal): Promise<void>;
  /** Asks the guest to shut down, and returns at once. */
  shutdown(name: string, signal: AbortSignal): Promise<void>;
  /** Pulls the plug; a domain that is off already is fine. */
  powerOff(name: string, signal: AbortSignal): Promise<void>;
  setAutostart(name: string, on: boolean, signal: AbortSignal): Promise<void>;
  setLiveMemory(name: string, memoryKib: number, signal: AbortSignal): Promise<void>;
  /** Removes the definition with everything libvirt keeps for it: NVRAM, managed save, snapshots, checkpoints. */
  undefine(name: string, signal: AbortSignal): Promise<void>;
  /** The snapshots of a domain, the oldest first. */
  snapshots(domain: string, signal: AbortSignal): Promise<Snapshot[]>;
  /** A running guest stands still while its memory is written down. */
  createSnapshot(domain: string, snapshot: string, signal: AbortSignal): Promise<void>;
  /** Goes back; what was written to its disks since is lost. It runs then if it ran. */
  revertTo(domain: string, snapshot: string, signal: AbortSignal): Promise<void>;
  deleteSnapshot(domain: string, snapshot: string, signal: AbortSignal): Promise<void>;
  /** What has libvirt know again of snapshots that are in the disks, the oldest first; in its own words. */
  snapshotDefinitions(domain: string, signal: AbortSignal): Promise<string[]>;
  /** Done again it changes nothing. */
  redefineSnapshots(domain: string, definitions: readonly string[], signal: AbortSignal): Promise<void>;
  /** Whether libvirt is there at all. */
  hasLibvirt(signal: AbortSignal): Promise<boolean>;
  /** Whether a guest really runs with KVM here: found out by starting a kernel, where there is one to start. */
  hasKvm(kernel: string | undefined, signal: AbortSignal): Promise<boolean>;

  /** The files of a machine, all in one look. */
  look(files: FilesOfMachine, signal: AbortSignal): Promise<FilesThere>;
  createOverlay(file: string, base: string, sizeGib: number, signal: AbortSignal): Promise<void>;
  /** A disk of its own with an empty ext4 file system. */
  createDataDisk(file: string, label: string, sizeGib: number, signal: AbortSignal): Promise<void>;
  /** Makes a disk larger, under a running domain or not. */
  growDisk(
    file: string,
    sizeGib: number,
    attached: AttachedDisk | undefined,
    signal: AbortSignal,
  ): Promise<void>;

  fileSize(file: string, signal: AbortSignal): Promise<number | undefined>;
  readFile(file: string, signal: AbortSignal): Promise<string | undefined>;
  /** Only root may read what is written, its folder included. */
  writeFile(file: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  /** Moves a file or folder of ours, on its file system, to where nothing is yet; fine if that was done already. */
  move(from: string, to: string, signal: AbortSignal): Promise<void>;
  /** Moves a machine's folder to where it was, in the place of one without disks; never of one with a disk. */
  putBack(from: string, to: string, signal: AbortSignal): Promise<void>;
  /** The names in a folder; none when it is not there. */
  list(folder: string, signal: AbortSignal): Promise<string[]>;
  /** Removes a file, or a folder with everything in it; whether there was one. */
  remove(file: string, signal: AbortSignal): Promise<boolean>;
  /** The end of a text file, such as a console; empty when there is none. */
  tail(file: string, lines: number, signal: AbortSignal): Promise<string[]>;
}

export interface LockOptions {
  /** For whoever waits: who has it, and since when. */
  readonly holder: string;
  readonly onWait: (holder: string) => void;
  /** It was cut off: others may change the machines there from now on. */
  readonly onLost: () => void;
  readonly timeoutMs: number;
}

/** Runs a program on the hypervisor, never through a shell that would look into its arguments. */
export interface Shell {
  run(program: string, args: readonly string[], options: ShellOptions): Promise<ShellResult>;
  /** Starts one that is spoken with: it ends once its standard input does, and with this process. */
  start(program: string, args: readonly string[]): ChildProcessWithoutNullStreams;
}

export interface ShellOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
}

export interface ShellResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Something on a hypervisor could not be done: what, on which, what came back, and what to do about it. */
export class HypervisorError extends Error {
  readonly hypervisor: string;
  readonly remedy: string;

  constructor(hypervisor: string, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HypervisorError';
    this.hypervisor = hypervisor;
    this.remedy = remedy;
  }
}
