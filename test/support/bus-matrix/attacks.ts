import { streamNames } from '#core/streams.ts';
import type { BusClient } from './client.ts';
import { FLEET, managerOf, STORED_IN, storedOf } from './fleet-bus.ts';

/** Something an agent may publish, with which it may try more than it may. */
export interface Lever {
  readonly subject: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Everything `agent` may publish, with bodies that make the server answer. `acks` are the subjects on which it
 * acknowledges messages that were delivered to it.
 */
export function leversOf(agent: string, acks: readonly string[]): Lever[] {
  const own = [
    `${FLEET}.requests.${agent}.task-create`,
    `${FLEET}.runs.${agent}.run1.claimed`,
    `${FLEET}.results.security.${agent}.task1`,
    `${FLEET}.heartbeat.${agent}`,
    `$KV.leases.${agent}`,
  ];
  const pulls = [streamNames.tasks, streamNames.deliveries].map(
    (stream) => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${agent}`,
  );
  return [
    ...own.map((subject) => ({ subject, body: '{"seq":1}' })),
    ...own.flatMap((subject) => HEADERS.map((headers) => ({ subject, body: '{}', headers }))),
    ...pulls.map((subject) => ({ subject, body: '{"batch":1,"no_wait":true}' })),
    ...acks.flatMap((subject) => ['+WPI', '+NXT', '-NAK', '+ACK'].map((body) => ({ subject, body }))),
  ];
}

/** Headers that the server acts upon. */
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'Nats-Rollup': 'all' },
  { 'Nats-Rollup': 'sub' },
  { 'Nats-TTL': '1s' },
  { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': `${FLEET}.requests.apollo.task-create` },
];

/** Where `other`, or everybody, would be hit by an answer of the server. */
export function hostileRepliesTo(other: string): string[] {
  const calls = ['STREAM.PURGE', 'STREAM.DELETE', 'STREAM.MSG.DELETE', 'STREAM.UPDATE', 'CONSUMER.CREATE'];
  return [
    ...STORED_IN.flatMap((stream) => calls.map((call) => `$JS.API.${call}.${stream}`)),
    `$JS.API.CONSUMER.DELETE.${streamNames.tasks}.${other}`,
    `$JS.API.CONSUMER.DELETE.${streamNames.requests}.control`,
    `$JS.API.STREAM.CREATE.EVIL`,
    ...storedOf(other),
    ...storedOf('control'),
    `${FLEET}.control.${other}.cancel`,
    `_INBOX_${other}.abc`,
  ];
}

/** All that JetStream holds, apart from what `agent` may change: what it has said itself, and its own consumers. */
export async function stateBeyond(control: BusClient, agent: string): Promise<string> {
  const manager = await managerOf(control);
  const lines: string[] = [];
  for await (const { config } of manager.streams.list()) {
    const { state } = await manager.streams.info(config.name, { subjects_filter: '>' });
    const others = Object.entries(state.subjects ?? {}).filter(
      ([subject]) => !tokens(subject).includes(agent),
    );
    lines.push(`${config.name} ${JSON.stringify(config)} ${JSON.stringify(others.toSorted())}`);
    for (const [subject] of others.toSorted()) {
      const last = await manager.streams.getMessage(config.name, { last_by_subj: subject });
      lines.push(`  ${subject} ${last?.seq} ${last?.string()}`);
    }
    for await (const consumer of manager.consumers.list(config.name)) {
      lines.push(`  consumer ${consumer.name} ${JSON.stringify(consumer.config)}`);
    }
  }
  return lines.toSorted().join('\n');
}

function tokens(subject: string): string[] {
  return subject.split('.');
}
