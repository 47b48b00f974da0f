import type { SocketRequest } from '#core/action-socket.ts';
import type { ControlApi } from '../parts/control-api.ts';
import type { Answer } from './action-server.ts';
import type { Asking } from './asking.ts';
import type { CodeWork } from './code-work.ts';
import { readFile } from './read-file.ts';
import type { Writing } from './writing.ts';

export interface AnsweringOptions {
  readonly api: ControlApi | undefined;
  readonly asking: Pick<Asking, 'ask'>;
  readonly writing: Pick<Writing, 'write'>;
  readonly code: Pick<CodeWork, 'clone' | 'push'>;
}

/** What turns are answered on the socket: each request by the part that it is for. */
export function answering({
  api,
  asking,
  writing,
  code,
}: AnsweringOptions): (request: SocketRequest, signal: AbortSignal, body?: string) => Promise<Answer> {
  return async (request, signal, body = '') => {
    switch (request.ask) {
      case 'approval':
      case 'question':
      case 'agent':
        return asking.ask(request, signal);
      case 'write':
        return writing.write(request, signal);
      case 'clone':
        return code.clone(request, signal);
      case 'push':
        return code.push(request, body, signal);
      case 'file':
        return readFile(api, request.digest, signal);
      default:
        return request satisfies never;
    }
  };
}
