import { callerOf } from './calls.ts';
import { Consoles } from './consoles.ts';
import { type DialOptions, dial, targetOf } from './dial.ts';
import { Domains } from './domains.ts';
import { DomainEvents } from './events.ts';
import { Guests } from './guests.ts';
import { open } from './handshake.ts';
import { answerKeepalive, keepAlive } from './keepalive.ts';
import { type CallOptions, Link } from './link.ts';
import { Networks } from './networks.ts';
import { Node } from './node.ts';
import { Pools } from './pools.ts';
import { Snapshots } from './snapshots.ts';
import { Volumes } from './volumes.ts';

export interface ConnectOptions extends DialOptions, CallOptions {
  readonly readOnly?: boolean;
  /** How often the daemon is pinged; it counts as gone after three pings without a sign. 5 s unless it is said. */
  readonly keepaliveMs?: number;
}

/** An open connection to one host. It does not come back by itself: what it was told of is not told again. */
export interface Connection extends AsyncDisposable {
  readonly uri: string;
  /** Of libvirt there: major · 1,000,000 + minor · 1,000 + release. */
  readonly version: number;
  readonly node: Node;
  readonly domains: Domains;
  readonly events: DomainEvents;
  readonly guests: Guests;
  readonly consoles: Consoles;
  readonly snapshots: Snapshots;
  readonly pools: Pools;
  readonly volumes: Volumes;
  readonly networks: Networks;
  /** Resolves with why, once it has ended. */
  readonly ended: Promise<Error>;
}

const KEEPALIVE_MS = 5_000;

/**
 * Opens `qemu:///system`, `qemu+unix:///…?socket=…` or `qemu+ssh://user@host/system`. Throws a TypeError for a URI that is
 * not among those, and what `Link.call` throws when the daemon cannot be reached or says no.
 */
export async function connect(uri: string, options: ConnectOptions = {}): Promise<Connection> {
  const { readOnly = false, keepaliveMs = KEEPALIVE_MS, sshConfig, sshControl, sudo, ...call } = options;
  const { stream, said, name } = dial(targetOf(uri), { sshConfig, sshControl, sudo });
  const link = new Link({
    stream,
    why: said,
    onMessage: (frame) => {
      if (!answerKeepalive(link, frame)) events.take(frame);
    },
  });
  const caller = callerOf(link);
  const events = new DomainEvents(caller);
  try {
    const { version, answersPings } = await open(link, name, { readOnly, ...call });
    if (answersPings) keepAlive(link, keepaliveMs);
    return {
      uri,
      version,
      node: new Node(caller),
      domains: new Domains(caller),
      events,
      guests: new Guests(caller),
      consoles: new Consoles(link),
      snapshots: new Snapshots(caller),
      pools: new Pools(caller),
      volumes: new Volumes(caller, link),
      networks: new Networks(caller),
      ended: link.ended,
      async [Symbol.asyncDispose]() {
        link.close();
      },
    };
  } catch (error) {
    link.close();
    throw error;
  }
}
