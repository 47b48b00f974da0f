import { z } from 'zod';
import { ChatAccount } from './chat-account.ts';

/** What a token of the API may do, besides being one agent. Each is given by itself: none holds another. */
export const scopes = {
  read: 'see what the API shows: agents, tasks, events, the audit, dead letters',
  work: 'ask for tasks, end them and try them again; start workflows',
  decide: 'approve, deny and answer',
  operate: 'redrive dead letters, drain agents and have them resume, stop everything at once',
} as const;

/** One of them, or `agent`: an agent itself, for what is its own. */
export type Scope = keyof typeof scopes | 'agent';

/** A scope as a token is given it: `agent:<name>` is to be that agent. */
export const GrantedScope = z
  .string()
  .regex(
    /^(read|work|decide|operate|agent:[a-z0-9_-]{1,64})$/,
    `write ${Object.keys(scopes).join(', ')} or agent:<name>`,
  );
export type GrantedScope = z.output<typeof GrantedScope>;

/** How a person is called in the audit: a name that fits into a line. */
const TokenName = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'write a name of 1 to 64 letters, digits, dots, dashes and underscores');

/** Who may use the API with what, as the inventory says it. */
export const ApiTokenGrant = z.strictObject({
  name: TokenName,
  scopes: z.array(GrantedScope).min(1, 'write at least one scope'),
  /** The same person's account in chat, where they may do the same. */
  chat: ChatAccount.optional(),
});
export type ApiTokenGrant = z.output<typeof ApiTokenGrant>;

/** An account speaks for one person. */
export const oneAccountEach = {
  holds: (grants: readonly ApiTokenGrant[]): boolean => {
    const accounts = grants.flatMap(({ chat }) => chat ?? []);
    return new Set(accounts).size === accounts.length;
  },
  message: 'the same chat account stands there twice: give each person one of their own',
};

/** The file that OLYMPUS_API_TOKENS_FILE names: tokens by their digest, so that the file gives none away. */
export const ApiTokensFile = z
  .strictObject({
    tokens: z.array(
      ApiTokenGrant.extend({
        /** SHA-256 of the token, as 64 hexadecimal digits. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'write the SHA-256 of the token as 64 hexadecimal digits'),
      }),
    ),
  })
  .refine(
    ({ tokens }) => new Set(tokens.map(({ sha256 }) => sha256)).size === tokens.length,
    'the same token stands there twice: give each entry one of its own',
  )
  .refine(({ tokens }) => oneAccountEach.holds(tokens), oneAccountEach.message);
export type ApiTokensFile = z.output<typeof ApiTokensFile>;
