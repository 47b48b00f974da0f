import { z } from 'zod';
import { ChatAccount, isLikeChatId, type Standing } from './chat-account.ts';

const ChannelKey = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    'write the name of a channel as it stands in its address, such as town-square, or its id of 26 characters',
  );

/** Those who may; a list that is empty lets nobody. */
const Allowed = z
  .strictObject(
    {
      users: z.array(ChatAccount, 'write a list of accounts, such as [ada]').optional(),
      roles: z
        .array(
          z.enum(
            ['system_admin', 'system_user', 'system_guest'],
            'write system_admin, system_user or system_guest, as the chat server calls them',
          ),
          'write a list of roles, such as [system_admin]',
        )
        .optional(),
    },
    'write who may, such as {users: [ada], roles: [system_admin]}',
  )
  .refine(
    ({ users, roles }) => users !== undefined || roles !== undefined,
    'write users, roles or both; {users: []} lets nobody',
  );
type Allowed = z.output<typeof Allowed>;

/** Who may give agents work in chat, and where. What it does not speak of is open to all but guests. */
export const ChatAccess = z.strictObject({
  /** By name or id of a channel. */
  channels: z
    .record(ChannelKey, Allowed, 'write channels, each with who may: leads: {users: [ada]}')
    .default({}),
  /** In every channel that is not named, groups of people included. */
  others: Allowed.optional(),
  /** In direct messages. */
  direct: Allowed.optional(),
});
export type ChatAccess = z.output<typeof ChatAccess>;

/** Who asks in chat, as the server had them just then. A daemon of before says nothing of how they stand. */
export interface ChatAsker {
  readonly id: string;
  readonly name: string;
  readonly standing?: Standing | undefined;
  readonly roles?: readonly string[] | undefined;
}

/** Where they ask; a channel without a name is one that nobody has named. */
export interface ChatPlace {
  readonly id: string;
  readonly name: string | undefined;
  readonly isDirect: boolean;
}

/** Why this person may not give agents work there; undefined where they may. */
export function withoutAccess(
  access: ChatAccess,
  asker: ChatAsker,
  place: ChatPlace,
): 'standing' | 'list' | undefined {
  if (asker.standing === 'deactivated') return 'standing';
  const allowed = listFor(access, place);
  if (!allowed) return asker.standing === 'guest' ? 'standing' : undefined;
  return isOn(allowed, asker) ? undefined : 'list';
}

function listFor({ channels, others, direct }: ChatAccess, { id, name, isDirect }: ChatPlace) {
  if (isDirect) return direct;
  const byId = own(channels, id);
  return byId ?? (name === undefined || isLikeChatId(name) ? undefined : own(channels, name)) ?? others;
}

function isOn({ users = [], roles = [] }: Allowed, asker: ChatAsker): boolean {
  const name = asker.name.toLowerCase();
  if (users.includes(asker.id) || (!isLikeChatId(name) && users.includes(name))) return true;
  return roles.some((role) => asker.roles?.includes(role));
}

function own(channels: ChatAccess['channels'], key: string): Allowed | undefined {
  return Object.hasOwn(channels, key) ? channels[key] : undefined;
}
