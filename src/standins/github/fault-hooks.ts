import type { FastifyInstance } from 'fastify';
import { errorBody } from './errors.ts';
import type { World } from './world.ts';

/** Makes the API and git obey the fault switches: slow, failing, held and lost answers. */
export function installFaultHooks(app: FastifyInstance, { faults }: World): void {
  const stopping = new AbortController();
  app.addHook('preClose', async () => stopping.abort());
  app.addHook('onRequest', async (request, reply) => {
    const subject = { method: request.method, url: request.url };
    await faults.delay('delay', subject, stopping.signal);
    const fault = faults.take('fail', subject);
    if (fault) await reply.code(fault.status).send(errorBody(fault.status, 'Server Error'));
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const subject = { method: request.method, url: request.url };
    await faults.park('after', subject);
    // The request took effect; the client never learns. What was refused is not counted: nothing happened.
    if (reply.statusCode < 400 && faults.take('answer-lost', subject)) request.raw.socket.destroy();
    return payload;
  });
}
