import type { SocketReply } from '#core/action-socket.ts';
import { messageOf } from '#core/errors.ts';
import { type ControlApi, getFromControl } from '../parts/control-api.ts';

/** What is in a file that came with a message, or why it cannot be had. Control gives an agent only what its own daemon brought. */
export async function readFile(
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
