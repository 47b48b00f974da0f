import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AuditView } from '#core/api.ts';
import type { AuditRecord } from '../store/audit-repository.ts';
import type { Store } from '../store/store.ts';
import { readRequest } from './request.ts';

const ListQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(50) });

/** `/audit`: who changed what, and whether that still stands as it was written. */
export function addAuditRoutes(app: FastifyInstance, store: Store): void {
  app.get('/audit', async (request) => {
    const { limit } = readRequest(ListQuery, request.query);
    return { records: (await store.read.audit.newest(limit)).map(auditView) };
  });
  app.get('/audit/verify', async () => store.read.audit.verify());
}

/** A change as the API shows it. */
export function auditView({ at, why, ...record }: AuditRecord): AuditView {
  return { ...record, at: new Date(at).toISOString(), ...(why ? { why } : {}) };
}
