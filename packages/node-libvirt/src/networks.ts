import { type Caller, listing, order, type Procedure, question, unlessMissing } from './calls.ts';
import { errorCodes } from './errors.ts';
import type { CallOptions } from './link.ts';
import { type NamedRef, readNamed, writeNamed } from './values.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

const PROCEDURES = {
  list: ['CONNECT_LIST_ALL_NETWORKS', 283],
  lookup: ['NETWORK_LOOKUP_BY_NAME', 46],
  define: ['NETWORK_DEFINE_XML', 41],
  start: ['NETWORK_CREATE', 39],
  stop: ['NETWORK_DESTROY', 42],
  undefine: ['NETWORK_UNDEFINE', 49],
  xml: ['NETWORK_GET_XML_DESC', 43],
  setAutostart: ['NETWORK_SET_AUTOSTART', 48],
  active: ['NETWORK_IS_ACTIVE', 152],
  update: ['NETWORK_UPDATE', 291],
  leases: ['NETWORK_GET_DHCP_LEASES', 341],
} as const satisfies Record<string, Procedure>;

const UPDATE = { modify: 1, delete: 2, add: 3 } as const;
const DHCP_HOST = 4;
/** Of an element of which there is one parent only. */
const NO_PARENT = -1;
/** The running network and its definition. */
const LIVE_AND_CONFIG = 3;

/** An address that DHCP gave out. */
export interface Lease {
  readonly address: string;
  readonly prefix: number;
  readonly mac: string | undefined;
  readonly hostname: string | undefined;
  /** In Unix seconds; 0 for one that does not expire. */
  readonly expiresAt: bigint;
}

/** An address that DHCP always gives the same machine. */
export interface DhcpHost {
  readonly mac: string;
  readonly address: string;
  readonly name: string;
}

/** The networks of one host. Every call rejects as `Link.call` does. */
export class Networks {
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
    return unlessMissing(this.#call(call, options), errorCodes.noNetwork);
  }

  define(xml: string, options?: CallOptions): Promise<NamedRef> {
    return this.#call(
      question(PROCEDURES.define, readNamed, (writer) => writer.string(xml)),
      options,
    );
  }

  start(network: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.start, on(network)), options);
  }

  stop(network: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.stop, on(network)), options);
  }

  undefine(network: NamedRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.undefine, on(network)), options);
  }

  xml(network: NamedRef, options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.xml, (reader) => reader.string(), on(network, 0)),
      options,
    );
  }

  setAutostart(network: NamedRef, isOn: boolean, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.setAutostart, on(network, Number(isOn))), options);
  }

  isActive(network: NamedRef, options?: CallOptions): Promise<boolean> {
    return this.#call(
      question(PROCEDURES.active, (reader) => reader.i32() !== 0, on(network)),
      options,
    );
  }

  /** In the running network and in its definition. */
  setDhcpHost(
    network: NamedRef,
    change: keyof typeof UPDATE,
    { mac, address, name }: DhcpHost,
    options?: CallOptions,
  ): Promise<void> {
    const write = (writer: XdrWriter): void => {
      writeNamed(writer, network);
      writer
        .u32(UPDATE[change])
        .u32(DHCP_HOST)
        .i32(NO_PARENT)
        .string(`<host mac='${attribute(mac)}' name='${attribute(name)}' ip='${attribute(address)}'/>`)
        .u32(LIVE_AND_CONFIG);
    };
    return this.#call(order(PROCEDURES.update, write), options);
  }

  leases(network: NamedRef, options?: CallOptions): Promise<Lease[]> {
    const of = (writer: XdrWriter): void => {
      writeNamed(writer, network);
      writer.optional(undefined, () => undefined); // Of one MAC only.
    };
    return this.#call(listing(PROCEDURES.leases, readLease, of), options);
  }
}

function on(network: NamedRef, flags?: number): (writer: XdrWriter) => void {
  return (writer) => {
    writeNamed(writer, network);
    if (flags !== undefined) writer.u32(flags);
  };
}

function readLease(reader: XdrReader): Lease {
  const text = (each: XdrReader): string => each.string();
  reader.string(); // The interface of the host.
  const expiresAt = reader.i64();
  reader.i32(); // IPv4 or IPv6, which the address says itself.
  const mac = reader.optional(text);
  reader.optional(text); // The id of the association, of IPv6.
  const address = reader.string();
  const prefix = reader.u32();
  const hostname = reader.optional(text);
  reader.optional(text); // The id that the client gave itself.
  return { address, prefix, mac, hostname, expiresAt };
}

function attribute(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&apos;');
}
