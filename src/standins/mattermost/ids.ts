import { randomBytes } from 'node:crypto';

const ALPHABET = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** A new 26-character id in Mattermost's base32 alphabet (model/utils.go: NewId). */
export function newMattermostId(): string {
  let id = '';
  for (const byte of randomBytes(26)) id += ALPHABET[byte % 32];
  return id;
}

/** Whether `text` has the form of an id: 26 letters and digits (model/utils.go: IsValidId). */
export function isMattermostId(text: string): boolean {
  return /^[A-Za-z0-9]{26}$/.test(text);
}
