import type { Duplex } from 'node:stream';
import { CallTimeout, ConnectionLost, ProtocolError } from './errors.ts';
import { encodeFrame, type Frame, FrameSplitter, frameStatus, frameTypes, programs } from './frame.ts';
import { readError } from './remote-error.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

/** A call, as the tables of procedures describe it. */
export interface Call<T> {
  readonly procedure: number;
  readonly program?: number;
  /** For messages: `DOMAIN_CREATE_WITH_FLAGS`. */
  readonly name: string;
  readonly write?: (writer: XdrWriter) => void;
  readonly read: (reader: XdrReader) => T;
  /** Told its number on this link, by which what belongs to it is known. */
  readonly onSent?: (serial: number) => void;
  /** Told what the daemon has answered after the call was given up: what it then keeps for nobody is to be taken back. */
  readonly onLate?: (value: T) => void;
}

/** A stream of bytes that a call has opened. */
export interface OpenStream {
  /** False when the next is better sent after `Link.drained`. */
  readonly send: (status: number, body?: Buffer) => boolean;
  /** Nothing more is told of it. */
  readonly forget: () => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface LinkOptions {
  readonly stream: Duplex;
  /** Called with every message that nobody asked for: events. */
  readonly onMessage: (frame: Frame) => void;
  /** What else is known about why it ended, such as what ssh said. */
  readonly why?: () => string;
}

interface Waiting {
  readonly name: string;
  /** Takes the reply, or what came instead of it. */
  readonly settle: (reply: Frame | Error) => void;
}

/** The daemon works on five calls of a connection at a time and lets the others wait; one is left for keepalive. */
const AT_ONCE = 4;
const TIMEOUT_MS = 30_000;

/**
 * Calls over one connection. However it ends, and whatever comes over it, every call settles.
 * INVARIANT: no more than `AT_ONCE` calls are with the daemon; one that was given up keeps its place until its reply comes.
 */
export class Link {
  readonly #stream: Duplex;
  readonly #onMessage: LinkOptions['onMessage'];
  readonly #why: () => string;
  readonly #splitter = new FrameSplitter();
  readonly #waiting = new Map<number, Waiting>();
  /** Calls that are not sent yet, in order. */
  readonly #queue = new Set<() => void>();
  readonly #streams = new Map<number, (frame: Frame | Error) => void>();
  readonly #ended = Promise.withResolvers<Error>();
  /** Those who take no more for now. */
  readonly #pausing = new Set<object>();
  #serial = 0;
  #end: Error | undefined;
  #heardAt = performance.now();

