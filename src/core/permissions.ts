import { bucketNames, keySubject, streamNames } from './streams.ts';
import { AgentName, FleetId } from './tokens.ts';

/**
 * The one table of who may do what on the bus. Accounts, users, imports and exports of nats-server are generated from
 * it; what is not in it is refused by the server. Control has an account of its own without limits inside it, and it
 * alone has JetStream; each agent has an account that reaches control's only by what stands here.
 */
export interface Grant {
  readonly operation: string;
  /**
   * `call`: publishes there and is answered; it goes into control's account as a service.
   * `serve`: control calls it there.
   * `listen`: reads it inside its own account.
   * `hear`: reads what control says there; it comes out of control's account as a stream, and no answer goes back.
   */
  readonly does: 'call' | 'serve' | 'listen' | 'hear';
  /** `<fleet>` and `<agent>` are filled in. */
  readonly subject: string;
  /** A call that may be answered by more than one message. */
  readonly manyAnswers?: true;
}

/** Streams of which each agent has a consumer, named like the agent. */
const PULLED = [streamNames.tasks, streamNames.deliveries] as const;

/** What an agent may do. */
export const agentGrants: readonly Grant[] = [
  { operation: 'request', does: 'call', subject: '<fleet>.requests.<agent>.*' },
  { operation: 'report a run', does: 'call', subject: '<fleet>.runs.<agent>.*.*' },
  { operation: 'hand in a result', does: 'call', subject: '<fleet>.results.*.<agent>.*' },
  { operation: 'heartbeat', does: 'call', subject: '<fleet>.heartbeat.<agent>' },
  ...PULLED.flatMap((stream): Grant[] => [
    {
      operation: `pull from ${stream}`,
      does: 'call',
      subject: `$JS.API.CONSUMER.MSG.NEXT.${stream}.<agent>`,
      manyAnswers: true,
    },
    { operation: `acknowledge in ${stream}`, does: 'call', subject: `$JS.ACK.${stream}.<agent>.>` },
  ]),
  { operation: 'hold its lease', does: 'call', subject: keySubject(bucketNames.leases, '<agent>') },
  { operation: 'be told', does: 'serve', subject: '<fleet>.control.<agent>.*' },
  { operation: 'be answered', does: 'listen', subject: '_INBOX_<agent>.>' },
];

/** What the one user may do that still asks by the older subjects: ask, be answered, hear what came of it. */
export const knightGrants: readonly Grant[] = [
  { operation: 'ask as a knight is asked', does: 'call', subject: 'knight.*.task' },
  { operation: 'hear results', does: 'hear', subject: 'knight.*.result' },
  { operation: 'be answered', does: 'listen', subject: '_INBOX_knight.>' },
];

/** The same grants with the subjects of one agent; throws on a name that the grammar of subjects does not allow. */
export function grantsOf(fleet: string, agent: string, grants: readonly Grant[] = agentGrants): Grant[] {
  const names = { '<fleet>': FleetId.parse(fleet), '<agent>': AgentName.parse(agent) };
  return grants.map((grant) => ({
    ...grant,
    subject: grant.subject.replaceAll(/<fleet>|<agent>/g, (name) => names[name as keyof typeof names]),
  }));
}
