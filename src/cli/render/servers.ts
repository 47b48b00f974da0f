import { z } from 'zod';
import { FleetId, Token } from '#core/tokens.ts';
import { publicKeyOf } from '#integrations/nats/keys.ts';
import { renderAccounts, renderServerWith } from '#integrations/nats/server-config.ts';
import { chatSeed } from '#lab/chat-seed.ts';
import { defineDocument } from './document.ts';

/** It stands in quotes in the server's file. */
const AbsolutePath = z
  .string()
  .regex(/^\/[^"\\\n]*$/, 'write an absolute path, without quotes or backslashes');
const Listen = z.string().regex(/^[\w.:[\]-]+:\d{1,5}$/, 'write address and port, such as 10.220.1.20:4222');

/** A seed on the way in, its public key on the way out: the seed goes nowhere else. */
const UserSeed = z.string().transform((seed, context) => {
  try {
    if (seed.startsWith('SU')) return publicKeyOf(seed);
  } catch {
    // What the library says is no help to anybody.
  }
  context.addIssue({ code: 'custom', message: 'write the seed of an nkey user, which begins with SU' });
  return z.NEVER;
});

const ServerInput = z.strictObject({
  fleet: FleetId,
  listen: Listen,
  storeDir: AbsolutePath,
  /** The name of the accounts' file, in the same folder. */
  accountsFile: z.string().regex(/^[\w.-]+$/, 'write the name of a file, without a folder'),
  monitorListen: Listen.exactOptional(),
  tls: z
    .strictObject({ certFile: AbsolutePath, keyFile: AbsolutePath, caFile: AbsolutePath.exactOptional() })
    .exactOptional(),
});

/** `nats-server.conf`. */
export const natsConfig = defineDocument('nats-config', ServerInput, ({ accountsFile, ...options }) =>
  renderServerWith(options, accountsFile).trimEnd(),
);

const AccountsInput = z
  .strictObject({
    fleet: FleetId,
    controlSeed: UserSeed,
    agentSeeds: z.record(Token, UserSeed),
    knightSeed: UserSeed.exactOptional(),
  })
  .superRefine(({ controlSeed, agentSeeds, knightSeed }, context) => {
    const seen = new Map([[controlSeed, 'controlSeed']]);
    const others = Object.entries(agentSeeds).map(([name, key]) => ({ path: ['agentSeeds', name], key }));
    for (const { path, key } of [
      ...others,
      ...(knightSeed ? [{ path: ['knightSeed'], key: knightSeed }] : []),
    ]) {
      const other = seen.get(key);
      if (other) {
        const message = `is the same as ${other}: everybody has a seed of their own`;
        context.addIssue({ code: 'custom', path, message });
      }
      seen.set(key, path.join('.'));
    }
  });

/** `accounts.conf`, which `nats-server.conf` includes. */
export const natsAccounts = defineDocument(
  'nats-accounts',
  AccountsInput,
  ({ fleet, controlSeed, agentSeeds, knightSeed }) =>
    renderAccounts({
      fleet,
      controlKey: controlSeed,
      agentKeys: agentSeeds,
      ...(knightSeed === undefined ? {} : { knightKey: knightSeed }),
    }).trimEnd(),
);

const Secret = z.string().min(1, 'write a token');
const ChatInput = z.strictObject({ team: Token, humanToken: Secret, bots: z.record(Token, Secret) });

/** The seed of the chat stand-in: it holds the tokens it is given. */
export const standinSeed = defineDocument('standin-seed', ChatInput, (options) =>
  JSON.stringify(chatSeed(options), undefined, 2),
);
