import type { AskRequest, SocketReply, SocketRequest } from '#core/action-socket.ts';
import { ApiError } from '#core/api.ts';
import { messageOf } from '#core/errors.ts';
import { withDeadline } from '#lib/deadline.ts';
import type { ControlApi } from '../parts/keep-artifact.ts';

const TIMEOUT_MS = 20_000;

/** Answers what is about a file, and has `ask` answer the rest. */
export function readingFiles(
  api: ControlApi | undefined,
  ask: (request: AskRequest, signal: AbortSignal) => Promise<SocketReply>,
): (request: SocketRequest, signal: AbortSignal) => Promise<SocketReply> {
  return (request, signal) =>
    request.ask === 'file' ? readFile(api, request.digest, signal) : ask(request, signal);
}

/** What is in a file that came with a message, or why it cannot be had. Control gives an agent only what its own daemon brought. */
async function readFile(
  api: ControlApi | undefined,
  digest: string,
  signal: AbortSignal,
): Promise<SocketReply> {
  if (!api)
    return {
      kind: 'refused',
      sentence: 'this agent has no way to the files: OLYMPUS_CONTROL_URL is not set',
    };
  const { url, token } = api;
  try {
    return await withDeadline('reading the file', TIMEOUT_MS, signal, async (within) => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${url}/v1/artifacts/${digest}`, { headers, signal: within });
      const bytes = Buffer.from(await response.arrayBuffer());
      if (response.ok) return { kind: 'file', content: bytes.toString('base64') };
      return { kind: 'refused', sentence: sentenceIn(bytes) ?? `${url} answered ${response.status}` };
    });
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'refused', sentence: `the control plane at ${url} does not answer: ${messageOf(error)}` };
  }
}

function sentenceIn(body: Buffer): string | undefined {
  try {
    return ApiError.safeParse(JSON.parse(body.toString())).data?.message;
  } catch {
    return undefined;
  }
}
