import { ProtocolError } from './errors.ts';

/** The longest string or opaque that is read or written: libvirt's own limit of a string. */
const LONGEST = 4 * 1024 * 1024;
/** The most elements of an array; each takes four bytes at least, and a message has 32 MiB. */
const MOST = 1024 * 1024;

/** Writes values in XDR (RFC 4506): big endian, everything a multiple of four bytes. */
export class XdrWriter {
  readonly #parts: Buffer[] = [];

  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    return this.#add(part);
  }

  i32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.#add(part);
  }

  u64(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(value);
    return this.#add(part);
  }

  /** Of a length that both sides know. */
  fixed(bytes: Uint8Array): this {
    return this.#add(Buffer.from(bytes)).#pad(bytes.length);
  }

  string(value: string): this {
    const bytes = Buffer.from(value);
    if (bytes.length > LONGEST)
      throw new RangeError(`a string of ${bytes.length} bytes is too long for libvirt`);
    return this.u32(bytes.length).fixed(bytes);
  }

  /** A value that may be left out. */
  optional<T>(value: T | undefined, write: (writer: this, value: T) => void): this {
    this.u32(value === undefined ? 0 : 1);
    if (value !== undefined) write(this, value);
    return this;
  }

  array<T>(values: readonly T[], write: (writer: this, value: T) => void): this {
    this.u32(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #pad(length: number): this {
    return length % 4 === 0 ? this : this.#add(Buffer.alloc(4 - (length % 4)));
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
}

/** Reads values in XDR. Whatever the bytes are, it returns a value or throws a ProtocolError, and never reads beyond them. */
export class XdrReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  i32(): number {
    return this.#take(4).readInt32BE();
  }

  i64(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  u64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  double(): number {
    return this.#take(8).readDoubleBE();
  }

  fixed(length: number): Buffer {
    const bytes = this.#take(length);
    this.#take((4 - (length % 4)) % 4);
    return bytes;
  }

  string(): string {
    const length = this.u32();
    if (length > LONGEST) throw new ProtocolError(`a string of ${length} bytes was announced`);
    return this.fixed(length).toString('utf8');
  }

  optional<T>(read: (reader: this) => T): T | undefined {
    const there = this.u32();
    if (there > 1) throw new ProtocolError(`${there} stands where 0 or 1 says whether something follows`);
    return there === 1 ? read(this) : undefined;
  }

  array<T>(read: (reader: this) => T): T[] {
    const length = this.u32();
    if (length > MOST) throw new ProtocolError(`an array of ${length} elements was announced`);
    const values: T[] = [];
    for (let index = 0; index < length; index += 1) values.push(read(this));
    return values;
  }

  /** To be called when all was read: what is left over means that it was read as something else. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new ProtocolError(`${left} bytes are left over`);
  }

  #take(length: number): Buffer {
    const until = this.#at + length;
    if (until > this.#bytes.length) {
      throw new ProtocolError(
        `${length} bytes were expected, and ${this.#bytes.length - this.#at} are there`,
      );
    }
    const taken = this.#bytes.subarray(this.#at, until);
    this.#at = until;
    return taken;
  }
}
