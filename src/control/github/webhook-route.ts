import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { verifySignature } from '#integrations/github/signature.ts';
import type { Logger } from '#lib/log.ts';
import { refuse } from '../api/refuse.ts';
import type { Store } from '../store/store.ts';

export interface WebhookOptions {
  readonly store: Store;
  /** Those that GitHub may sign with: one, or two while one is being replaced. */
  readonly secrets: readonly string[];
  readonly now: () => number;
  /** Called after a delivery was stored. */
  readonly onStored: () => void;
  readonly log: Logger;
}

/** GitHub sends up to 25 MB; what we act on has at most a text of 64 KiB, escaped, with what stands around it. */
const BODY_LIMIT = 1024 * 1024;
/** GitHub gives up after ten seconds. */
const BODY_TIMEOUT_MS = 5000;
/** GitHub's are UUIDs. */
const DELIVERY_ID = /^[\w-]{1,64}$/;
const EVENT = /^[a-z_]{1,64}$/;

/**
 * `POST /github/webhook`: GitHub tells what happened. The bytes are believed by their signature alone, stored, and
 * answered 202; what follows of them is done after. A delivery that comes again is known by its id. The id is not
 * signed: whoever sends old bytes under a new one finds that the tasks of them are known as well.
 */
export function addWebhookRoute(app: FastifyInstance, options: WebhookOptions): void {
  const { store, secrets, now, onStored, log } = options;
  app.register(async (hook) => {
    hook.removeAllContentTypeParsers();
    // The bytes as they came: written anew, they would be others, and their signature wrong.
    hook.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
      async (_: unknown, body: Buffer) => body,
    );
    hook.addHook('onRequest', async ({ raw }) => cutOffLater(raw));
    hook.post('/github/webhook', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
      const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
      const verdict = verifySignature(body, request.headers, secrets);
      if (verdict.kind === 'unsigned') {
        log.warn({ address: request.ip, why: verdict.sentence }, 'webhook refused');
        return reply.code(401).send(refuse('unauthorized', verdict.sentence));
      }
      const { 'x-github-delivery': id = '', 'x-github-event': event = '' } = request.headers;
      if (!DELIVERY_ID.test(String(id)) || !EVENT.test(String(event))) {
        const sentence = 'X-GitHub-Delivery and X-GitHub-Event are needed, as GitHub sends them';
        return reply.code(400).send(refuse('invalid_request', sentence));
      }
      if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
        const sentence = 'set the content type of the webhook to application/json, on its page at GitHub';
        return reply.code(415).send(refuse('invalid_request', sentence));
      }
      const delivery = { id: String(id), event: String(event), body: body.toString('utf8') };
      const isNew = await store.transaction((tx) => tx.github.receive(delivery, now()));
      if (isNew) onStored();
      log.debug({ delivery: id, event, isNew }, 'webhook stored');
      return reply.code(202).send({ delivery: id, known: !isNew });
    });
  });
}

/** Ends a request whose body does not come in time: nobody has proved anything yet. */
function cutOffLater(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), BODY_TIMEOUT_MS);
  for (const event of ['end', 'close']) request.once(event, () => clearTimeout(timer));
}
