import { ProtocolError } from './errors.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

/** A domain as calls name it: a value, which outlives connections. */
export interface DomainRef {
  readonly name: string;
  /** 32 hexadecimal digits with hyphens. */
  readonly uuid: string;
  /** Of a running one. */
  readonly id?: number;
}

/** A network or a storage pool, as calls name it. */
export interface NamedRef {
  readonly name: string;
  readonly uuid: string;
}

/** A storage volume, as calls name it. */
export interface VolumeRef {
  readonly pool: string;
  readonly name: string;
  /** Unique on its host; for a file, its path. */
  readonly key: string;
}

/** A snapshot of a domain, as calls name it. */
export interface SnapshotRef {
  readonly name: string;
  readonly domain: DomainRef;
}

export type ParameterValue = number | bigint | boolean | string;

const NOT_RUNNING = -1;

export function readDomain(reader: XdrReader): DomainRef {
  const { name, uuid } = readNamed(reader);
  const id = reader.i32();
  return { name, uuid, ...(id === NOT_RUNNING ? {} : { id }) };
}

export function writeDomain(writer: XdrWriter, { name, uuid, id = NOT_RUNNING }: DomainRef): void {
  writeNamed(writer, { name, uuid });
  writer.i32(id);
}

export function readNamed(reader: XdrReader): NamedRef {
  return { name: reader.string(), uuid: readUuid(reader) };
}

export function writeNamed(writer: XdrWriter, { name, uuid }: NamedRef): void {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new TypeError(`${uuid} is not a UUID`);
  writer.string(name).fixed(bytes);
}

export function readVolume(reader: XdrReader): VolumeRef {
  return { pool: reader.string(), name: reader.string(), key: reader.string() };
}

export function writeVolume(writer: XdrWriter, { pool, name, key }: VolumeRef): void {
  writer.string(pool).string(name).string(key);
}

export function readSnapshot(reader: XdrReader): SnapshotRef {
  return { name: reader.string(), domain: readDomain(reader) };
}

export function writeSnapshot(writer: XdrWriter, { name, domain }: SnapshotRef): void {
  writer.string(name);
  writeDomain(writer, domain);
}

/** A typed parameter: its name and its value. Numbers of 64 bits are bigints. */
export function readParameter(reader: XdrReader): [name: string, value: ParameterValue] {
  const name = reader.string();
  const type = reader.i32();
  switch (type) {
    case 1:
      return [name, reader.i32()];
    case 2:
      return [name, reader.u32()];
    case 3:
      return [name, reader.i64()];
    case 4:
      return [name, reader.u64()];
    case 5:
      return [name, reader.double()];
    case 6:
      return [name, reader.i32() !== 0];
    case 7:
      return [name, reader.string()];
    default:
      throw new ProtocolError(`parameter ${name} is of type ${type}, which is not known here`);
  }
}

function readUuid(reader: XdrReader): string {
  const hex = reader.fixed(16).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
