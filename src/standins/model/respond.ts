import type { ServerResponse } from 'node:http';
import type { Clock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import { countTokens, defaultAnswer, type Prompt, promptTokens } from './prompt.ts';
import type { Behaviour, Script } from './script.ts';
import type { Answer, WireFormat } from './wire-format.ts';

export interface Exchange {
  readonly format: WireFormat;
  readonly prompt: Prompt;
  readonly stream: boolean;
  readonly usageChunk: boolean;
  readonly behaviour: Behaviour;
  readonly script: Script;
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** Aborts when the caller hangs up or the stand-in closes. */
  readonly signal: AbortSignal;
}

/** Plays one behaviour on one open response. Resolves when everything is said or the caller is gone. */
export async function respond(exchange: Exchange): Promise<void> {
  const { behaviour, format, prompt, response, script, signal } = exchange;
  if (behaviour.kind === 'hang') return gone(signal);
  if (behaviour.kind === 'error') {
    if (behaviour.retryAfterSeconds !== undefined) {
      response.setHeader('retry-after', String(behaviour.retryAfterSeconds));
    }
    const body = behaviour.body ?? format.error(behaviour.status, behaviour.message);
    return sendJson(response, behaviour.status, body);
  }
  if (behaviour.kind === 'hold') await script.hold(prompt, signal);
  if (signal.aborted) return;
  const answer = answerOf(exchange);
  if (exchange.stream) return streamAnswer(exchange, answer);
  if (behaviour.kind === 'slow') await exchange.clock.sleep(behaviour.overMs, signal);
  if (behaviour.kind === 'disconnect') return void response.destroy();
  sendJson(response, 200, format.whole(answer));
}

/** A whole JSON response. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function streamAnswer(exchange: Exchange, answer: Answer): Promise<void> {
  const { behaviour, format, response, clock, signal } = exchange;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write(format.opening(answer));
  const pieces = answer.toolCall ? [] : piecesOf(answer.text, behaviour.kind === 'long' ? 2_000 : 40);
  const pauseMs = behaviour.kind === 'slow' ? behaviour.overMs / Math.max(1, pieces.length) : 0;
  for (const [index, piece] of pieces.entries()) {
    if (behaviour.kind === 'disconnect' && index >= pieces.length / 2) return void response.destroy();
    await written(response, format.delta(answer, piece));
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    if (signal.aborted) return;
  }
  response.end(format.ending(answer, exchange.usageChunk));
}

/** Resolves when the bytes have left, so that a connection broken afterwards is broken in the middle. */
function written(response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => response.write(text, () => resolve()));
}

function answerOf({ behaviour, prompt, clock }: Exchange): Answer {
  const text = textFor(behaviour, prompt);
  const toolCall = behaviour.kind === 'tool' ? { name: behaviour.name, args: behaviour.args } : undefined;
  return {
    id: newId(clock.now()),
    model: prompt.model,
    createdSeconds: Math.floor(clock.now() / 1000),
    text,
    ...(toolCall ? { toolCall } : {}),
    inputTokens: promptTokens(prompt),
    outputTokens: countTokens(toolCall ? JSON.stringify(toolCall) : text),
  };
}

function textFor(behaviour: Behaviour, prompt: Prompt): string {
  if (behaviour.kind === 'long')
    return 'All work and no play. '.repeat(behaviour.characters / 22 + 1).slice(0, behaviour.characters);
  if ('text' in behaviour && behaviour.text !== undefined) return behaviour.text;
  return defaultAnswer(prompt);
}

function piecesOf(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

function gone(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
