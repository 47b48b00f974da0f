import { z } from 'zod';
import { ApiTokenGrant } from '#core/scopes.ts';
import { AgentName } from '#core/tokens.ts';
import { apiTokensText } from '#provision/secrets/api-tokens.ts';
import { defineDocument } from './document.ts';

const Secret = z.string().min(16, 'write a token of at least 16 characters');

const TokensInput = z
  .strictObject({
    people: z.array(ApiTokenGrant),
    peopleTokens: z.record(z.string(), Secret),
    agentTokens: z.record(AgentName, Secret),
  })
  .superRefine(({ people, peopleTokens, agentTokens }, context) => {
    for (const { name } of people.filter((person) => !peopleTokens[person.name])) {
      context.addIssue({ code: 'custom', path: ['peopleTokens', name], message: 'make it: secrets init' });
    }
    const seen = new Set<string>();
    for (const [name, token] of [...Object.entries(peopleTokens), ...Object.entries(agentTokens)]) {
      if (seen.has(token)) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'has the token of somebody else: remove it, and run secrets init',
        });
      }
      seen.add(token);
    }
  });

/** `api-tokens.json`: who may use control's API with what. It holds digests only. */
export const apiTokens = defineDocument('api-tokens', TokensInput, ({ people, peopleTokens, agentTokens }) =>
  apiTokensText(
    people.map((person) => ({ ...person, token: peopleTokens[person.name] ?? '' })),
    agentTokens,
  ),
);
