import { createHash } from 'node:crypto';
import { type ApiTokenGrant, ApiTokensFile } from '#core/scopes.ts';

/** A token in the clear, on its way to the file that holds its digest. */
export interface ApiToken extends ApiTokenGrant {
  readonly token: string;
}

/** The text of the file that OLYMPUS_API_TOKENS_FILE names: those of people, and one for each agent to be itself. */
export function apiTokensText(people: readonly ApiToken[], agents: Readonly<Record<string, string>>): string {
  const own = Object.entries(agents).map(([name, token]) => ({ name, token, scopes: [`agent:${name}`] }));
  // Sorted, so that the same fleet is the same text.
  const tokens = [...people, ...own]
    .map(({ token, ...grant }) => ({ ...grant, sha256: createHash('sha256').update(token).digest('hex') }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return JSON.stringify(ApiTokensFile.parse({ tokens }), undefined, 2);
}
