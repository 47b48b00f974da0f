import type { Fault, RequestFilter } from './faults.ts';
import { asObject, type JsonObject, numberOf, textOf } from './json.ts';

/** A fault as POST /standin/faults asks for it: something done at once, or a switch that stays on. */
export type FaultOrder =
  | { readonly kind: 'cut-sockets'; readonly user?: string; readonly refuse: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'switch'; readonly fault: Fault };

/** Reads a fault order, or says what is wrong with it. */
export function readFault(body: unknown): FaultOrder | { readonly error: string } {
  const given = asObject(body);
  if (!given) return { error: 'the body must be an object with a kind' };
  const filter = readFilter(given);
  if ('error' in filter) return filter;
  const count = numberOf(given, 'count', numberOf(given, 'n', 1));
  switch (textOf(given, 'kind')) {
    case 'cut-sockets': {
      const user = textOf(given, 'user');
      return { kind: 'cut-sockets', refuse: given['refuse'] === true, ...(user === '' ? {} : { user }) };
    }
    case 'restart':
      return { kind: 'restart' };
    case 'drop-events':
      return { kind: 'switch', fault: { kind: 'drop-events', count } };
    case 'deaf-to-pings':
      return { kind: 'switch', fault: { kind: 'deaf-to-pings', answers: given['answers'] === true } };
    case 'delay':
      return { kind: 'switch', fault: { kind: 'delay', ms: numberOf(given, 'ms', 1000), ...filter } };
    case 'fail-next': {
      const status = numberOf(given, 'status', 500);
      if (status !== 429 && status !== 500 && status !== 501 && status !== 502)
        return { error: 'status must be 429, 500, 501 or 502' };
      return { kind: 'switch', fault: { kind: 'fail-next', status, count, ...filter } };
    }
    case 'answer-lost':
      return { kind: 'switch', fault: { kind: 'answer-lost', count, ...filter } };
    case 'hold': {
      const when = textOf(given, 'when', 'before');
      if (when !== 'before' && when !== 'after') return { error: 'when must be before or after' };
      return { kind: 'switch', fault: { kind: 'hold', when, ...filter } };
    }
    default:
      return {
        error:
          'kind must be one of cut-sockets, restart, drop-events, deaf-to-pings, delay, fail-next, answer-lost, hold',
      };
  }
}

function readFilter(given: JsonObject): RequestFilter | { readonly error: string } {
  const method = textOf(given, 'method');
  const pattern = textOf(given, 'pathPattern');
  try {
    return {
      ...(method === '' ? {} : { method: method.toUpperCase() }),
      ...(pattern === '' ? {} : { pathPattern: new RegExp(pattern) }),
    };
  } catch {
    return { error: `pathPattern is not a regular expression: ${pattern}` };
  }
}
