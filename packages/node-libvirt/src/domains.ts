import { type Caller, listing, order, type Procedure, question, unlessMissing } from './calls.ts';
import { errorCodes, LibvirtError, ProtocolError } from './errors.ts';
import type { CallOptions } from './link.ts';
import { type DomainRef, readDomain, writeDomain } from './values.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

const PROCEDURES = {
  lookup: ['DOMAIN_LOOKUP_BY_NAME', 23],
  list: ['CONNECT_LIST_ALL_DOMAINS', 273],
  define: ['DOMAIN_DEFINE_XML_FLAGS', 350],
  create: ['DOMAIN_CREATE_WITH_FLAGS', 196],
  shutdown: ['DOMAIN_SHUTDOWN_FLAGS', 258],
  destroy: ['DOMAIN_DESTROY_FLAGS', 234],
  reset: ['DOMAIN_RESET', 245],
  suspend: ['DOMAIN_SUSPEND', 34],
  resume: ['DOMAIN_RESUME', 28],
  state: ['DOMAIN_GET_STATE', 212],
  persistent: ['DOMAIN_IS_PERSISTENT', 151],
  xml: ['DOMAIN_GET_XML_DESC', 14],
  getAutostart: ['DOMAIN_GET_AUTOSTART', 15],
  setAutostart: ['DOMAIN_SET_AUTOSTART', 29],
  undefine: ['DOMAIN_UNDEFINE_FLAGS', 231],
  setMemory: ['DOMAIN_SET_MEMORY_FLAGS', 204],
  setVcpus: ['DOMAIN_SET_VCPUS_FLAGS', 199],
  attach: ['DOMAIN_ATTACH_DEVICE_FLAGS', 160],
  detach: ['DOMAIN_DETACH_DEVICE_FLAGS', 161],
  resizeBlock: ['DOMAIN_BLOCK_RESIZE', 251],
  setMetadata: ['DOMAIN_SET_METADATA', 264],
  getMetadata: ['DOMAIN_GET_METADATA', 265],
} as const satisfies Record<string, Procedure>;

/** `virDomainState`, in the order of its numbers. */
export const domainStates = [
  'nostate',
  'running',
  'blocked',
  'paused',
  'shutdown',
  'shutoff',
  'crashed',
  'pmsuspended',
] as const;
export type DomainState = (typeof domainStates)[number];

/** What a change is made to: the running domain, its definition, or both. */
export type Affects = 'live' | 'config' | 'both';
const AFFECTS: Readonly<Record<Affects, number>> = { live: 1, config: 2, both: 3 };

const SHUTDOWN_BY = { acpi: 1, agent: 2 } as const;
const XML_INACTIVE = 2;
const DEFINE_VALIDATE = 1;
/** What libvirt keeps beside a definition: a domain that has any of it is not undefined without. */
const KEPT = { managedSave: 1, snapshots: 2, nvram: 4, checkpoints: 16 } as const;
export type Kept = keyof typeof KEPT;
const ALL_KEPT = Object.keys(KEPT) as Kept[];
const KEPT_BY_ALL: readonly Kept[] = ['managedSave', 'snapshots'];
const RESIZE_IN_BYTES = 1;
const METADATA_ELEMENT = 2;

/** The domains of one host. Every call rejects as `Link.call` does. */
export class Domains {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  list(options?: CallOptions): Promise<DomainRef[]> {
    return this.#call(listing(PROCEDURES.list, readDomain), options);
  }

