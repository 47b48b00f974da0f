import Fastify, { type FastifyInstance } from 'fastify';
import type { RequestLog } from './request-log.ts';
import type { Behaviour, Rule, Script } from './script.ts';

const text = { type: 'string' } as const;
const wholeNumber = { type: 'integer', minimum: 0, maximum: 10_000_000 } as const;

const behaviourSchema = {
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [
    behaviour('answer', [], { text }),
    behaviour('slow', ['overMs'], { overMs: wholeNumber, text }),
    behaviour('error', ['status'], {
      status: { type: 'integer', minimum: 400, maximum: 599 },
      message: text,
      body: {},
      retryAfterSeconds: { type: 'number', minimum: 0 },
    }),
    behaviour('hang', [], {}),
    behaviour('tool', ['name', 'args'], { name: text, args: {} }),
    behaviour('disconnect', [], { text }),
    behaviour('long', ['characters'], { characters: wholeNumber }),
    behaviour('hold', [], { text }),
  ],
};

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
          match: { type: 'string' },
          matchIn: { enum: ['last', 'any'] },
          times: { type: 'integer', minimum: 1 },
          behaviour: behaviourSchema,
        },
      },
    },
  },
};

/** The control surface, on a port of its own: set behaviours, let held calls go, read what was asked. */
export function createAdmin(script: Script, log: RequestLog): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true, ajv: { customOptions: { discriminator: true } } });

  app.post<{ Body: { rules: Rule[] } }>('/standin/script', { schema: { body: scriptSchema } }, (request) => {
    script.add(request.body.rules);
    return { added: request.body.rules.length };
  });

  app.delete('/standin/script', () => {
    script.clear();
    return { cleared: true };
  });

  app.post<{ Body: { match?: string } | undefined }>('/standin/release', (request) => ({
    released: script.release(request.body?.match),
  }));

  app.get<{ Querystring: { since: number } }>(
    '/standin/requests',
    { schema: { querystring: { type: 'object', properties: { since: { type: 'integer', default: 0 } } } } },
    (request) => ({ requests: log.since(request.query.since) }),
  );

  return app;
}

function behaviour(kind: Behaviour['kind'], required: string[], properties: object): object {
  return { required, properties: { kind: { const: kind }, ...properties } };
}
