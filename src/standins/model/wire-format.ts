import type { Prompt } from './prompt.ts';

/** An answer before it is put into a provider's shape. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly createdSeconds: number;
  readonly text: string;
  readonly toolCall?: { readonly name: string; readonly args: unknown };
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** One provider's way of saying things: every behaviour is written once, in respond.ts, against this. */
export interface WireFormat {
  readonly name: 'openai' | 'anthropic';
  readonly path: string;
  /** The key a request carries, if any. */
  keyOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined;
  /** Throws a TypeError for a body that is no prompt. */
  promptOf(body: unknown): {
    readonly prompt: Prompt;
    readonly stream: boolean;
    readonly usageChunk: boolean;
  };
  error(status: number, message: string | undefined): unknown;
  whole(answer: Answer): unknown;
  /** Server-sent events of a streamed answer, in three parts. */
  opening(answer: Answer): string;
  delta(answer: Answer, text: string): string;
  ending(answer: Answer, usageChunk: boolean): string;
}

/** One server-sent event. */
export function sse(payload: unknown, event?: string): string {
  return `${event ? `event: ${event}\n` : ''}data: ${typeof payload === 'string' ? payload : JSON.stringify(payload)}\n\n`;
}

/** A value as an object with string keys; a TypeError that names `what` otherwise. */
export function asRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${what} must be an object`);
  }
  return Object.fromEntries(Object.entries(value));
}

/** A value as an array; a TypeError that names `what` otherwise. */
export function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} must be an array`);
  return value;
}

/** The text of a content field, which is a string or a list of parts; parts without text count for nothing. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) => {
      const { text } = asRecord(part, 'a content part');
      return typeof text === 'string' ? text : '';
    })
    .join('\n');
}
