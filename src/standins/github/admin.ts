import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { Fault } from './faults.ts';
import type { Service } from './http.ts';
import type { RequestLog } from './request-log.ts';
import { applySeed, install, SeedError } from './seed.ts';

const Install = z.strictObject({
  app: z.string(),
  account: z.string(),
  repositories: z.union([z.literal('all'), z.array(z.string())]).default('all'),
});

/** The stand-in's own surface, no part of GitHub: seed, clock, faults, requests and deliveries seen. */
export function registerAdminRoutes(app: FastifyInstance, service: Service, requests: RequestLog): void {
  const { world } = service;
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof SeedError) return reply.code(400).send({ error: error.message });
    if (error instanceof z.ZodError) return reply.code(400).send({ error: z.prettifyError(error) });
    throw error;
  });
  app.post('/standin/seed', (request) => applySeed(world, request.body));
  app.post('/standin/install', (request, reply) => {
    const { app: slug, account, repositories } = Install.parse(request.body);
    const found = [...world.state.apps.values()].find((each) => each.slug === slug);
    if (!found) return reply.code(400).send({ error: `there is no app ${slug}` });
    return reply.send({ installation: install(world, found, account, repositories) });
  });
  app.post('/standin/clock', (request) => {
    world.clock.advance(z.strictObject({ aheadMs: z.int() }).parse(request.body).aheadMs);
    return { now: new Date(world.clock.now()).toISOString() };
  });
  app.post('/standin/faults', (request) => {
    const fault = Fault.parse(request.body);
    if (fault.kind === 'stale-read') service.staleWorld ??= { ...world, state: world.state.copy() };
    world.faults.add(fault);
    return { faults: world.faults.list() };
  });
  app.delete('/standin/faults', () => {
    world.faults.clear();
    service.staleWorld = undefined;
    return { faults: [] };
  });
  app.post('/standin/release', () => ({ released: world.faults.release() }));
  app.get('/standin/requests', (request) => {
    const { since } = z.object({ since: z.coerce.number().default(0) }).parse(request.query);
    return { last: requests.count, requests: requests.since(since) };
  });
  app.get('/standin/state', (_request, reply) => describe(service, reply));
}

/** Waits until every event has been told, so that what is shown is the end of what has happened. */
async function describe({ world }: Service, reply: FastifyReply): Promise<FastifyReply> {
  await world.events.settled();
  const { state } = world;
  return reply.send({
    repositories: [...state.repos.values()].map((repo) => ({
      name: state.fullName(repo),
      refs: Object.fromEntries(repo.refs),
      issues: state.issuesOf(repo).map(({ number, title, state: is }) => ({ number, title, state: is })),
    })),
    deliveries: [...state.deliveries.values()].map(
      ({ event, action, guid, redelivery, url, statusCode }) => ({
        ...{ event, action, guid, redelivery, url, statusCode },
      }),
    ),
    faults: world.faults.list(),
    held: world.faults.held(),
  });
}
