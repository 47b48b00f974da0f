import { type Caller, listing, order, type Procedure, question } from './calls.ts';
import type { CallOptions } from './link.ts';
import { type DomainRef, readSnapshot, type SnapshotRef, writeDomain, writeSnapshot } from './values.ts';
import type { XdrWriter } from './xdr.ts';

const PROCEDURES = {
  create: ['DOMAIN_SNAPSHOT_CREATE_XML', 185],
  list: ['DOMAIN_LIST_ALL_SNAPSHOTS', 274],
  xml: ['DOMAIN_SNAPSHOT_GET_XML_DESC', 186],
  revert: ['DOMAIN_REVERT_TO_SNAPSHOT', 192],
  delete: ['DOMAIN_SNAPSHOT_DELETE', 193],
} as const satisfies Record<string, Procedure>;

/** `VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE`. */
const REDEFINE = 1;
/** `VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL`. */
const TOPOLOGICAL = 1 << 10;

/** The snapshots of domains. Every call rejects as `Link.call` does. */
export class Snapshots {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  create(domain: DomainRef, xml: string, options?: CallOptions): Promise<SnapshotRef> {
    return this.#make(domain, xml, 0, options);
  }

  /** Has the daemon know again of one whose state is in the disks already; `xml` is what `xml` has told of it. */
  redefine(domain: DomainRef, xml: string, options?: CallOptions): Promise<SnapshotRef> {
    return this.#make(domain, xml, REDEFINE, options);
  }

  /** Each after the one that it was made upon. */
  list(domain: DomainRef, options?: CallOptions): Promise<SnapshotRef[]> {
    const of = (writer: XdrWriter): void => writeDomain(writer, domain);
    return this.#call(listing(PROCEDURES.list, readSnapshot, of, TOPOLOGICAL), options);
  }

  /** What it is, with when it was made and in which state the domain was. */
  xml(snapshot: SnapshotRef, options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.xml, (reader) => reader.string(), on(snapshot)),
      options,
    );
  }

  /** A running domain is stopped for it, of which events tell. */
  revert(snapshot: SnapshotRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.revert, on(snapshot)), options);
  }

  delete(snapshot: SnapshotRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.delete, on(snapshot)), options);
  }

  #make(domain: DomainRef, xml: string, flags: number, options?: CallOptions): Promise<SnapshotRef> {
    const write = (writer: XdrWriter): void => {
      writeDomain(writer, domain);
      writer.string(xml).u32(flags);
    };
    return this.#call(question(PROCEDURES.create, readSnapshot, write), options);
  }
}

function on(snapshot: SnapshotRef): (writer: XdrWriter) => void {
  return (writer) => {
    writeSnapshot(writer, snapshot);
    writer.u32(0);
  };
}
