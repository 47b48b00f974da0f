import { ProtocolError } from './errors.ts';

/** The programs that are spoken here, by their numbers on the wire. */
export const programs = { remote: 0x20008086, qemu: 0x20008087, keepalive: 0x6b656570 } as const;

/** What a frame is. */
export const frameTypes = { call: 0, reply: 1, message: 2, stream: 3 } as const;

/** How a frame ends what it is about: well, with an error, or not yet. */
export const frameStatus = { ok: 0, error: 1, more: 2 } as const;

/** One message of libvirt's RPC. */
export interface Frame {
  readonly program: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  /** In XDR, or the bytes of a stream. */
  readonly body: Buffer;
}

const VERSION = 1;
const HEADER_BYTES = 28;
/** `VIR_NET_MESSAGE_MAX`, with the length itself. */
const LONGEST = 32 * 1024 * 1024 + 4;

/** A frame as it goes over the wire: seven numbers of four bytes, the first of which is the length of it all. */
export function encodeFrame({ program, procedure, type, serial, status, body }: Frame): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(HEADER_BYTES + body.length, 0);
  header.writeUInt32BE(program, 4);
  header.writeUInt32BE(VERSION, 8);
  header.writeInt32BE(procedure, 12);
  header.writeInt32BE(type, 16);
  header.writeUInt32BE(serial, 20);
  header.writeInt32BE(status, 24);
  return Buffer.concat([header, body]);
}

/** Finds the frames in what comes over a stream, however it is cut. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #length = 0;

  /** The frames that are whole with this. Throws a ProtocolError for what cannot be one. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const frames: Frame[] = [];
    while (this.#length >= 4) {
      const length = this.#peekLength();
      if (length < HEADER_BYTES || length > LONGEST) {
        throw new ProtocolError(`a message of ${length} bytes was announced`);
      }
      if (this.#length < length) break;
      frames.push(decodeFrame(this.#take(length)));
    }
    return frames;
  }

  #peekLength(): number {
    const [first] = this.#chunks;
    if (first && first.length >= 4) return first.readUInt32BE();
    return this.#joined().readUInt32BE();
  }

  #take(length: number): Buffer {
    const all = this.#joined();
    this.#chunks = all.length > length ? [all.subarray(length)] : [];
    this.#length -= length;
    return all.subarray(0, length);
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    const all = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

function decodeFrame(bytes: Buffer): Frame {
  const version = bytes.readUInt32BE(8);
  if (version !== VERSION) throw new ProtocolError(`version ${version} of the protocol is not known here`);
  return {
    program: bytes.readUInt32BE(4),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    body: bytes.subarray(HEADER_BYTES),
  };
}
