import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { TaskDecision } from '#core/api.ts';
import { LetterQuery } from '#core/api-queries.ts';
import type { Letters } from '../dead-letters/letters.ts';
import { actingName } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';

const LetterId = z.coerce.number().int().positive();

/** `/dlq`: what was given up, and how to have it handled after all. */
export function addDeadLetterRoutes(app: FastifyInstance, letters: Letters): void {
  app.get('/dlq', async (request) => ({
    letters: await letters.list(readRequest(LetterQuery, request.query)),
  }));
  app.get<{ Params: { id: string } }>('/dlq/:id', async (request, reply) => {
    const letter = await letters.byId(readRequest(LetterId, request.params.id));
    return letter ?? reply.code(404).send(unknown(request.params.id));
  });
  app.post<{ Params: { id: string } }>('/dlq/:id/redrive', async (request, reply) => {
    const letter = await letters.byId(readRequest(LetterId, request.params.id));
    if (!letter) return reply.code(404).send(unknown(request.params.id));
    const { by: given, why } = readRequest(TaskDecision, request.body);
    const outcome = await letters.redrive(letter, { by: actingName(request, given), why });
    if (outcome.kind === 'sent') return letter;
    return reply
      .code(409)
      .send(refuse('not_redriven', `letter ${letter.id} was not redriven: ${outcome.sentence}`));
  });
}

function unknown(id: string) {
  return refuse('unknown_letter', `there is no dead letter ${id}`);
}
