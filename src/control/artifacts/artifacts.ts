import { createHash } from 'node:crypto';
import type { ArtifactRef } from '#core/artifact.ts';
import type { TrustLabel } from '#core/envelope.ts';
import { ARTIFACTS_AGE_MS, artifactBucket } from '#core/streams.ts';
import type { BusConnection } from '#integrations/nats/connection.ts';
import { BucketFull, getObject, hasObject, putObject } from '#integrations/nats/objects.ts';
import type { ArtifactRecord } from '../store/artifact-repository.ts';
import type { Actor } from '../store/audit-repository.ts';
import type { Store } from '../store/store.ts';
import { keepRecord } from './keep-record.ts';

/** Bytes that somebody brings. */
export interface Brought {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly producer: Actor;
  /** How far what is in them is to be trusted. */
  readonly trust: TrustLabel;
  /** SHA-256 in hexadecimal, as whoever sent them worked it out. */
  readonly expected?: string | undefined;
}

export type Kept =
  | { readonly kind: 'kept'; readonly ref: ArtifactRef; readonly known: boolean }
  | { readonly kind: 'different'; readonly sentence: string }
  | { readonly kind: 'full'; readonly sentence: string };

/** What one producer may have here at a time: nobody fills the bucket alone. */
const PRODUCER_LIMIT = 128 * 1024 * 1024;
/** And how much of it may be what came from outside: answers are not cut for what people send. */
const EXTERNAL_LIMIT = PRODUCER_LIMIT / 4;
/** What one counts for at least: nor does anybody fill the records with crumbs. */
const LEAST_COUNTED = 64 * 1024;

/**
 * Bodies that do not fit into a message, by what they hold. The bytes are in the object store of the bus, who brought
 * them is in the store. INVARIANT: what has a row had its bytes on disk before.
 */
export class Artifacts {
  readonly #bus: BusConnection;
  readonly #store: Store;
  readonly #now: () => number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: { bus: BusConnection; store: Store; now: () => number }) {
    this.#bus = options.bus;
    this.#store = options.store;
    this.#now = options.now;
  }

  /** Keeps the bytes; brought twice they are kept once. Throws `bus_unavailable` when that is not certain. */
  put(brought: Brought): Promise<Kept> {
    // One after another: two that bring the same at once would both write it, and together pass the limit.
    const result = this.#last.then(() => this.#put(brought));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** As this producer brought it, or as anybody did. */
  find(digest: string, producer?: Actor): Promise<ArtifactRecord | undefined> {
    return this.#store.read.artifacts.find(digest, producer);
  }

  /** The bytes; undefined when they have grown too old to be kept. */
  bytesOf(digest: string): Promise<Uint8Array | undefined> {
    return getObject(this.#bus, artifactBucket, digest);
  }

  async #put({ bytes, mediaType, producer, trust, expected }: Brought): Promise<Kept> {
    const hex = createHash('sha256').update(bytes).digest('hex');
    if (expected !== undefined && expected !== hex) {
      return {
        kind: 'different',
        sentence: `what arrived has the digest ${hex}, not ${expected}: send it again`,
      };
    }
    const digest = `sha256:${hex}`;
    const ref = { digest, bytes: bytes.length };
    const now = this.#now();
    const oldest = now - ARTIFACTS_AGE_MS;
    const there = await hasObject(this.#bus, artifactBucket, digest);
    if (there && (await this.find(digest, producer))) return { kind: 'kept', ref, known: true };
    const full = await this.#whyNoRoom(producer, trust, bytes.length, oldest);
    if (full) return { kind: 'full', sentence: full };
    try {
      if (!there) await putObject(this.#bus, artifactBucket, digest, bytes);
    } catch (error) {
      if (!(error instanceof BucketFull)) throw error;
      return { kind: 'full', sentence: 'the artifacts of the fleet have no room until old ones are dropped' };
    }
    const record = { digest, producer, trust, bytes: bytes.length, mediaType, createdAt: now };
    await this.#store.transaction((tx) => keepRecord(tx, record));
    return { kind: 'kept', ref, known: false };
  }

  /** Why this producer may bring no more bytes of this label; undefined where it may. */
  async #whyNoRoom(
    producer: Actor,
    trust: TrustLabel,
    bytes: number,
    since: number,
  ): Promise<string | undefined> {
    const { artifacts } = this.#store.read;
    const all = await artifacts.bytesOf(producer, since, LEAST_COUNTED);
    if (all + bytes > PRODUCER_LIMIT)
      return `${producer} has brought ${all} bytes of artifacts within 30 days, and may bring ${PRODUCER_LIMIT}`;
    if (trust !== 'external') return undefined;
    const external = await artifacts.bytesOf(producer, since, LEAST_COUNTED, trust);
    if (external + bytes <= EXTERNAL_LIMIT) return undefined;
    return `${producer} has brought ${external} bytes of files from outside within 30 days, and may bring ${EXTERNAL_LIMIT}`;
  }
}
