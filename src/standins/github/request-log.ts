import type { FastifyInstance } from 'fastify';
import { authenticate } from './caller.ts';
import { ApiError } from './errors.ts';
import type { State } from './state.ts';
import type { World } from './world.ts';

const LIMIT = 20_000;

/** One request the server saw. */
export interface SeenRequest {
  /** Counts up from 1; pass the last one seen as `since`. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly user: string | undefined;
  readonly at: number;
  status: number | undefined;
}

/** The last 20,000 requests; older ones are forgotten. */
export class RequestLog {
  readonly #seen: SeenRequest[] = [];
  #count = 0;

  #add(request: Omit<SeenRequest, 'number' | 'status'>): SeenRequest {
    const entry: SeenRequest = { ...request, number: ++this.#count, status: undefined };
    this.#seen.push(entry);
    if (this.#seen.length > LIMIT) this.#seen.shift();
    return entry;
  }

  /** Writes down every request that the server sees. */
  attach(app: FastifyInstance, { state, clock }: World): void {
    const entries = new WeakMap<object, SeenRequest>();
    app.addHook('onRequest', async (request) => {
      const user = nameOf(state, request.headers.authorization, clock.now());
      entries.set(
        request.raw,
        this.#add({ method: request.method, path: request.url, user, at: clock.now() }),
      );
    });
    app.addHook('onResponse', async (request, reply) => {
      const entry = entries.get(request.raw);
      if (entry) entry.status = reply.statusCode;
    });
  }

  since(number: number): SeenRequest[] {
    return this.#seen.filter((entry) => entry.number > number);
  }

  get count(): number {
    return this.#count;
  }
}

function nameOf(state: State, authorization: string | undefined, now: number): string | undefined {
  try {
    const caller = authenticate(state, authorization, now);
    if (caller.kind === 'nobody') return undefined;
    return caller.kind === 'app' ? caller.app.slug : caller.account.login;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
