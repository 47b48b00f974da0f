import { LibvirtError } from './errors.ts';
import { readDomain, readNamed } from './values.ts';
import type { XdrReader } from './xdr.ts';

/** Reads what the daemon sends where a reply would have been. */
export function readError(reader: XdrReader, procedure: string): LibvirtError {
  const code = reader.i32();
  const domain = reader.i32();
  const message = reader.optional((each) => each.string()) ?? `libvirt says no more than its code ${code}`;
  const level = reader.i32();
  // What it is about, and parts of the message: read to see that this is an error as it should be.
  reader.optional(readDomain);
  for (let index = 0; index < 3; index += 1) reader.optional((each) => each.string());
  reader.i32();
  reader.i32();
  reader.optional(readNamed);
  return new LibvirtError({ code, domain, level, message, procedure });
}
