import type { Duplex } from 'node:stream';
import { order, type Procedure, question } from './calls.ts';
import type { CallOptions, Link } from './link.ts';
import { StreamDuplex } from './stream-duplex.ts';
import { download } from './transfer.ts';
import { type DomainRef, writeDomain } from './values.ts';

const PROCEDURES = {
  open: ['DOMAIN_OPEN_CONSOLE', 201],
  screenshot: ['DOMAIN_SCREENSHOT', 211],
} as const satisfies Record<string, Procedure>;

/** Takes the console from whoever has it: `VIR_DOMAIN_CONSOLE_FORCE`. */
const FORCE = 1;
const FIRST_SCREEN = 0;

export interface ConsoleOptions extends CallOptions {
  /** Its alias in the definition, such as `serial1`; the first console unless it is said. */
  readonly device?: string;
  /** Takes it from whoever has it open. */
  readonly force?: boolean;
}

/** What running domains show. Every call rejects as `Link.call` does. */
export class Consoles {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * The serial console of a running domain: what the guest writes can be read, and what is written is typed. It ends when
   * the domain does; one reader at a time. While nobody reads, the connection waits: it is better one of its own.
   */
  async open(domain: DomainRef, { device, force = false, ...options }: ConsoleOptions = {}): Promise<Duplex> {
    const call = order(PROCEDURES.open, (writer) => {
      writeDomain(writer, domain);
      writer.optional(device, (each, value) => each.string(value)).u32(force ? FORCE : 0);
    });
    return StreamDuplex.open(this.#link, call, options);
  }

  /** What the first screen of a running domain shows, and as what: `image/x-portable-pixmap` or `image/png`. */
  async screenshot(domain: DomainRef, options?: CallOptions): Promise<{ type: string; image: Buffer }> {
    let type = '';
    const call = question(
      PROCEDURES.screenshot,
      (reader) => {
        type = reader.optional((each) => each.string()) ?? '';
      },
      (writer) => {
        writeDomain(writer, domain);
        writer.u32(FIRST_SCREEN).u32(0);
      },
    );
    const chunks: Buffer[] = [];
    for await (const chunk of download(this.#link, call, options)) chunks.push(chunk);
    return { type, image: Buffer.concat(chunks) };
  }
}
