import { broadcastOf, type ServerEvent } from './events.ts';
import { newMattermostId } from './ids.ts';

/** How many sent frames are kept for replay (web_conn.go: deadQueueSize). */
const SENT_LIMIT = 128;
/** How many frames wait for a peer that is away (web_conn.go: sendQueueSize). */
const WAITING_LIMIT = 256;

/** What a connection writes to. */
export interface FrameSink {
  send(text: string): void;
  close(): void;
}

/** Who a connection belongs to. */
export interface ConnectionOwner {
  readonly userId: string;
  readonly token: string;
}

/**
 * One client's event stream: it outlives the socket, numbers the events and replays what a cut lost.
 *
 * INVARIANTS
 * - `seq` counts up by one from the hello, over cuts; replies are not numbered;
 * - events sent to a connection without a socket wait, in order, and go out before anything newer;
 * - once deaf, a connection never hears another event (facts §0.5).
 */
export class EventConnection {
  id = newMattermostId();
  readonly owner: ConnectionOwner;
  #isDeaf = false;
  #sink: FrameSink | undefined;
  #inactiveSince: number | undefined;
  #nextSeq = 0;
  #sent: { seq: number; text: string }[] = [];
  #waiting: Omit<EventFrame, 'seq'>[] = [];
  readonly #dropsFrame: () => boolean;

  constructor(owner: ConnectionOwner, dropsFrame: () => boolean) {
    this.owner = owner;
    this.#dropsFrame = dropsFrame;
  }

  get isActive(): boolean {
    return this.#sink !== undefined;
  }

  get isDeaf(): boolean {
    return this.#isDeaf;
  }

  get inactiveSince(): number | undefined {
    return this.#inactiveSince;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  deafen(): void {
    this.#isDeaf = true;
  }

  /** Starts the stream on a socket: the hello comes first, with seq 0 (recorded). */
  open(sink: FrameSink, hello: () => ServerEvent): void {
    this.#sink = sink;
    this.#inactiveSince = undefined;
    this.#write(frameOf(hello(), this.owner.userId));
    this.#drain();
  }

  /**
   * Goes on with a new socket from event `sequence`. When that one is no longer kept, the connection takes a
   * new id and starts over with a hello, and the client knows that events are lost (web_conn.go: hasMsgLoss).
   */
  resume(sink: FrameSink, sequence: number, hello: () => ServerEvent): void {
    this.#sink = sink;
    this.#inactiveSince = undefined;
    const index = this.#sent.findIndex((frame) => frame.seq === sequence);
    if (index >= 0) {
      for (const frame of this.#sent.slice(index)) sink.send(frame.text);
    } else if (sequence !== this.#nextSeq) {
      this.id = newMattermostId();
      this.#sent = [];
      this.#nextSeq = 0;
      this.#write(frameOf(hello(), this.owner.userId));
    }
    this.#drain();
  }

  /** The socket is gone; the stream waits for the client to come back. */
  pause(sink: FrameSink, now: number): void {
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    this.#inactiveSince = now;
  }

  /** Sends or keeps the event. False when the queue is full: the server then forgets the connection. */
  push(event: ServerEvent): boolean {
    if (this.#isDeaf) return true;
    const frame = frameOf(event, this.owner.userId);
    if (this.#sink) this.#write(frame);
    else this.#waiting.push(frame);
    return this.#waiting.length <= WAITING_LIMIT;
  }

  /** Cuts the socket; the stream waits as after any other cut. */
  close(now: number): void {
    const sink = this.#sink;
    if (!sink) return;
    this.pause(sink, now);
    sink.close();
  }

  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const frame of waiting) this.#write(frame);
  }

  #write(frame: Omit<EventFrame, 'seq'>): void {
    const seq = this.#nextSeq++;
    const text = `${JSON.stringify({ ...frame, seq })}\n`;
    this.#sent.push({ seq, text });
    if (this.#sent.length > SENT_LIMIT) this.#sent.shift();
    // A dropped frame keeps its number: the client sees the gap, as it would on the wire.
    if (!this.#dropsFrame()) this.#sink?.send(text);
  }
}

interface EventFrame {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly broadcast: Readonly<Record<string, unknown>>;
  readonly seq: number;
}

function frameOf(event: ServerEvent, userId: string): Omit<EventFrame, 'seq'> {
  return {
    event: event.event,
    data: { ...event.data, ...event.dataFor?.(userId) },
    broadcast: broadcastOf(event.target),
  };
}
