import { randomBytes } from 'node:crypto';

/**
 * A new id that sorts by time: UUID version 7 (RFC 9562, section 5.7), lower case,
 * so that it is a valid subject token and file name. `nowMs` is Unix time in milliseconds.
 */
export function newId(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** 128 unguessable bits as lower-case hex. */
export function newNonce(): string {
  return randomBytes(16).toString('hex');
}
