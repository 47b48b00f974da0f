import Fastify, { type FastifyInstance } from 'fastify';
import { type Clock, systemClock } from '#lib/clock.ts';
import { createAdmin } from './admin.ts';
import { Effects } from './effects.ts';
import { Script } from './script.ts';
import { Turns } from './turns.ts';

export interface HarnessStandinOptions {
  /** Where each effect is written down, one line of JSON each. */
  readonly effectsFile: string;
  /** A free one when absent. */
  readonly port?: number;
  readonly adminPort?: number;
  readonly clock?: Clock;
}

export interface HarnessStandin extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  close(): Promise<void>;
}

/** Whether the stand-in answers as a harness; switched by its control surface. */
export interface Switches {
  away: boolean;
}

/** Starts a scripted harness on 127.0.0.1, and its control surface on a second port. */
export async function createHarnessStandin(options: HarnessStandinOptions): Promise<HarnessStandin> {
  const { clock = systemClock } = options;
  const effects = new Effects(options.effectsFile);
  const script = new Script();
  const turns = new Turns({ script, effects, clock });
  const switches: Switches = { away: false };
  const app = createHarnessApi(turns, switches);
  const admin = createAdmin({ script, turns, switches });
  const close = async (): Promise<void> => {
    turns.close();
    await Promise.all([app.close(), admin.close()]);
    effects.close();
  };
  try {
    const url = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
    const adminUrl = await admin.listen({ host: '127.0.0.1', port: options.adminPort ?? 0 });
    return { url, adminUrl, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

const turnSchema = {
  type: 'object',
  required: ['runId', 'text'],
  properties: { runId: { type: 'string', minLength: 1 }, text: { type: 'string' } },
};
const wholeNumber = { type: 'integer', minimum: 0, maximum: 60_000 } as const;
const waitSchema = {
  type: 'object',
  required: ['seen', 'waitMs'],
  properties: { seen: wholeNumber, waitMs: wholeNumber },
};

function createHarnessApi(turns: Turns, switches: Switches): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true, bodyLimit: 4 * 1024 * 1024 });
  app.addHook('onRequest', async (_request, reply) => {
    if (switches.away) await reply.code(503).send({ error: 'the harness is away' });
  });

  app.get('/readyz', () => ({ ready: true }));

  app.post<{ Body: { runId: string; text: string } }>('/turns', { schema: { body: turnSchema } }, (request) =>
    turns.start(request.body.runId, request.body.text),
  );

  app.get<{ Params: { runId: string }; Querystring: { seen: number; waitMs: number } }>(
    '/turns/:runId',
    { schema: { querystring: waitSchema } },
    async (request, reply) => {
      const gone = new AbortController();
      request.raw.on('close', () => gone.abort());
      const { seen, waitMs } = request.query;
      const turn = await turns.wait(request.params.runId, seen, waitMs, gone.signal);
      return turn ?? reply.code(404).send({ error: `no turn of ${request.params.runId} here` });
    },
  );

  app.post<{ Params: { runId: string } }>('/turns/:runId/abort', (request) => ({
    aborted: turns.abort(request.params.runId),
  }));

  return app;
}
