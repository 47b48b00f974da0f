import { type Caller, type Procedure, question } from './calls.ts';
import { ProtocolError } from './errors.ts';
import { programs } from './frame.ts';
import type { CallOptions } from './link.ts';
import { type DomainRef, type ParameterValue, readDomain, readParameter, writeDomain } from './values.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

const PROCEDURES = {
  stats: ['CONNECT_GET_ALL_DOMAIN_STATS', 344],
  addresses: ['DOMAIN_INTERFACE_ADDRESSES', 353],
  agent: ['QEMU_DOMAIN_AGENT_COMMAND', 3],
} as const satisfies Record<string, Procedure>;

const ADDRESSES_FROM = { lease: 0, agent: 1, arp: 2 } as const;
/** `VIR_DOMAIN_STATS_*`. */
const STATS = { state: 1, cpu: 2, memory: 4, vcpu: 8, net: 16, block: 32 } as const;
/** How long the daemon waits for the agent of a guest, in seconds; the call has a deadline of its own. */
const AGENT_SECONDS = 20;

/** An address that an interface of a guest has. */
export interface GuestAddress {
  readonly interface: string;
  readonly mac: string | undefined;
  readonly address: string;
  readonly prefix: number;
}

/** What is measured of a domain: `cpu.time`, `balloon.current`, `block.0.allocation` … */
export interface DomainStats {
  readonly domain: DomainRef;
  readonly values: ReadonlyMap<string, ParameterValue>;
}

/** What runs inside of domains. Every call rejects as `Link.call` does. */
export class Guests {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  /** Of all domains in one call. */
  stats(groups: readonly (keyof typeof STATS)[], options?: CallOptions): Promise<DomainStats[]> {
    const mask = groups.reduce((sum, group) => sum | STATS[group], 0);
    const read = (reader: XdrReader): DomainStats[] =>
      reader.array((each) => ({ domain: readDomain(each), values: new Map(each.array(readParameter)) }));
    const write = (writer: XdrWriter): unknown =>
      writer
        .array([], () => undefined)
        .u32(mask)
        .u32(0);
    return this.#call(question(PROCEDURES.stats, read, write), options);
  }

  /** As DHCP has given them, as the agent of the guest tells them, or as this host has seen them. */
  addresses(
    domain: DomainRef,
    from: keyof typeof ADDRESSES_FROM,
    options?: CallOptions,
  ): Promise<GuestAddress[]> {
    const read = (reader: XdrReader): GuestAddress[] => reader.array(readInterface).flat();
    const write = (writer: XdrWriter): void => {
      writeDomain(writer, domain);
      writer.u32(ADDRESSES_FROM[from]).u32(0);
    };
    return this.#call(question(PROCEDURES.addresses, read, write), options);
  }

  /** What the agent of the guest returns to a command. Throws a LibvirtError of code 86 while none answers. */
  async agent(
    domain: DomainRef,
    command: string,
    given: Readonly<Record<string, unknown>> = {},
    options?: CallOptions,
  ): Promise<unknown> {
    const write = (writer: XdrWriter): void => {
      writeDomain(writer, domain);
      writer
        .string(JSON.stringify({ execute: command, arguments: given }))
        .i32(AGENT_SECONDS)
        .u32(0);
    };
    const read = (reader: XdrReader): string | undefined => reader.optional((each) => each.string());
    const call = { ...question(PROCEDURES.agent, read, write), program: programs.qemu };
    const said = await this.#call(call, options);
    if (said === undefined) return undefined;
    try {
      return (JSON.parse(said) as { readonly return?: unknown }).return;
    } catch (cause) {
      throw new ProtocolError(`the agent of ${domain.name} did not answer ${command} in JSON`, { cause });
    }
  }
}

function readInterface(reader: XdrReader): GuestAddress[] {
  const name = reader.string();
  const mac = reader.optional((each) => each.string());
  return reader.array((each) => {
    each.i32(); // IPv4 or IPv6, which the address says itself.
    return { interface: name, mac, address: each.string(), prefix: each.u32() };
  });
}