  constructor({ stream, onMessage, why = () => '' }: LinkOptions) {
    this.#stream = stream;
    this.#onMessage = onMessage;
    this.#why = why;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.close(this.#lost(error.message)));
    stream.on('close', () => this.close(this.#lost('the other side has closed the connection')));
    stream.on('end', () => this.close(this.#lost('the other side has closed the connection')));
  }

  /** Why it has ended; undefined while it has not. */
  get end(): Error | undefined {
    return this.#end;
  }

  /** Resolves with why, once it has ended. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  /** When something was last heard (`performance.now()`). */
  get heardAt(): number {
    return this.#heardAt;
  }

  /**
   * Rejects with a LibvirtError where the daemon says no, a CallTimeout after `timeoutMs` (30 s unless it is said), the
   * signal's reason, a ConnectionLost when the connection ends, a ProtocolError for a reply that cannot be read.
   */
  async call<T>(call: Call<T>, { signal, timeoutMs = TIMEOUT_MS }: CallOptions = {}): Promise<T> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let isOver = false;
    const timer = setTimeout(
      () => reject(new CallTimeout(`${call.name} took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const answered = (value: T): void => (isOver ? call.onLate?.(value) : resolve(value));
    const turn = (): void => {
      if (this.#end) reject(this.#end);
      else this.#send(call, (reply) => this.#read(call, reply, answered, reject));
    };
    this.#queue.add(turn);
    this.#next();
    try {
      return await promise;
    } finally {
      isOver = true;
      this.#queue.delete(turn);
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /**
   * The same for a call that opens a stream: `onFrame` is given the frames of the stream, and at last why the connection
   * has ended, until `forget` is called. Resolves once it is open.
   */
  async open(
    call: Call<void>,
    onFrame: (frame: Frame | Error) => void,
    options: CallOptions = {},
  ): Promise<OpenStream> {
    let serial = 0;
    const onSent = (given: number): void => {
      serial = given;
      this.#streams.set(serial, onFrame);
    };
    const forget = (): void => void this.#streams.delete(serial);
    const { procedure, program = programs.remote } = call;
    const send = (status: number, body?: Buffer): boolean =>
      this.post({ program, procedure, type: frameTypes.stream, serial, status, ...(body ? { body } : {}) });
    const onLate = (): void => void send(frameStatus.error);
    try {
      await this.call({ ...call, onSent, onLate }, options);
    } catch (error) {
      forget();
      throw error;
    }
    return { send, forget };
  }

  /** Sends a frame that is no call; false when the next one is better sent after `drained`. */
  post(frame: Omit<Frame, 'body'> & { readonly body?: Buffer }): boolean {
    return this.#end === undefined && this.#stream.write(encodeFrame({ body: Buffer.alloc(0), ...frame }));
  }

  /** Resolves when what was sent has gone out, or the connection has ended. */
  async drained(): Promise<void> {
    if (this.#end || !this.#stream.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stream.once('drain', resolve);
    await Promise.race([promise, this.ended]);
    this.#stream.off('drain', resolve);
  }

  /** Lets the other side wait before it sends more, replies included, until everybody who has asked for that takes more. */
  pause(who: object): void {
    this.#pausing.add(who);
    this.#stream.pause();
  }

  resume(who: object): void {
    this.#pausing.delete(who);
    if (this.#pausing.size === 0) this.#stream.resume();
  }

  /** Takes a little of what has come, also while it is to wait: pings are among it, and whether there is anything at all. */
  breathe(): void {
    this.#stream.resume();
  }

  /** Ends it; every call that is under way rejects with `why`. */
  close(why: Error = new ConnectionLost('the connection was closed here')): void {
    if (this.#end) return;
    this.#end = why;
    this.#stream.destroy();
    for (const { settle } of this.#waiting.values()) settle(why);
    this.#waiting.clear();
    for (const onFrame of this.#streams.values()) onFrame(why);
    this.#streams.clear();
    this.#next();
    this.#ended.resolve(why);
  }

  #send<T>(call: Call<T>, settle: Waiting['settle']): void {
    const writer = new XdrWriter();
    try {
      call.write?.(writer);
    } catch (error) {
      settle(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#serial += 1;
    this.#waiting.set(this.#serial, { name: call.name, settle });
    call.onSent?.(this.#serial);
    this.post({
      program: call.program ?? programs.remote,
      procedure: call.procedure,
      type: frameTypes.call,
      serial: this.#serial,
      status: frameStatus.ok,
      body: writer.bytes(),
    });
  }

  #read<T>(
    { name, read }: Call<T>,
    reply: Frame | Error,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void {
    if (reply instanceof Error) {
      reject(reply);
      return;
    }
    const { status, body } = reply;
    const reader = new XdrReader(body);
    try {
      const value = status === frameStatus.error ? readError(reader, name) : read(reader);
      reader.end();
      if (status === frameStatus.error) reject(value);
      else resolve(value as T);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const broken = new ProtocolError(`the reply to ${name} cannot be read: ${reason}`, { cause: error });
      reject(broken);
      this.close(broken);
    }
  }

  #receive(chunk: Buffer): void {
    this.#heardAt = performance.now();
    if (this.#pausing.size > 0) this.#stream.pause();
    try {
      for (const frame of this.#splitter.push(chunk)) this.#take(frame);
    } catch (error) {
      this.close(error instanceof Error ? error : new ProtocolError(String(error)));
    }
  }

  #take(frame: Frame): void {
    if (this.#end) return;
    if (frame.type === frameTypes.stream) {
      this.#streams.get(frame.serial)?.(frame);
      return;
    }
    if (frame.type !== frameTypes.reply) {
      this.#onMessage(frame);
      return;
    }
    const waiting = this.#waiting.get(frame.serial);
    if (!waiting) throw new ProtocolError(`a reply came to call ${frame.serial}, which nobody has made`);
    this.#waiting.delete(frame.serial);
    waiting.settle(frame);
    this.#next();
  }

  #next(): void {
    for (const turn of this.#queue) {
      if (this.#waiting.size >= AT_ONCE) return;
      this.#queue.delete(turn);
      turn();
    }
  }

  #lost(reason: string): ConnectionLost {
    const more = this.#why();
    return new ConnectionLost(more ? `${reason}: ${more}` : reason);
  }
}
