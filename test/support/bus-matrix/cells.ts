import { streamNames } from '#core/streams.ts';
import { neighboursOf } from './neighbours.ts';

/** One thing that a client of the bus can try, and whether an agent may. Written by hand, apart from the table of permissions that it judges. */
export interface Cell {
  readonly does: 'publish' | 'subscribe';
  readonly subject: string;
  readonly allowed: boolean;
}

const STREAMS = [...Object.values(streamNames), 'KV_agents', 'KV_leases'];
/** Where each agent has a consumer. */
const PULLED: readonly string[] = [streamNames.tasks, streamNames.deliveries];

/** What JetStream offers for a stream; `%` is the stream. */
const STREAM_CALLS = [
  'STREAM.INFO.%',
  'STREAM.CREATE.%',
  'STREAM.UPDATE.%',
  'STREAM.DELETE.%',
  'STREAM.PURGE.%',
  'STREAM.MSG.GET.%',
  'STREAM.MSG.DELETE.%',
  'STREAM.SNAPSHOT.%',
  'STREAM.RESTORE.%',
  'STREAM.PEER.REMOVE.%',
  'STREAM.LEADER.STEPDOWN.%',
  'DIRECT.GET.%',
  'DIRECT.GET.%.some.subject',
  'CONSUMER.NAMES.%',
  'CONSUMER.LIST.%',
  'CONSUMER.CREATE.%',
  'CONSUMER.CREATE.%.evil',
  'CONSUMER.CREATE.%.evil.some.subject',
  'CONSUMER.DURABLE.CREATE.%.evil',
];

/** And for one of its consumers; `#` is the consumer. */
const CONSUMER_CALLS = [
  'CONSUMER.INFO.%.#',
  'CONSUMER.DELETE.%.#',
  'CONSUMER.PAUSE.%.#',
  'CONSUMER.UNPIN.%.#',
  'CONSUMER.LEADER.STEPDOWN.%.#',
];

/** Every cell of `agent`, with `other` an agent of the same fleet. */
export function cellsOf(fleet: string, agent: string, other: string): Cell[] {
  const publish = (allowed: boolean, subjects: readonly string[]): Cell[] =>
    subjects.map((subject) => ({ does: 'publish', subject, allowed }));
  const subscribe = (allowed: boolean, subjects: readonly string[]): Cell[] =>
    subjects.map((subject) => ({ does: 'subscribe', subject, allowed }));
  const own = spokenBy(fleet, agent);
  const heard = [`_INBOX_${agent}.abc`, `${fleet}.control.${agent}.cancel`];
  return [
    ...publish(true, own),
    ...subscribe(true, heard),
    ...publish(false, [
      ...spokenBy(fleet, other),
      ...spokenBy(fleet, 'control'),
      ...spokenBy('elsewhere', agent).filter((subject) => subject.startsWith('elsewhere.')),
      ...pullsOf(
        STREAMS.filter((stream) => !PULLED.includes(stream)),
        agent,
      ),
      ...controlsOwn(fleet, agent, other),
      ...jetstreamCalls(agent, other),
      ...neighboursOf(own),
    ]),
    ...subscribe(false, [...listenedTo(fleet, other), ...neighboursOf(heard)]),
  ];
}

/** Every cell of the user that asks by the older subjects, with `agent` an agent of the fleet. */
export function knightCellsOf(fleet: string, agent: string): Cell[] {
  const publish = (allowed: boolean, subjects: readonly string[]): Cell[] =>
    subjects.map((subject) => ({ does: 'publish', subject, allowed }));
  const subscribe = (allowed: boolean, subjects: readonly string[]): Cell[] =>
    subjects.map((subject) => ({ does: 'subscribe', subject, allowed }));
  const asked = `knight.${agent}.task`;
  const heard = ['_INBOX_knight.abc', `knight.${agent}.result`];
  return [
    ...publish(true, [asked, 'knight.nobody.task']),
    ...subscribe(true, [...heard, 'knight.*.result']),
    ...publish(false, [
      ...spokenBy(fleet, agent),
      ...spokenBy(fleet, 'control'),
      ...controlsOwn(fleet, agent, 'other').filter((subject) => !/^knight\.\w+\.task$/.test(subject)),
      ...jetstreamCalls(agent, 'other'),
      ...pullsOf(
        STREAMS.filter((stream) => !PULLED.includes(stream)),
        agent,
      ),
      ...neighboursOf([asked], [agent]),
      'knight.task',
    ]),
    ...subscribe(false, [
      ...listenedTo(fleet, agent),
      ...neighboursOf(heard, [agent]),
      asked,
      'knight.*.task',
      `knight.${agent}.*`,
    ]),
  ];
}

