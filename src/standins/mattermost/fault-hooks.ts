import type { FastifyInstance } from 'fastify';
import { newMattermostId } from './ids.ts';
import { SERVER_BUILD } from './version.ts';
import type { World } from './world.ts';

/** Makes the REST side obey the fault switches: delays, failures, held and lost answers. */
export function installFaultHooks(app: FastifyInstance, world: World): void {
  const { faults } = world;
  app.addHook('onRequest', async (request, reply) => {
    const subject = { method: request.method, url: request.url };
    await faults.delay(subject);
    const status = faults.failureFor(subject);
    if (status === undefined) return;
    const failure = FAILURES[status]();
    await reply.code(status).headers(failure.headers).send(Buffer.from(failure.body));
  });
  app.addHook('onSend', async (request, _reply, payload) => {
    const subject = { method: request.method, url: request.url };
    await faults.park('after', subject);
    // The request took effect; the client never learns (time-out after commit).
    if (faults.losesAnswer(subject)) request.raw.socket.destroy();
    return payload;
  });
}

interface Failure {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function appError(status: number, id: string, message: string): Failure {
  const requestId = newMattermostId();
  return {
    headers: {
      'content-type': 'application/json',
      'x-request-id': requestId,
      'x-version-id': SERVER_BUILD,
    },
    body: `${JSON.stringify({ id, message, detailed_error: '', request_id: requestId, status_code: status })}\n`,
  };
}

const FAILURES: Readonly<Record<429 | 500 | 501 | 502, () => Failure>> = {
  // Plain text, not an AppError: the client is left without a status code (facts §3.1).
  429: () => ({
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'retry-after': '1',
      'x-content-type-options': 'nosniff',
      'x-ratelimit-limit': '101',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1',
    },
    body: 'limit exceeded\n',
  }),
  500: () => appError(500, 'app.post.save.app_error', 'Unable to save the Post.'),
  // What a server says that takes no files; its source has it so.
  501: () =>
    appError(
      501,
      'api.file.attachments.disabled.app_error',
      'File attachments have been disabled on this server.',
    ),
  // What a reverse proxy says when the server behind it is away.
  502: () => ({
    headers: { 'content-type': 'text/html' },
    body: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n',
  }),
};
