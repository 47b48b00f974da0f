import { randomFillSync } from 'node:crypto';

/** Random bytes are drawn for many ids at once: asking for them costs more than they do. */
const pool = Buffer.alloc(4096);
let used = pool.length;

/**
 * A new id that sorts by time: UUID version 7 (RFC 9562, section 5.7), lower case,
 * so that it is a valid subject token and file name. `nowMs` is Unix time in milliseconds.
 */
export function newId(nowMs: number): string {
  const bytes = Buffer.from(sixteenBytes());
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** 128 unguessable bits as lower-case hex. */
export function newNonce(): string {
  return sixteenBytes().toString('hex');
}

/** Sixteen bytes that nobody has had before, to be copied or read at once. */
function sixteenBytes(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}
