import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asObject } from './json.ts';
import type { Account } from './model.ts';
import type { World } from './world.ts';

/**
 * The page that a manifest is posted to. Here nobody has to press the button: it goes straight back to where the manifest
 * says, with the code that an app can be had for.
 */
export function registerManifestPage(app: FastifyInstance, world: World): void {
  app.post('/settings/apps/new', (request, reply) => {
    const first = [...world.state.accounts.values()].find((account) => account.type === 'User');
    return confirm(world, first, request, reply);
  });
  app.post<{ Params: { org: string } }>('/organizations/:org/settings/apps/new', (request, reply) =>
    confirm(world, world.state.accountNamed(request.params.org), request, reply),
  );
}

function confirm(
  world: World,
  owner: Account | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const form = new URLSearchParams(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '');
  const manifest = parse(form.get('manifest') ?? '');
  const back = manifest?.['redirect_url'];
  if (!owner || !manifest || typeof back !== 'string' || !URL.canParse(back)) {
    return reply
      .code(422)
      .type('text/plain')
      .send('The manifest needs a redirect_url, and the app an owner.');
  }
  const code = randomBytes(20).toString('hex');
  world.state.manifests.set(code, { code, ownerId: owner.id, manifest, createdAt: world.clock.now() });
  const to = new URL(back);
  to.searchParams.set('code', code);
  const state = form.get('state') ?? new URL(request.url, world.htmlUrl).searchParams.get('state');
  if (state !== null) to.searchParams.set('state', state);
  return reply.redirect(to.href, 302);
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}
