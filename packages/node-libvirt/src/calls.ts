import { LibvirtError } from './errors.ts';
import type { Call, CallOptions, Link } from './link.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

/** Makes calls for one kind of thing: `what` is written first, then the rest of the arguments. */
export type Caller = <T>(call: Call<T>, options?: CallOptions) => Promise<T>;

/** A procedure by its name and its number on the wire (`remote_procedure`). */
export type Procedure = readonly [name: string, number: number];

export function callerOf(link: Link): Caller {
  return (call, options) => link.call(call, options);
}

/** A call that answers nothing but that it was done. */
export function order([name, procedure]: Procedure, write?: (writer: XdrWriter) => void): Call<void> {
  return { name, procedure, read: () => undefined, ...(write ? { write } : {}) };
}

/** A call that answers something. */
export function question<T>(
  [name, procedure]: Procedure,
  read: (reader: XdrReader) => T,
  write?: (writer: XdrWriter) => void,
): Call<T> {
  return { name, procedure, read, ...(write ? { write } : {}) };
}

const NEED_RESULTS = 1;

/** A call that answers a list; `write` writes what it is a list of, such as the volumes of a pool. */
export function listing<T>(
  procedure: Procedure,
  readItem: (reader: XdrReader) => T,
  write: (writer: XdrWriter) => void = () => undefined,
  flags = 0,
): Call<T[]> {
  return question(
    procedure,
    (reader) => {
      const items = reader.array(readItem);
      reader.u32(); // Their number, once more.
      return items;
    },
    (writer) => {
      write(writer);
      writer.i32(NEED_RESULTS).u32(flags);
    },
  );
}

/** Undefined where the daemon says with this code that there is no such thing. */
export async function unlessMissing<T>(asked: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof LibvirtError && error.code === code) return undefined;
    throw error;
  }
}
