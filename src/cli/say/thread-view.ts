import type { ChatSign } from '#core/chat-signs.ts';
import type { Post, User } from '#integrations/mattermost/posts.ts';
import type { CliContext } from '../context.ts';
import { harmless } from '../format.ts';
import type { Output } from '../output.ts';
import { isLast, type Reply, type Standing } from './thread-watch.ts';

const LINES = {
  received: (agent) => `👀 ${agent} has received it`,
  queued: (agent) => `⏳ ${agent} is busy, it is queued`,
  working: (agent) => `🔨 ${agent} is working`,
  done: (agent) => `✅ ${agent} is done`,
  failed: (agent) => `✗ ${agent} could not do it`,
} as const satisfies Record<ChatSign, (agent: string) => string>;

/** Shows a thread while it grows: replies are the answer, everything else goes beside it. */
export class ThreadView {
  readonly #out: Output;
  readonly #thread: string;
  readonly #names: string;
  readonly #mentions: string;

  constructor({ out }: CliContext, post: Post, targets: readonly User[]) {
    this.#out = out;
    this.#thread = post.root_id || post.id;
    this.#names = targets.map((user) => user.username).join(' and ');
    this.#mentions = targets.map((user) => `@${user.username}`).join(' ');
  }

  begin(): void {
    this.#dim(`Posted. Waiting for ${this.#names}; Ctrl-C leaves it running.`);
  }

  reply({ author, text }: Reply): void {
    this.#out.print(`${this.#out.style('cyan', `${author}:`)}\n${harmless(text).trimEnd()}\n`);
  }

  sign(agent: string, sign: ChatSign): void {
    if (!isLast(sign)) this.#dim(LINES[sign](agent));
  }

  reachable(reachable: boolean): void {
    this.#out.note(
      reachable
        ? 'Mattermost is back.'
        : 'Mattermost does not answer just now. Your message is posted; trying again …',
    );
  }

  /** The last words: who is done and who is not, and how to go on. */
  end(standing: Standing, took: string): void {
    for (const [agent, sign] of standing) {
      if (!sign) continue;
      const line = `${LINES[sign](agent)} (${took})`;
      // A failure is told to scripts too.
      if (sign === 'failed') this.#out.note(this.#out.noteStyle('red', line));
      else this.#out.progress(this.#out.noteStyle('green', line));
    }
    this.#goOn();
  }

  timedOut(standing: Standing, waited: string): void {
    const waiting = [...standing].filter(([, sign]) => !isLast(sign));
    for (const [agent, sign] of waiting) {
      this.#out.note(
        sign
          ? `${agent} has not finished within ${waited}; its last sign was: ${sign}. The task goes on: see \`olympus task list --agent ${agent}\`.`
          : `${agent} has not even received this within ${waited}. It will when its olympusd is connected to chat again: see \`olympus doctor\`.`,
      );
    }
    this.#goOn();
  }

  cutShort(): void {
    this.#out.note('\nThe message stays posted, and the work goes on.');
    this.#goOn();
  }

  #goOn(): void {
    this.#dim(`To go on: olympus say --thread ${this.#thread} "${this.#mentions} …"`, true);
  }

  /** `always`: also to somebody who does not watch, such as a log. */
  #dim(line: string, always = false): void {
    const styled = this.#out.noteStyle('dim', line);
    if (always) this.#out.note(styled);
    else this.#out.progress(styled);
  }
}
