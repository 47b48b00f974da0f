import { type Caller, listing, order, type Procedure, question, unlessMissing } from './calls.ts';
import { errorCodes } from './errors.ts';
import type { CallOptions } from './link.ts';
import { type NamedRef, readNamed, writeNamed } from './values.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

const PROCEDURES = {
  list: ['CONNECT_LIST_ALL_STORAGE_POOLS', 281],
  lookup: ['STORAGE_POOL_LOOKUP_BY_NAME', 84],
  define: ['STORAGE_POOL_DEFINE_XML', 77],
  build: ['STORAGE_POOL_BUILD', 79],
  start: ['STORAGE_POOL_CREATE', 78],
  stop: ['STORAGE_POOL_DESTROY', 80],
  delete: ['STORAGE_POOL_DELETE', 81],
  undefine: ['STORAGE_POOL_UNDEFINE', 82],
  refresh: ['STORAGE_POOL_REFRESH', 83],
  info: ['STORAGE_POOL_GET_INFO', 87],
  xml: ['STORAGE_POOL_GET_XML_DESC', 88],
  setAutostart: ['STORAGE_POOL_SET_AUTOSTART', 90],
  active: ['STORAGE_POOL_IS_ACTIVE', 154],
} as const satisfies Record<string, Procedure>;

/** How full a pool is, in bytes. */
export interface PoolInfo {
  readonly capacity: bigint;
  readonly allocation: bigint;
  readonly available: bigint;
}

/** The storage pools of one host. Every call rejects as `Link.call` does. */
export class Pools {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  list(options?: CallOptions): Promise<NamedRef[]> {
    return this.#call(listing(PROCEDURES.list, readNamed), options);
  }

  /** Undefined when there is none of this name. */
  find(name: string, options?: CallOptions): Promise<NamedRef | undefined> {
    const call = question(PROCEDURES.lookup, readNamed, (writer) => writer.string(name));
    return unlessMissing(this.#call(call, options), errorCodes.noStoragePool);
  }

  define(xml: string, options?: CallOptions): Promise<NamedRef> {
    const write = (writer: XdrWriter): unknown => writer.string(xml).u32(0);
    return this.#call(question(PROCEDURES.define, readNamed, write), options);
  }

  /** Makes what it stands on: the folder of a pool of files. */
  build(pool: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.build, on(pool, 0)), options);
  }

  start(pool: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.start, on(pool, 0)), options);
  }

  stop(pool: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.stop, on(pool)), options);
  }

  /** Removes what it stands on. */
  delete(pool: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.delete, on(pool, 0)), options);
  }

  undefine(pool: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.undefine, on(pool)), options);
  }

  /** Has the daemon look at the files again. */
  refresh(pool: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.refresh, on(pool, 0)), options);
  }

  info(pool: NamedRef, options?: CallOptions): Promise<PoolInfo> {
    const read = (reader: XdrReader): PoolInfo => {
      reader.u32(); // Whether it runs.
      return { capacity: reader.u64(), allocation: reader.u64(), available: reader.u64() };
    };
    return this.#call(question(PROCEDURES.info, read, on(pool)), options);
  }

  xml(pool: NamedRef, options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.xml, (reader) => reader.string(), on(pool, 0)),
      options,
    );
  }

  setAutostart(pool: NamedRef, isOn: boolean, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.setAutostart, on(pool, Number(isOn))), options);
  }

  isActive(pool: NamedRef, options?: CallOptions): Promise<boolean> {
    return this.#call(
      question(PROCEDURES.active, (reader) => reader.i32() !== 0, on(pool)),
      options,
    );
  }
}

function on(pool: NamedRef, flags?: number): (writer: XdrWriter) => void {
  return (writer) => {
    writeNamed(writer, pool);
    if (flags !== undefined) writer.u32(flags);
  };
}
