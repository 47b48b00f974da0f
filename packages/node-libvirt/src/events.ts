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
  agent: ['DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE', 348],
} as const satisfies Record<string, Procedure>;

/** `virDomainEventID` of what is told. */
const KINDS = { lifecycle: 0, agent: 18 } as const;

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

/** A guest agent has come, or gone. */
export interface AgentEvent {
  readonly domain: DomainRef;
  readonly isConnected: boolean;
}

const AGENT_CONNECTED = 1;

type Stop = (options?: CallOptions) => Promise<void>;

/** Tells what happens to the domains of one host, as long as the connection is there. */
export class DomainEvents {
  readonly #call: Caller;
  readonly #ofLife = new Map<number, (event: DomainEvent) => void>();
  readonly #ofAgents = new Map<number, (event: AgentEvent) => void>();

  constructor(call: Caller) {
    this.#call = call;
  }

  /**
   * Resolves once the daemon tells of everything from now on, with what has it stop. What the listener throws is a warning
   * of the process: the connection and other listeners go on.
   */
  subscribe(listener: (event: DomainEvent) => void, options?: CallOptions): Promise<Stop> {
    return this.#register(KINDS.lifecycle, this.#ofLife, listener, options);
  }

  /** The same for guest agents. */
  subscribeAgents(listener: (event: AgentEvent) => void, options?: CallOptions): Promise<Stop> {
    return this.#register(KINDS.agent, this.#ofAgents, listener, options);
  }

  /** To be given every message that nobody asked for. Throws a ProtocolError for one that cannot be read. */
  take({ procedure, body }: Frame): void {
    if (procedure !== PROCEDURES.lifecycle[1] && procedure !== PROCEDURES.agent[1]) return;
    const reader = new XdrReader(body);
    const id = reader.i32();
    const domain = readDomain(reader);
    const number = reader.i32();
    const detail = reader.i32();
    reader.end();
    if (procedure === PROCEDURES.agent[1]) {
      tell(this.#ofAgents.get(id), { domain, isConnected: number === AGENT_CONNECTED });
      return;
    }
    const event = domainEvents[number];
    if (!event) throw new ProtocolError(`event ${number} of a domain is not known here`);
    tell(this.#ofLife.get(id), { domain, event, detail });
  }

  async #register<Event>(
    kind: number,
    listeners: Map<number, (event: Event) => void>,
    listener: (event: Event) => void,
    options?: CallOptions,
  ): Promise<Stop> {
    const register = question(
      PROCEDURES.register,
      (reader) => reader.i32(),
      (writer) => writer.i32(kind).optional(undefined, () => undefined),
    );
    const deregister = (id: number, last?: CallOptions): Promise<void> =>
      this.#call(
        order(PROCEDURES.deregister, (writer) => writer.i32(id)),
        last,
      );
    const onLate = (id: number): void => void deregister(id).catch(() => undefined);
    const id = await this.#call({ ...register, onLate }, options);
    listeners.set(id, listener);
    return async (last) => {
      listeners.delete(id);
      await deregister(id, last);
    };
  }
}

function tell<Event>(listener: ((event: Event) => void) | undefined, event: Event): void {
  try {
    listener?.(event);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