/** What an agent says. */
function spokenBy(fleet: string, agent: string): string[] {
  return [
    `${fleet}.requests.${agent}.task-create`,
    `${fleet}.requests.${agent}.approval`,
    `${fleet}.runs.${agent}.run1.claimed`,
    `${fleet}.results.security.${agent}.task1`,
    `${fleet}.heartbeat.${agent}`,
    `$KV.leases.${agent}`,
    ...pullsOf(PULLED, agent),
  ];
}

/** How the consumer named like the agent is pulled from and acknowledged. */
function pullsOf(streams: readonly string[], agent: string): string[] {
  return streams.flatMap((stream) => [
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${agent}`,
    `$JS.ACK.${stream}.${agent}.1.1.1.1789000000000000000.0`,
  ]);
}

/** What control alone says, and what is nobody's. */
function controlsOwn(fleet: string, agent: string, other: string): string[] {
  return [
    ...[agent, other].flatMap((name) => [
      `${fleet}.tasks.security.${name}.run1`,
      `${fleet}.deliveries.${name}.d1`,
      `${fleet}.control.${name}.cancel`,
      `knight.${name}.task`,
      `knight.${name}.result`,
      `$KV.agents.${name}`,
      `_INBOX_${name}.abc`,
    ]),
    `roundtable.events.${fleet}.task.t1.completed`,
    `roundtable.peer.${fleet}.elsewhere.ask`,
    `${fleet}.ingress.github.push`,
    '_INBOX.abc',
    '_R_.abc',
    'anything',
    '$KV.leases.control.more',
    '$KV.flags.stop',
    '$O.artifacts.C.abc',
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.ACCOUNT.CONTROL.INFO',
    '$SYS.REQ.USER.INFO',
    `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${streamNames.tasks}.${agent}`,
  ];
}

function jetstreamCalls(agent: string, other: string): string[] {
  const global = ['INFO', 'STREAM.NAMES', 'STREAM.LIST', 'ACCOUNT.PURGE.CONTROL', 'META.LEADER.STEPDOWN'];
  const calls = [...global, 'SERVER.REMOVE', 'STREAM.CREATE.EVIL'];
  for (const stream of STREAMS) {
    calls.push(...STREAM_CALLS.map((call) => call.replace('%', stream)));
    for (const consumer of [agent, other, 'control']) {
      calls.push(...CONSUMER_CALLS.map((call) => call.replace('%', stream).replace('#', consumer)));
    }
    // Its own are in `spokenBy`, and so are the other's where agents have consumers.
    calls.push(`CONSUMER.MSG.NEXT.${stream}.some`);
  }
  return calls.map((call) => `$JS.API.${call}`);
}

/** What an agent must not hear. */
function listenedTo(fleet: string, other: string): string[] {
  const ofFleet = ['requests', 'tasks', 'runs', 'results', 'heartbeat', 'deliveries', 'control'];
  return [
    '>',
    '*.>',
    `${fleet}.>`,
    ...ofFleet.map((kind) => `${fleet}.${kind}.>`),
    `${fleet}.control.${other}.cancel`,
    `${fleet}.control.*.cancel`,
    `${fleet}.deliveries.${other}.*`,
    `${fleet}.tasks.*.${other}.*`,
    'roundtable.>',
    'knight.>',
    '_INBOX.>',
    `_INBOX_${other}.>`,
    '_R_.>',
    '$JS.>',
    '$JS.API.>',
    '$JS.ACK.>',
    '$JS.EVENT.>',
    '$KV.>',
    '$SYS.>',
    '$SRV.>',
  ];
}
