import { type Caller, type Procedure, question } from './calls.ts';
import type { CallOptions } from './link.ts';
import type { XdrReader } from './xdr.ts';

const PROCEDURES = {
  info: ['NODE_GET_INFO', 6],
  freeMemory: ['NODE_GET_FREE_MEMORY', 102],
  hostname: ['CONNECT_GET_HOSTNAME', 59],
  capabilities: ['CONNECT_GET_CAPABILITIES', 7],
} as const satisfies Record<string, Procedure>;

/** What a host is made of. */
export interface NodeInfo {
  /** Of the processors: `x86_64`. */
  readonly architecture: string;
  readonly memoryKib: bigint;
  readonly processors: number;
  readonly sockets: number;
  readonly coresPerSocket: number;
  readonly threadsPerCore: number;
}

const MODEL_LENGTH = 32;

/** The host itself. Every call rejects as `Link.call` does. */
export class Node {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  info(options?: CallOptions): Promise<NodeInfo> {
    return this.#call(question(PROCEDURES.info, readInfo), options);
  }

  /** In bytes. */
  freeMemory(options?: CallOptions): Promise<bigint> {
    return this.#call(
      question(PROCEDURES.freeMemory, (reader) => reader.u64()),
      options,
    );
  }

  hostname(options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.hostname, (reader) => reader.string()),
      options,
    );
  }

  /** What the host and its hypervisors can do, as XML. */
  capabilities(options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.capabilities, (reader) => reader.string()),
      options,
    );
  }
}

function readInfo(reader: XdrReader): NodeInfo {
  // Each character takes four bytes.
  const characters = Array.from({ length: MODEL_LENGTH }, () => reader.i32());
  const end = characters.indexOf(0);
  const architecture = String.fromCharCode(...(end < 0 ? characters : characters.slice(0, end)));
  const memoryKib = reader.u64();
  const processors = reader.i32();
  reader.i32(); // MHz
  reader.i32(); // NUMA nodes
  const sockets = reader.i32();
  const coresPerSocket = reader.i32();
  const threadsPerCore = reader.i32();
  return { architecture, memoryKib, processors, sockets, coresPerSocket, threadsPerCore };
}
