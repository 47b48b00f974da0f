import { Duplex } from 'node:stream';
import { type Frame, frameStatus } from './frame.ts';
import type { Call, CallOptions, Link, OpenStream } from './link.ts';
import { failureIn, partsOf } from './transfer.ts';

/** A stream of the daemon that goes both ways. Its end is the daemon's; destroying it tells the daemon to stop. */
export class StreamDuplex extends Duplex {
  readonly #link: Link;
  readonly #name: string;
  #stream: OpenStream | undefined;
  #isOver = false;

  private constructor(link: Link, name: string) {
    super({ allowHalfOpen: false });
    this.#link = link;
    this.#name = name;
  }

  /** Resolves once `call` has opened it; rejects as `Link.call` does. */
  static async open(link: Link, call: Call<void>, options: CallOptions): Promise<StreamDuplex> {
    const duplex = new StreamDuplex(link, call.name);
    duplex.#stream = await link.open(call, (frame) => duplex.#take(frame), options);
    return duplex;
  }

  override _read(): void {
    this.#link.resume(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let mayGoOn = true;
    for (const part of partsOf(chunk)) mayGoOn = this.#stream?.send(frameStatus.more, part) ?? false;
    if (mayGoOn) done();
    else this.#link.drained().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#isOver) this.#stream?.send(frameStatus.ok);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isOver && !this.writableFinished) this.#stream?.send(frameStatus.error);
    this.#stream?.forget();
    this.#link.resume(this);
    done(error);
  }

  #take(frame: Frame | Error): void {
    const failure = failureIn(frame, this.#name);
    if (failure !== undefined) {
      this.#isOver = true;
      this.destroy(failure);
      return;
    }
    const { status, body } = frame as Frame;
    if (status === frameStatus.ok || body.length === 0) {
      // Nothing is the end of it, which is then agreed upon.
      if (status !== frameStatus.ok) this.#stream?.send(frameStatus.ok);
      this.#isOver = true;
      this.push(null);
    } else if (!this.push(body)) this.#link.pause(this);
  }
}
