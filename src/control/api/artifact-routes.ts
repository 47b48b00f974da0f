import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ArtifactQuery } from '#core/api-queries.ts';
import { ARTIFACT_LIMIT, ArtifactDigest } from '#core/artifact.ts';
import { TrustLabel } from '#core/envelope.ts';
import { lowered } from '#core/trust.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import { actingName } from './access.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';

/** `Content-Digest` of RFC 9530, with the one algorithm that is asked for here. */
const ContentDigest = z
  .string()
  .regex(/^sha-256=:[A-Za-z0-9+/]{43}=:$/, 'Content-Digest: write sha-256=:<base64>:')
  .transform((text) => Buffer.from(text.slice('sha-256=:'.length, -1), 'base64').toString('hex'))
  .optional();

/** How far it is to be trusted, where that is less than whoever brings it. */
const ClaimedTrust = z
  .enum(TrustLabel.options, { error: `Olympus-Trust: write one of ${TrustLabel.options.join(', ')}` })
  .optional();

/** `/artifacts`: bodies that do not fit into a message, by their digest. An agent sees only what it brought itself. */
export function addArtifactRoutes(parent: FastifyInstance, artifacts: Artifacts): void {
  parent.register(async (app) => {
    // Whatever it is, it is bytes.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      '*',
      { parseAs: 'buffer' },
      async (_request: FastifyRequest, body: Buffer) => body,
    );

    app.put('/artifacts', { bodyLimit: ARTIFACT_LIMIT, onRequest: refuseTooLong }, async (request, reply) => {
      const expected = readRequest(ContentDigest, request.headers['content-digest']);
      const claimed = readRequest(ClaimedTrust, request.headers['olympus-trust']);
      const producer = producerOf(request);
      if (!Buffer.isBuffer(request.body) || request.body.length === 0) {
        return reply
          .code(400)
          .send(refuse('invalid_request', 'the body is empty: send the bytes of the artifact'));
      }
      const outcome = await artifacts.put({
        bytes: request.body,
        mediaType: request.headers['content-type'] ?? 'application/octet-stream',
        producer,
        trust: lowered(grantedTo(request, producer), claimed),
        expected,
      });
      switch (outcome.kind) {
        case 'kept':
          return reply.code(outcome.known ? 200 : 201).send(outcome.ref);
        case 'different':
          return reply.code(422).send(refuse('wrong_digest', outcome.sentence));
        case 'full':
          return reply.code(507).send(refuse('no_room', outcome.sentence));
        default:
          return outcome satisfies never;
      }
    });

    app.get<{ Params: { digest: string } }>('/artifacts/:digest', async (request, reply) => {
      const digest = readRequest(ArtifactDigest, request.params.digest);
      const { agent, scopes } = request.caller;
      const own = agent !== undefined && !scopes.includes('read') ? (`agent/${agent}` as const) : undefined;
      const found = await artifacts.find(digest, own);
      const bytes = found && (await artifacts.bytesOf(digest));
      if (!bytes) {
        const sentence = `there is no artifact ${digest}${own ? ` of ${agent}` : ''}: artifacts are kept for 30 days`;
        return reply.code(404).send(refuse('unknown_artifact', sentence));
      }
      return reply
        .headers({
          'content-disposition': 'attachment',
          'x-content-type-options': 'nosniff',
          'olympus-producer': found.producer,
          'olympus-trust': found.trust,
        })
        .type(found.mediaType)
        .send(bytes);
    });
  });
}

/** An agent's own token speaks for the agent; any other for a person. */
function producerOf(request: FastifyRequest): `agent/${string}` | `person/${string}` {
  const { agent } = request.caller;
  if (agent !== undefined) return `agent/${agent}`;
  return `person/${actingName(request, readRequest(ArtifactQuery, request.query).by)}`;
}

function grantedTo({ caller }: FastifyRequest, producer: string): TrustLabel {
  if (producer.startsWith('agent/')) return 'bot';
  return caller.name === undefined ? 'owner' : 'member';
}

/** Before a byte of it is read. */
async function refuseTooLong(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const bytes = Number(request.headers['content-length'] ?? 0);
  if (bytes <= ARTIFACT_LIMIT) return undefined;
  const sentence = `this artifact has ${bytes} bytes, and one may have ${ARTIFACT_LIMIT}: send it in parts`;
  return reply.code(413).send(refuse('too_long', sentence));
}
