import assert from 'node:assert/strict';
import type { GithubDescription } from './description.ts';
import type { Api, ApiRequest } from './scene.ts';

/** What the description itself has wrong: here an account is to be a user and an enterprise at once. */
const MISDESCRIBED: ReadonlyMap<string, RegExp> = new Map([['GET /app/installations', /\/account\b/]]);

/** Calls the stand-in and holds each answer to GitHub's description. */
export class Contract {
  /** The operations that were answered well at least once. */
  readonly covered = new Set<string>();
  readonly #description: GithubDescription;

  constructor(description: GithubDescription) {
    this.#description = description;
  }

  /** The body of an answer that has this status and is as described. */
  async call(
    api: Api,
    status: number,
    method: string,
    where: string,
    request?: ApiRequest,
    // biome-ignore lint/suspicious/noExplicitAny: bodies of many kinds
  ): Promise<any> {
    const answer = await api(method, where, request);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    const operation = this.#description.operation(method, where);
    assert.ok(operation, `${method} ${where} is not described`);
    const misdescribed = MISDESCRIBED.get(operation.name);
    const problems = this.#description.problems(operation, status, answer.body);
    assert.deepEqual(
      problems.filter((problem) => !misdescribed?.test(problem)),
      [],
    );
    if (status < 300) this.covered.add(operation.name);
    return answer.body;
  }
}
