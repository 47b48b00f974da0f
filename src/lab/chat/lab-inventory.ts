import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { writeIfChanged } from '#provision/files.ts';
import { HUMAN } from '../chat-seed.ts';
import type { ChatServer } from './chat-server.ts';

/** The inventory of every lab, below the checkout. */
export const LAB_INVENTORY = 'inventory/lab';

const MAIN = 'group_vars/all/main.yml';

interface Wanted {
  /** The checkout. */
  readonly root: string;
  /** The lab's own folder. */
  readonly dir: string;
  readonly chat: Pick<ChatServer, 'team' | 'person'>;
  /** Where machines reach the chat server. */
  readonly url: string;
}

/**
 * Writes the lab's inventory with another chat server than the stand-in, and returns its folder. A server outside
 * does not reach the hub, so there are no buttons.
 */
export function writeLabInventory({ root, dir, chat, url }: Wanted): string {
  const from = path.join(root, LAB_INVENTORY);
  const to = path.join(dir, 'inventory');
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.relative(from, path.join(entry.parentPath, entry.name));
    const text = readFileSync(path.join(from, file), 'utf8');
    writeIfChanged(path.join(to, file), file === MAIN ? withChat(text, chat, url) : text, 0o600);
  }
  return to;
}

function withChat(text: string, { team, person }: Wanted['chat'], url: string): string {
  const document = parseDocument(text);
  document.commentBefore = ` Written by \`olympus lab up\` from ${LAB_INVENTORY}, for a chat server outside of the lab.`;
  document.set('standins_enabled', false);
  document.set('mattermost_url', url);
  document.set('mattermost_addresses', []);
  document.set('mattermost_team', team);
  const grants = document.toJS().api_tokens as { name: string }[];
  const human = grants.findIndex(({ name }) => name === HUMAN);
  document.setIn(['api_tokens', human, 'chat'], person.username);
  return document.toString({ lineWidth: 0 });
}
