import { type Caller, listing, order, type Procedure, question, unlessMissing } from './calls.ts';
import { errorCodes } from './errors.ts';
import type { CallOptions, Link } from './link.ts';
import { download, upload } from './transfer.ts';
import { type NamedRef, readVolume, type VolumeRef, writeNamed, writeVolume } from './values.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

const PROCEDURES = {
  list: ['STORAGE_POOL_LIST_ALL_VOLUMES', 282],
  lookup: ['STORAGE_VOL_LOOKUP_BY_NAME', 95],
  create: ['STORAGE_VOL_CREATE_XML', 93],
  clone: ['STORAGE_VOL_CREATE_XML_FROM', 125],
  upload: ['STORAGE_VOL_UPLOAD', 208],
  download: ['STORAGE_VOL_DOWNLOAD', 209],
  delete: ['STORAGE_VOL_DELETE', 94],
  info: ['STORAGE_VOL_GET_INFO', 98],
  xml: ['STORAGE_VOL_GET_XML_DESC', 99],
  path: ['STORAGE_VOL_GET_PATH', 100],
  resize: ['STORAGE_VOL_RESIZE', 260],
} as const satisfies Record<string, Procedure>;

/** How large a volume is for who uses it, and how much of its host it takes, in bytes. */
export interface VolumeInfo {
  readonly capacity: bigint;
  readonly allocation: bigint;
}

/** The volumes of storage pools. Every call rejects as `Link.call` does. */
export class Volumes {
  readonly #call: Caller;
  readonly #link: Link;

  constructor(call: Caller, link: Link) {
    this.#call = call;
    this.#link = link;
  }

  list(pool: NamedRef, options?: CallOptions): Promise<VolumeRef[]> {
    const of = (writer: XdrWriter): void => writeNamed(writer, pool);
    return this.#call(listing(PROCEDURES.list, readVolume, of), options);
  }

  /** Undefined when there is none of this name in the pool. */
  find(pool: NamedRef, name: string, options?: CallOptions): Promise<VolumeRef | undefined> {
    const write = (writer: XdrWriter): void => {
      writeNamed(writer, pool);
      writer.string(name);
    };
    const call = question(PROCEDURES.lookup, readVolume, write);
    return unlessMissing(this.#call(call, options), errorCodes.noStorageVolume);
  }

  /** A backing store in the XML makes it an overlay. */
  create(pool: NamedRef, xml: string, options?: CallOptions): Promise<VolumeRef> {
    const write = (writer: XdrWriter): void => {
      writeNamed(writer, pool);
      writer.string(xml).u32(0);
    };
    return this.#call(question(PROCEDURES.create, readVolume, write), options);
  }

  /** A copy of another one, byte for byte: a long job, better on a connection of its own. */
  clone(pool: NamedRef, xml: string, from: VolumeRef, options?: CallOptions): Promise<VolumeRef> {
    const write = (writer: XdrWriter): void => {
      writeNamed(writer, pool);
      writer.string(xml);
      writeVolume(writer, from);
      writer.u32(0);
    };
    return this.#call(question(PROCEDURES.clone, readVolume, write), options);
  }

  /** Writes bytes into it from its beginning on: a long job, better on a connection of its own. */
  async upload(
    volume: VolumeRef,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<void> {
    await upload(this.#link, order(PROCEDURES.upload, everything(volume)), source, options);
  }

  /** All bytes of it: a long job, better on a connection of its own. */
  download(volume: VolumeRef, options?: CallOptions): AsyncGenerator<Buffer, void, void> {
    return download(this.#link, order(PROCEDURES.download, everything(volume)), options);
  }

  delete(volume: VolumeRef, options?: CallOptions): Promise<void> {
    return this.#call(order(PROCEDURES.delete, on(volume, 0)), options);
  }

  info(volume: VolumeRef, options?: CallOptions): Promise<VolumeInfo> {
    const read = (reader: XdrReader): VolumeInfo => {
      reader.i32(); // A file, a block device, a folder …
      return { capacity: reader.u64(), allocation: reader.u64() };
    };
    return this.#call(question(PROCEDURES.info, read, on(volume)), options);
  }

  xml(volume: VolumeRef, options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.xml, (reader) => reader.string(), on(volume, 0)),
      options,
    );
  }

  path(volume: VolumeRef, options?: CallOptions): Promise<string> {
    return this.#call(
      question(PROCEDURES.path, (reader) => reader.string(), on(volume)),
      options,
    );
  }

  resize(volume: VolumeRef, capacity: bigint, options?: CallOptions): Promise<void> {
    const write = (writer: XdrWriter): void => {
      writeVolume(writer, volume);
      writer.u64(capacity).u32(0);
    };
    return this.#call(order(PROCEDURES.resize, write), options);
  }
}

function on(volume: VolumeRef, flags?: number): (writer: XdrWriter) => void {
  return (writer) => {
    writeVolume(writer, volume);
    if (flags !== undefined) writer.u32(flags);
  };
}

/** From its first byte to its last. */
function everything(volume: VolumeRef): (writer: XdrWriter) => void {
  return (writer) => {
    writeVolume(writer, volume);
    writer.u64(0n).u64(0n).u32(0);
  };
}
