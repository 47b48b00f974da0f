import { order, type Procedure, question } from './calls.ts';
import { ConnectionLost } from './errors.ts';
import type { CallOptions, Link } from './link.ts';

const PROCEDURES = {
  authList: ['AUTH_LIST', 66],
  authPolkit: ['AUTH_POLKIT', 70],
  open: ['CONNECT_OPEN', 1],
  supports: ['CONNECT_SUPPORTS_FEATURE', 60],
  version: ['CONNECT_GET_LIB_VERSION', 157],
} as const satisfies Record<string, Procedure>;

const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;
/** `VIR_DRV_FEATURE_PROGRAM_KEEPALIVE`. */
const KEEPALIVE = 10;
const READ_ONLY = 1;

/** What the daemon is. */
export interface Opened {
  /** Of libvirt: major · 1,000,000 + minor · 1,000 + release. */
  readonly version: number;
  readonly answersPings: boolean;
}

/** Logs in and opens what the connection is for. */
export async function open(
  link: Link,
  name: string,
  { readOnly = false, ...options }: CallOptions & { readonly readOnly?: boolean },
): Promise<Opened> {
  const ways = await link.call(
    question(PROCEDURES.authList, (reader) => reader.array((each) => each.i32())),
    options,
  );
  if (ways.includes(AUTH.polkit)) {
    await link.call(
      question(PROCEDURES.authPolkit, (reader) => reader.i32()),
      options,
    );
  } else if (ways.length > 0 && !ways.includes(AUTH.none)) {
    throw new ConnectionLost('the daemon wants SASL, which is not spoken here');
  }
  await link.call(
    order(PROCEDURES.open, (writer) =>
      writer.optional(name, (each, value) => each.string(value)).u32(readOnly ? READ_ONLY : 0),
    ),
    options,
  );
  const answersPings = await link.call(
    question(
      PROCEDURES.supports,
      (reader) => reader.i32() !== 0,
      (writer) => writer.i32(KEEPALIVE),
    ),
    options,
  );
  const version = await link.call(
    question(PROCEDURES.version, (reader) => Number(reader.u64())),
    options,
  );
  return { version, answersPings };
}
