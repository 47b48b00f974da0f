import Fastify, { type FastifyInstance } from 'fastify';
import type { Rule, Script } from './script.ts';
import type { Switches } from './server.ts';
import type { Turns } from './turns.ts';

const text = { type: 'string' } as const;

const scriptSchema = {
  type: 'object',
  required: ['rules'],
  properties: {
    rules: {
      type: 'array',
      items: {
        type: 'object',
        required: ['behaviour'],
        properties: {
          match: text,
          times: { type: 'integer', minimum: 1 },
          behaviour: {
            type: 'object',
            additionalProperties: false,
            properties: {
              durationMs: { type: 'integer', minimum: 0, maximum: 3_600_000 },
              tools: { type: 'array', items: text },
              text,
              failure: text,
              neverEnds: { type: 'boolean' },
              held: { type: 'boolean' },
              ignoresAbort: { type: 'boolean' },
            },
          },
        },
      },
    },
  },
};

/** The control surface, on a port of its own: set behaviours, make it forget or go away, read what there was. */
export function createAdmin(options: {
  readonly script: Script;
  readonly turns: Turns;
  readonly switches: Switches;
}): FastifyInstance {
  const { script, turns, switches } = options;
  // An unknown field is refused, not dropped: a behaviour that is misspelt would be another one in silence.
  const app = Fastify({ forceCloseConnections: true, ajv: { customOptions: { removeAdditional: false } } });

  app.post<{ Body: { rules: Rule[] } }>('/standin/script', { schema: { body: scriptSchema } }, (request) => {
    script.add(request.body.rules);
    return { added: request.body.rules.length };
  });

  app.delete('/standin/script', () => {
    script.clear();
    return { cleared: true };
  });

  app.post('/standin/release', () => ({ released: turns.release() }));

  app.post<{ Body: { runIds: string[] } }>(
    '/standin/forget',
    {
      schema: {
        body: {
          type: 'object',
          required: ['runIds'],
          properties: { runIds: { type: 'array', items: text } },
        },
      },
    },
    (request) => ({ forgotten: turns.forget(request.body.runIds) }),
  );

  app.post<{ Body: { away: boolean } }>(
    '/standin/switches',
    {
      schema: {
        body: { type: 'object', required: ['away'], properties: { away: { type: 'boolean' } } },
      },
    },
    (request) => {
      switches.away = request.body.away;
      return { away: switches.away };
    },
  );

  app.get('/standin/turns', () => ({ turns: turns.list() }));

  return app;
}
