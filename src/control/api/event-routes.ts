import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EventQuery } from '#core/api-queries.ts';
import type { Clock } from '#lib/clock.ts';
import type { Store } from '../store/store.ts';
import { auditView } from './audit-routes.ts';
import { refuse } from './refuse.ts';
import { readRequest } from './request.ts';

const LastEventId = z.coerce.number().int().min(0).optional();

const STREAMS_AT_ONCE = 100;
const BATCH = 200;
/** Shorter than what proxies allow a silent connection. */
const KEEP_ALIVE_MS = 15_000;

/**
 * `/events`: every change as it happens, as server-sent events (WHATWG HTML, section 9.2). The id of an event is its
 * place in the audit, so a client that reconnects with `Last-Event-ID` misses none and sees none twice.
 */
export function addEventRoutes(
  app: FastifyInstance,
  options: {
    readonly store: Store;
    readonly clock: Clock;
    /** Whether who asked may still be told: tokens end while a stream goes on. */
    readonly allowed: (request: FastifyRequest) => boolean;
  },
): void {
  const { store, clock, allowed } = options;
  const closing = new AbortController();
  let open = 0;
  app.addHook('preClose', async () => closing.abort());

  app.get('/events', async (request, reply) => {
    const { task, after } = readRequest(EventQuery, request.query);
    const newest = await store.read.audit.lastSeq();
    const from = readRequest(LastEventId, request.headers['last-event-id']) ?? after ?? newest;
    // What was seen here and is not any more: the store is an older one, and would be silent until it caught up.
    if (from > newest) {
      const sentence = `there is no change ${from}: the newest is ${newest}, as it is when the store was restored from a backup; look at how things stand, and go on from ${newest}`;
      return reply.code(409).send(refuse('beyond_newest', sentence));
    }
    if (open >= STREAMS_AT_ONCE) {
      const sentence = `there are ${open} streams of events already: close one, or ask /v1/audit`;
      return reply.code(503).header('retry-after', '30').send(refuse('too_many_streams', sentence));
    }
    reply.hijack();
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    open += 1;
    try {
      const signal = AbortSignal.any([gone.signal, closing.signal]);
      await stream(reply.raw, { from, task, allowed: () => allowed(request) }, signal);
    } finally {
      open -= 1;
      reply.raw.end();
    }
    return reply;
  });

  async function stream(
    out: ServerResponse,
    asked: { readonly from: number; readonly task: string | undefined; readonly allowed: () => boolean },
    signal: AbortSignal,
  ): Promise<void> {
    out.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no', // a proxy must not collect them
    });
    out.write(': changes of the fleet\n\n');
    let seq = asked.from;
    while (!signal.aborted && asked.allowed()) {
      const changed = store.nextChange();
      const records = await store.read.audit.after(seq, BATCH, asked.task);
      for (const record of records) {
        const event = `id: ${record.seq}\nevent: ${record.entity}\ndata: ${JSON.stringify(auditView(record))}\n\n`;
        if (!out.write(event)) await once(out, 'drain', { signal }).catch(() => undefined); // ended: seen above
        seq = record.seq;
      }
      if (records.length === BATCH) continue;
      const before = clock.now();
      await clock.sleep(KEEP_ALIVE_MS, AbortSignal.any([signal, changed]));
      if (clock.now() - before >= KEEP_ALIVE_MS && !signal.aborted) out.write(': still here\n\n');
    }
  }
}
