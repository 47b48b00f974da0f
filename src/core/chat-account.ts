import { z } from 'zod';

/** An account of the chat server: its name, or its id of 26 characters, which stays when the name is changed. */
export const ChatAccount = z
  .string('write the name of an account, in quotes where it is a number')
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'write the name of an account without @, or its id of 26 characters');

/** How an account stands at the chat server. */
export const Standing = z.enum(['member', 'guest', 'deactivated']);
export type Standing = z.output<typeof Standing>;

const ID = /^[a-z0-9]{26}$/;

/** Whether this is written like an id of the chat server: nobody becomes another by taking their id for a name. */
export function isLikeChatId(name: string): boolean {
  return ID.test(name.toLowerCase());
}
