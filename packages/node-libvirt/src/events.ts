import { type Caller, order, type Procedure, question } from './calls.ts';
import { ProtocolError } from './errors.ts';
import type { Frame } from './frame.ts';
import type { CallOptions } from './link.ts';
import { type DomainRef, readDomain } from './values.ts';
import { XdrReader } from './xdr.ts';

const PROCEDURES = {
  register: ['CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', 316],
  deregister: ['CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY', 317],
  lifecycle: ['DOMAIN_EVENT_CALLBACK_LIFECYCLE', 318],
} as const satisfies Record<string, Procedure>;

const LIFECYCLE = 0;

/** `virDomainEventType`, in the order of its numbers. */
export const domainEvents = [
  'defined',
  'undefined',
  'started',
  'suspended',
  'resumed',
  'stopped',
  'shutdown',
  'pmsuspended',
  'crashed',
] as const;

/** Something that has happened to a domain. */
export interface DomainEvent {
  readonly domain: DomainRef;
  readonly event: (typeof domainEvents)[number];
  /** Why, as a number of libvirt's own. */
  readonly detail: number;
}

/** Tells what happens to the domains of one host, as long as the connection is there. */
export class DomainEvents {
  readonly #call: Caller;
  readonly #listeners = new Map<number, (event: DomainEvent) => void>();

  constructor(call: Caller) {
    this.#call = call;
  }

  /**
   * Resolves once the daemon tells of everything from now on, with what has it stop. What the listener throws is a warning
   * of the process: the connection and other listeners go on.
   */
  async subscribe(
    listener: (event: DomainEvent) => void,
    options?: CallOptions,
  ): Promise<(options?: CallOptions) => Promise<void>> {
    const register = question(
      PROCEDURES.register,
      (reader) => reader.i32(),
      (writer) => writer.i32(LIFECYCLE).optional(undefined, () => undefined),
    );
    const deregister = (id: number, last?: CallOptions): Promise<void> =>
      this.#call(
        order(PROCEDURES.deregister, (writer) => writer.i32(id)),
        last,
      );
    const onLate = (id: number): void => void deregister(id).catch(() => undefined);
    const id = await this.#call({ ...register, onLate }, options);
    this.#listeners.set(id, listener);
    return async (last) => {
      this.#listeners.delete(id);
      await deregister(id, last);
    };
  }

  /** To be given every message that nobody asked for. Throws a ProtocolError for one that cannot be read. */
  take({ procedure, body }: Frame): void {
    if (procedure !== PROCEDURES.lifecycle[1]) return;
    const reader = new XdrReader(body);
    const id = reader.i32();
    const domain = readDomain(reader);
    const number = reader.i32();
    const detail = reader.i32();
    reader.end();
    const event = domainEvents[number];
    if (!event) throw new ProtocolError(`event ${number} of a domain is not known here`);
    try {
      this.#listeners.get(id)?.({ domain, event, detail });
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
