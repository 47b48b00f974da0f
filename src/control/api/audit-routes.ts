import type { FastifyInstance } from 'fastify';
import type { AuditView } from '#core/api.ts';
import { AuditQuery, VerifyQuery } from '#core/api-queries.ts';
import type { AuditRecord } from '../store/audit-repository.ts';
import type { Store } from '../store/store.ts';
import { readRequest } from './request.ts';

/** `/audit`: who changed what, and whether that still stands as it was written. */
export function addAuditRoutes(app: FastifyInstance, store: Store): void {
  app.get('/audit', async (request) => {
    const { limit, before } = readRequest(AuditQuery, request.query);
    return { records: (await store.read.audit.newest(limit, before)).map(auditView) };
  });
  app.get('/audit/verify', async (request) =>
    store.read.audit.verify(readRequest(VerifyQuery, request.query).head),
  );
}

/** A change as the API shows it. */
export function auditView({ at, why, ...record }: AuditRecord): AuditView {
  return { ...record, at: new Date(at).toISOString(), ...(why ? { why } : {}) };
}
