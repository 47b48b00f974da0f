import { type Frame, frameStatus } from './frame.ts';
import type { Call, CallOptions, Link } from './link.ts';
import { readError } from './remote-error.ts';
import { XdrReader } from './xdr.ts';

/** The most bytes of a stream in one frame. */
const MOST = 262_120;
/** Frames that were not taken yet beyond which the other side has to wait. */
const AHEAD = 8;

/**
 * Sends bytes to what `call` opens, and resolves when the daemon has taken all of them. When `source` fails, the daemon is
 * told that they are not whole, and its error is thrown.
 */
export async function upload(
  link: Link,
  call: Call<void>,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CallOptions = {},
): Promise<void> {
  const end = Promise.withResolvers<void>();
  end.promise.catch(() => undefined); // It may come while the source is still read.
  /** Whatever is waited for, it is not waited for beyond a failure, or the signal. */
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const onAbort = (): void => broken.reject(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const unlessBroken = <T>(wait: T | PromiseLike<T>): Promise<T> => Promise.race([wait, broken.promise]);
  let failure: unknown;
  const stream = await link.open(
    call,
    (frame) => {
      failure = failureIn(frame, call.name);
      if (failure !== undefined) broken.reject(failure);
      else if ((frame as Frame).status === frameStatus.ok) end.resolve();
    },
    options,
  );
  const chunks = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  try {
    for (;;) {
      const next = await unlessBroken(chunks.next());
      if (next.done) break;
      for (const part of partsOf(next.value)) {
        if (!stream.send(frameStatus.more, part)) await unlessBroken(link.drained());
      }
    }
    stream.send(frameStatus.ok);
    await unlessBroken(end.promise);
  } catch (error) {
    if (failure === undefined) stream.send(frameStatus.error);
    // Not waited for: it may be what hangs.
    Promise.resolve(chunks.return?.()).catch(() => undefined);
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    stream.forget();
  }
}

/**
 * The bytes of what `call` opens. The connection waits while they are not taken, so that they never pile up: it is better
 * one of its own. Leaving early tells the daemon to stop.
 */
export async function* download(
  link: Link,
  call: Call<void>,
  options: CallOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const arrived: (Frame | Error)[] = [];
  let wake = Promise.withResolvers<void>();
  const stream = await link.open(
    call,
    (frame) => {
      arrived.push(frame);
      if (arrived.length >= AHEAD) link.pause(arrived);
      wake.resolve();
    },
    options,
  );
  let isOver = false;
  try {
    while (!isOver) {
      options.signal?.throwIfAborted();
      const frame = arrived.shift();
      if (frame === undefined) {
        link.resume(arrived);
        await untilWoken(wake.promise, options.signal);
        wake = Promise.withResolvers();
        continue;
      }
      const failure = failureIn(frame, call.name);
      if (failure !== undefined) {
        isOver = true;
        throw failure;
      }
      const { status, body } = frame as Frame;
      if (status === frameStatus.ok) isOver = true;
      // Nothing is the end of it, which is then agreed upon.
      else if (body.length === 0) stream.send(frameStatus.ok);
      else yield body;
    }
  } finally {
    if (!isOver) stream.send(frameStatus.error);
    stream.forget();
    link.resume(arrived);
  }
}

async function untilWoken(woken: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return woken;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([woken, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What a frame says has gone wrong; undefined when nothing has. */
export function failureIn(frame: Frame | Error, name: string): Error | undefined {
  if (frame instanceof Error) return frame;
  return frame.status === frameStatus.error ? readError(new XdrReader(frame.body), name) : undefined;
}

/** What fits into one frame at a time. */
export function* partsOf(chunk: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += MOST) yield Buffer.from(chunk.subarray(at, at + MOST));
}
