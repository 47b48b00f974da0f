import { createHash, timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { z } from 'zod';
import { isLikeChatId } from '#core/chat-account.ts';
import { ApiTokensFile, type Scope } from '#core/scopes.ts';
import { ConfigError, readSecretFile } from '#lib/config.ts';
import type { Logger } from '#lib/log.ts';

/** Who asks, as the token proves it. */
export interface Caller {
  /** The name that the token acts under; the full token has none, and believes what it is told. */
  readonly name: string | undefined;
  /** What the token was given; the full token may do everything. */
  readonly scopes: readonly string[] | 'all';
  /** The agent that the token is of. */
  readonly agent: string | undefined;
}

const VARIABLE = 'OLYMPUS_API_TOKENS_FILE';
const FULL: Caller = { name: undefined, scopes: 'all', agent: undefined };
const AGENT = 'agent:';

/** Those whom the file names, by what they prove themselves with. */
interface Callers {
  readonly byDigest: Map<string, Caller>;
  /** By name or id of an account in chat. */
  readonly byAccount: Map<string, Caller>;
}

/** Whether the caller has one of these scopes. */
export function mayDo(caller: Caller, wanted: readonly Scope[]): boolean {
  if (caller.scopes === 'all') return true;
  return wanted.some((scope) =>
    scope === 'agent' ? caller.agent !== undefined : caller.scopes.includes(scope),
  );
}

/**
 * The tokens of the API: the full one, and those of a file that is read again whenever it has changed. A file that
 * cannot be read any more leaves the tokens as they were, and `problem` says what is wrong with it.
 */
export class ApiTokens {
  readonly #full: Buffer;
  readonly #file: string | undefined;
  readonly #log: Logger;
  #seen: string | undefined;
  #callers: Callers = { byDigest: new Map(), byAccount: new Map() };
  #problem: string | undefined;

  /** Throws a ConfigError when the file is wrong. */
  constructor(options: { fullToken: string; file: string | undefined; log: Logger }) {
    this.#full = digestOf(options.fullToken);
    this.#file = options.file;
    this.#log = options.log;
    if (!options.file) return;
    this.#seen = stampOf(options.file);
    this.#callers = readCallers(options.file);
  }

  /** What is wrong with the file, while it is. */
  get problem(): string | undefined {
    this.#refresh();
    return this.#problem;
  }

  /** Whose token this is; undefined for one that is not, or is no longer, known. */
  callerOf(token: string): Caller | undefined {
    const digest = digestOf(token);
    if (timingSafeEqual(digest, this.#full)) return FULL;
    this.#refresh();
    return this.#callers.byDigest.get(digest.toString('hex'));
  }

  /**
   * Who this account in chat is; undefined for one that the file names nobody for. What is written like an id is one:
   * nobody becomes another by taking their id for a name.
   */
  callerInChat({ id, name }: { readonly id: string; readonly name: string }): Caller | undefined {
    this.#refresh();
    const byId = this.#callers.byAccount.get(id);
    return byId ?? (isLikeChatId(name) ? undefined : this.#callers.byAccount.get(name.toLowerCase()));
  }

  #refresh(): void {
    if (!this.#file) return;
    const stamp = stampOf(this.#file);
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    try {
      this.#callers = readCallers(this.#file);
      this.#problem = undefined;
      this.#log.info({ tokens: this.#callers.byDigest.size }, 'tokens of the API read again');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#problem = error.message;
      this.#log.error({ problem: error.message }, 'tokens of the API stay as they were');
    }
  }
}

function readCallers(file: string): Callers {
  const { tokens } = parseFile(readSecretFile(VARIABLE, file), file);
  const callers: Callers = { byDigest: new Map(), byAccount: new Map() };
  for (const { name, scopes, sha256, chat } of tokens) {
    const agent = scopes.find((scope) => scope.startsWith(AGENT))?.slice(AGENT.length);
    const caller = { name, scopes, agent };
    callers.byDigest.set(sha256, caller);
    if (chat !== undefined) callers.byAccount.set(chat, caller);
  }
  return callers;
}

function parseFile(text: string, file: string): ApiTokensFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ConfigError(`${VARIABLE}: ${file} is not JSON. Write it with: olympus render api-tokens`);
  }
  const parsed = ApiTokensFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new ConfigError(`${VARIABLE}: ${file} is wrong.\n${z.prettifyError(parsed.error)}`);
}

/** Differs when the file does; one that is gone has a stamp too, and reading it says so. */
function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found ? `${found.ino}:${found.mtimeMs}:${found.ctimeMs}:${found.size}` : 'gone';
}

/** Of equal length whatever was given, so that comparing takes the same time. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
