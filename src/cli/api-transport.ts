import type { z } from 'zod';
import { ApiError } from '#core/api.ts';
import { withDeadline } from '#lib/deadline.ts';
import { CliError, connectionReason } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { type ApiSettings, apiSettings } from './settings.ts';
import { whereabouts } from './whereabouts.ts';

const TIMEOUT_MS = 10_000;

/** What to do about a refusal that is about the thing asked for, not about the control plane. */
const REMEDIES: ReadonlyMap<number, string> = new Map([
  [403, 'Nothing was changed.'],
  [409, 'Nothing was changed.'],
  [413, 'Shorten it, or send it in parts.'],
  [422, 'Nothing was changed.'],
]);

/** What shows the things of which one was asked for that is not there. */
const LISTS: readonly (readonly [path: string, remedy: string])[] = [
  ['/v1/agents', '`olympus agent list` shows the agents.'],
  ['/v1/tasks', '`olympus task list` shows the newest.'],
  ['/v1/dlq', '`olympus dlq list` shows what was given up.'],
  ['/v1/approvals', '`olympus approve` shows what is pending.'],
  ['/v1/workflows', '`olympus workflow list` shows the workflows.'],
  ['/v1/artifacts', '`olympus task show` names the artifacts of a task.'],
];
const NO_LIST =
  'Is the control plane of the same version? `olympus --version` says ours, and `olympus status` its.';

/** What the control plane answered, whatever it was. */
export interface Answer {
  readonly status: number;
  /** Undefined when it was no JSON. */
  readonly body: unknown;
  /** The clock of the control plane (Unix ms); NaN when it did not say. */
  readonly date: number;
}

/** Calls the control plane over HTTP. Every failure is a CliError with a sentence that says what to do. */
export class ApiTransport {
  readonly #settings: ApiSettings;
  readonly #signal: AbortSignal;
  readonly #logs: string;

  constructor({ settings, signal }: Pick<CliContext, 'settings' | 'signal'>) {
    this.#settings = apiSettings(settings);
    this.#signal = signal;
    this.#logs = whereabouts(settings.stateDir).control;
  }

  get url(): string {
    return this.#settings.url;
  }

  /** Any answer is one, also a refusal. */
  get(route: string): Promise<Answer> {
    return this.#call('GET', route);
  }

  async read<T extends z.ZodType>(route: string, schema: T): Promise<z.output<T>> {
    return this.accept(route, schema, await this.get(route));
  }

  async write<T extends z.ZodType>(route: string, schema: T, body: unknown): Promise<z.output<T>> {
    return this.accept(route, schema, await this.#call('POST', route, body));
  }

  /** The value in an answer that is no refusal. */
  accept<T extends z.ZodType>(route: string, schema: T, answer: Answer): z.output<T> {
    this.#refuse(route, answer);
    return this.parse(route, schema, answer.body);
  }

  parse<T extends z.ZodType>(route: string, schema: T, body: unknown): z.output<T> {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw this.#stranger(route);
  }

  /**
   * Server-sent events from after `lastId` on; undefined when there is no such id any more, as in a store that was
   * restored. It has no deadline: a stream ends when the server or the caller says so.
   */
  async stream(route: string, lastId: string): Promise<ReadableStream<Uint8Array> | undefined> {
    const { url, token } = this.#settings;
    const response = await fetch(`${url}${route}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', 'last-event-id': lastId },
      signal: this.#signal,
    });
    if (response.ok && response.body) return response.body;
    const body = parseJson(await response.text());
    if (response.status === 409 && ApiError.safeParse(body).data?.code === 'beyond_newest') return undefined;
    this.#refuse(route, { status: response.status, body });
    throw this.#stranger(route);
  }

  /** A body as it is. */
  async bytes(route: string): Promise<Uint8Array> {
    const { status, bytes } = await this.#ask('GET', route, undefined, async (response) => ({
      status: response.status,
      bytes: new Uint8Array(await response.arrayBuffer()),
    }));
    this.#refuse(route, { status, body: parseJson(new TextDecoder().decode(bytes)) });
    return bytes;
  }

  /** Sends text as it is. */
  async putText<T extends z.ZodType>(route: string, schema: T, text: string): Promise<z.output<T>> {
    return this.accept(route, schema, await this.#call('PUT', route, text));
  }

  #call(method: 'GET' | 'POST' | 'PUT', route: string, body?: unknown): Promise<Answer> {
    return this.#ask(method, route, body, async (response) => ({
      status: response.status,
      body: parseJson(await response.text()),
      date: Date.parse(response.headers.get('date') ?? ''),
    }));
  }

  async #ask<T>(
    method: 'GET' | 'POST' | 'PUT',
    route: string,
    body: unknown,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { url, token } = this.#settings;
    const type = method === 'PUT' ? 'text/plain; charset=utf-8' : 'application/json';
    const sent = method === 'PUT' ? String(body) : JSON.stringify(body);
    try {
      return await withDeadline(`${method} ${route}`, TIMEOUT_MS, this.#signal, async (signal) => {
        const response = await fetch(`${url}${route}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': type }),
          },
          ...(body === undefined ? {} : { body: sent }),
          signal,
        });
        return read(response);
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new CliError(
        `The control plane does not answer at ${url}: ${connectionReason(error)}.`,
        `Is olympus-control running, and is OLYMPUS_API_URL right? Look at ${this.#logs}.`,
        { cause: error },
      );
    }
  }

  #refuse(route: string, { status, body }: Pick<Answer, 'status' | 'body'>): void {
    if (status < 400) return;
    const { url } = this.#settings;
    const refusal = ApiError.safeParse(body);
    if (!refusal.success) throw this.#stranger(route);
    if (status === 401) {
      throw new CliError(
        `The control plane at ${url} does not accept the token (401).`,
        'Compare OLYMPUS_API_TOKEN with the token file of the control plane.',
      );
    }
    const remedy = status === 404 ? absenceRemedy(route, refusal.data.code) : REMEDIES.get(status);
    if (remedy) throw new CliError(`${capital(refusal.data.message)}.`, remedy);
    throw new CliError(
      `The control plane at ${url} refused ${pathOf(route)} (${status}): ${refusal.data.message}.`,
      `Look at ${this.#logs}.`,
    );
  }

  #stranger(route: string): CliError {
    return new CliError(
      `${this.#settings.url} answered ${pathOf(route)} with something this version of Olympus does not understand.`,
      'Is OLYMPUS_API_URL the address of the control plane, and is that of the same version? `olympus --version` says ours.',
    );
  }
}

function absenceRemedy(route: string, code: string): string {
  if (code === 'not_found') return NO_LIST; // no such route at all
  return LISTS.find(([path]) => route.startsWith(path))?.[1] ?? NO_LIST;
}

function pathOf(route: string): string {
  return route.split('?')[0] ?? route;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
