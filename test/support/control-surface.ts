import { waitFor } from './wait.ts';

/** The control surface of a stand-in: script, faults, holds, and the requests it has seen. */
export class ControlSurface {
  readonly #url: string;

  constructor(adminUrl: string) {
    this.#url = adminUrl;
  }

  async post<T = unknown>(route: string, body: unknown = {}): Promise<T> {
    return this.#call('POST', route, body) as Promise<T>;
  }

  async get<T>(route: string): Promise<T> {
    return this.#call('GET', route) as Promise<T>;
  }

  async delete(route: string): Promise<void> {
    await this.#call('DELETE', route);
  }

  async #call(method: string, route: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#url}/standin/${route}`, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return JSON.parse(text || '{}');
  }
}

/** What a model stand-in may be told to do with calls whose last user text contains `match`. */
export interface ModelRule {
  readonly match?: string;
  readonly matchIn?: 'last' | 'any';
  readonly times?: number;
  readonly behaviour: { readonly kind: string; readonly [field: string]: unknown };
}

/** Sets the behaviour of model calls to come. */
export async function script(model: ControlSurface, ...rules: ModelRule[]): Promise<void> {
  await model.post('script', { rules });
}

/** Whether the model was asked something that holds this text. */
export async function asked(model: ControlSurface, text: string): Promise<boolean> {
  const { requests } = await model.get<{ requests: { messages: { text: string }[] }[] }>('requests');
  return requests.some(({ messages }) => messages.some((message) => message.text.includes(text)));
}

/** Resolves when the model was asked something that holds this text. The first turn of a gateway takes up to 20 s. */
export async function untilAsked(model: ControlSurface, text: string): Promise<void> {
  await waitFor(`the model to be asked about "${text}"`, () => asked(model, text), { timeoutMs: 45_000 });
}
