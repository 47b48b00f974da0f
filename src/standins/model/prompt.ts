import { createHash } from 'node:crypto';

/** One message of a prompt, reduced to its text. `tool` is a result the caller sends back for a tool call. */
export interface PromptMessage {
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
}

/** What a model was asked, the same for every wire format. */
export interface Prompt {
  readonly model: string;
  /** All system and developer texts, joined by a blank line. */
  readonly system: string;
  readonly messages: readonly PromptMessage[];
}

/**
 * The digest of the whole prompt, as lower-case hex: SHA-256 over the UTF-8 bytes of
 * `JSON.stringify([system, [role, text], [role, text], …])`, messages in the order they came.
 * The model's name, tools and sampling settings are not part of it.
 */
export function promptDigest(prompt: Prompt): string {
  return sha256(JSON.stringify([prompt.system, ...prompt.messages.map(({ role, text }) => [role, text])]));
}

/**
 * The text of the last message a person wrote; empty if there is none. What an agent runtime adds between
 * `<<<BEGIN_…>>>` and `<<<END_…>>>`, as OpenClaw does after every message, is not what a person wrote.
 */
export function lastUserText(prompt: Prompt): string {
  const written = prompt.messages
    .filter(({ role }) => role === 'user')
    .map(({ text }) => text.replaceAll(/<<<BEGIN_(\w+)>>>[\s\S]*?<<<END_\1>>>/g, '').trim());
  return written.findLast((text) => text !== '') ?? '';
}

/**
 * What the stand-in says when no script tells it otherwise: that it is a script, an echo, the digest of the
 * prompt, and proof of every `nonce:…` the system prompt held without repeating the nonce itself.
 */
export function defaultAnswer(prompt: Prompt): string {
  const nonces = new Set(prompt.system.match(/nonce:[0-9a-z-]+/g) ?? []);
  return [
    'This is a scripted model standing in for a real one; nobody thought about this answer.',
    `You said: ${lastUserText(prompt).slice(0, 200)}`,
    `prompt-digest: ${promptDigest(prompt)}`,
    ...[...nonces].map((nonce) => `seen ${sha256(nonce)}`),
  ].join('\n');
}

/** A plausible count of tokens: four characters each, as the rule of thumb goes. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** The tokens of everything a prompt holds. */
export function promptTokens(prompt: Prompt): number {
  return countTokens(prompt.system + prompt.messages.map(({ text }) => text).join(''));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
