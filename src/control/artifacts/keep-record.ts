import { ARTIFACTS_AGE_MS } from '#core/streams.ts';
import type { ArtifactRecord } from '../store/artifact-repository.ts';
import type { Repositories } from '../store/store.ts';

/** Writes down who brought an artifact, once, and forgets those that are too old; each with its record in the audit. */
export async function keepRecord(tx: Repositories, brought: ArtifactRecord): Promise<void> {
  const { digest, producer, bytes, createdAt: at } = brought;
  for (const old of await tx.artifacts.prune(at - ARTIFACTS_AGE_MS)) {
    const why = `its bytes, which ${old.producer} brought, were too old to be kept`;
    const change = { who: 'control', what: 'forget', state: 'forgotten', why } as const;
    await tx.audit.add({ ...change, at, entity: 'artifact', entityId: old.digest });
  }
  if (await tx.artifacts.find(digest, producer)) return;
  await tx.artifacts.add(brought);
  const change = { who: producer, what: 'store', state: 'stored', why: `${bytes} bytes` };
  await tx.audit.add({ ...change, at, entity: 'artifact', entityId: digest });
}