  /** Undefined when there is none of this name. */
  find(name: string, options?: CallOptions): Promise<DomainRef | undefined> {
    const call = question(PROCEDURES.lookup, readDomain, (writer) => writer.string(name));
    return unlessMissing(this.#call(call, options), errorCodes.noDomain);
  }

  /** Defines it, or defines it anew; the XML is held against libvirt's schema first. */
  define(xml: string, options?: CallOptions): Promise<DomainRef> {
    const write = (writer: XdrWriter): unknown => writer.string(xml).u32(DEFINE_VALIDATE);
    return this.#call(question(PROCEDURES.define, readDomain, write), options);
  }

  start(domain: DomainRef, options?: CallOptions): Promise<DomainRef> {
    return this.#call(question(PROCEDURES.create, readDomain, on(domain, 0)), options);
  }

  /** Asks the guest; it is still running when this resolves. */
  shutdown(domain: DomainRef, by?: keyof typeof SHUTDOWN_BY, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.shutdown, on(domain, by ? SHUTDOWN_BY[by] : 0)), options);
  }

  /** Pulls the plug. */
  destroy(domain: DomainRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.destroy, on(domain, 0)), options);
  }

  reset(domain: DomainRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.reset, on(domain, 0)), options);
  }

  suspend(domain: DomainRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.suspend, on(domain)), options);
  }

  resume(domain: DomainRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.resume, on(domain)), options);
  }

  state(domain: DomainRef, options?: CallOptions): Promise<DomainState> {
    const read = (reader: XdrReader): DomainState => {
      const number = reader.i32();
      reader.i32(); // Why it is so.
      const state = domainStates[number];
      if (!state) throw new ProtocolError(`a domain is in state ${number}, which is not known here`);
      return state;
    };
    return this.#call(question(PROCEDURES.state, read, on(domain, 0)), options);
  }

  /** Whether it is defined, and not only running. */
  isPersistent(domain: DomainRef, options?: CallOptions): Promise<boolean> {
    return this.#call(question(PROCEDURES.persistent, readFlag, on(domain)), options);
  }

  /** As it runs, or as it will start the next time. */
  xml(domain: DomainRef, of: 'now' | 'next start' = 'now', options?: CallOptions): Promise<string> {
    const flags = of === 'now' ? 0 : XML_INACTIVE;
    return this.#call(
      question(PROCEDURES.xml, (reader) => reader.string(), on(domain, flags)),
      options,
    );
  }

  startsWithHost(domain: DomainRef, options?: CallOptions): Promise<boolean> {
    return this.#call(question(PROCEDURES.getAutostart, readFlag, on(domain)), options);
  }

  setAutostart(domain: DomainRef, isOn: boolean, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.setAutostart, on(domain, Number(isOn))), options);
  }

  /**
   * Removes the definition with what libvirt keeps beside it, by default all that the driver keeps; what runs goes on
   * without a definition.
   */
  async undefine(domain: DomainRef, kept?: readonly Kept[], options?: CallOptions): Promise<void> {
    const undefine = (each: readonly Kept[]): Promise<void> => {
      const flags = each.reduce((sum, name) => sum | KEPT[name], 0);
      return this.#call(order(PROCEDURES.undefine, on(domain, flags)), options);
    };
    if (kept) return undefine(kept);
    try {
      await undefine(ALL_KEPT);
    } catch (error) {
      // A driver that does not keep all of it knows no flag for that, and has done nothing yet.
      if (!(error instanceof LibvirtError) || error.code !== errorCodes.invalidArgument) throw error;
      await undefine(KEPT_BY_ALL);
    }
  }

  setMemory(domain: DomainRef, kib: bigint, affects: Affects, options?: CallOptions): Promise<void> {
    const write = (writer: XdrWriter): unknown => on(domain)(writer).u64(kib).u32(AFFECTS[affects]);
    return this.#call(order(PROCEDURES.setMemory, write), options);
  }

  setVcpus(domain: DomainRef, count: number, affects: Affects, options?: CallOptions): Promise<void> {
    const write = (writer: XdrWriter): unknown => on(domain)(writer).u32(count).u32(AFFECTS[affects]);
    return this.#call(order(PROCEDURES.setVcpus, write), options);
  }

  attach(domain: DomainRef, xml: string, affects: Affects, options?: CallOptions): Promise<void> {
    const write = (writer: XdrWriter): unknown => on(domain)(writer).string(xml).u32(AFFECTS[affects]);
    return this.#call(order(PROCEDURES.attach, write), options);
  }

  detach(domain: DomainRef, xml: string, affects: Affects, options?: CallOptions): Promise<void> {
    const write = (writer: XdrWriter): unknown => on(domain)(writer).string(xml).u32(AFFECTS[affects]);
    return this.#call(order(PROCEDURES.detach, write), options);
  }

  /** Of a running domain: `disk` is its name there, such as vda. */
  resizeDisk(domain: DomainRef, disk: string, bytes: bigint, options?: CallOptions): Promise<void> {
    const write = (writer: XdrWriter): unknown =>
      on(domain)(writer).string(disk).u64(bytes).u32(RESIZE_IN_BYTES);
    return this.#call(order(PROCEDURES.resizeBlock, write), options);
  }

  /** An element of our own in its definition, under a namespace; undefined takes it away. */
  setMetadata(
    domain: DomainRef,
    { uri, prefix, xml }: { readonly uri: string; readonly prefix: string; readonly xml: string | undefined },
    affects: Affects,
    options?: CallOptions,
  ): Promise<void> {
    const text = (writer: XdrWriter, value: string): unknown => writer.string(value);
    const write = (writer: XdrWriter): unknown =>
      on(domain)(writer)
        .i32(METADATA_ELEMENT)
        .optional(xml, text)
        .optional(xml === undefined ? undefined : prefix, text)
        .optional(uri, text)
        .u32(AFFECTS[affects]);
    return this.#call(order(PROCEDURES.setMetadata, write), options);
  }

  metadata(
    domain: DomainRef,
    uri: string,
    affects: 'live' | 'config',
    options?: CallOptions,
  ): Promise<string> {
    const write = (writer: XdrWriter): unknown =>
      on(domain)(writer)
        .i32(METADATA_ELEMENT)
        .optional(uri, (each, value) => each.string(value))
        .u32(AFFECTS[affects]);
    return this.#call(
      question(PROCEDURES.getMetadata, (reader) => reader.string(), write),
      options,
    );
  }
}

/** Writes the domain, and flags where there are any. */
function on(domain: DomainRef, flags?: number): (writer: XdrWriter) => XdrWriter {
  return (writer) => {
    writeDomain(writer, domain);
    return flags === undefined ? writer : writer.u32(flags);
  };
}

function readFlag(reader: XdrReader): boolean {
  return reader.i32() !== 0;
}
