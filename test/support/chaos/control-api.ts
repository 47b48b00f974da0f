import { setTimeout as delay } from 'node:timers/promises';

const CALL_TIMEOUT_MS = 5_000;
const RETRY_MS = 100;

/** Control's API for a caller that does not give up while control is killed, stopped or without a disk. */
export class ControlApi {
  readonly #url: string;
  readonly #token: string;
  readonly #patienceMs: number;

  constructor({ url, token }: { readonly url: string; readonly token: string }, patienceMs: number) {
    this.#url = url;
    this.#token = token;
    this.#patienceMs = patienceMs;
  }

  /** Asks until it is answered with anything below 500; throws after so long in vain. */
  async call(
    method: 'GET' | 'POST',
    route: string,
    body?: object,
  ): Promise<{ status: number; body: unknown }> {
    const givesUpAt = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        const answer = await this.#once(method, route, body);
        if (answer.status < 500) return answer;
        throw new Error(`${method} ${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
      } catch (error) {
        if (performance.now() > givesUpAt) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  async #once(method: string, route: string, body?: object): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.#url}/v1/${route}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return { status: response.status, body: await response.json() };
  }
}
