import type { AskRequest, SocketReply, SocketRequest } from '#core/action-socket.ts';
import { messageOf } from '#core/errors.ts';
import { type ControlApi, getFromControl } from '../parts/control-api.ts';

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
  try {
    const got = await getFromControl(api, `/v1/artifacts/${digest}`, 'reading the file', signal);
    if (got.ok) return { kind: 'file', content: got.body.toString('base64') };
    return { kind: 'refused', sentence: got.sentence };
  } catch (error) {
    signal.throwIfAborted();
    const sentence = `the control plane at ${api.url} does not answer: ${messageOf(error)}`;
    return { kind: 'refused', sentence };
  }
}
