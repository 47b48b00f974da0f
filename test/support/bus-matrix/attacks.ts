import { jetstream } from '@nats-io/jetstream';
import { streamNames } from '#core/streams.ts';
import type { BusClient } from './client.ts';
import { FLEET, managerOf, STORED_IN, storedOf } from './fleet-bus.ts';

/** Something an agent may publish, with which it may try more than it may. */
export interface Lever {
  readonly subject: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Asks the agent's consumer of this stream for work, or acknowledges what that has delivered, each time something new. */
  readonly worksOn?: { readonly stream: string; readonly acknowledges: boolean; readonly pulls: boolean };
}

/** Everything `agent` may publish, with bodies that make the server answer. */
export function leversOf(agent: string): Lever[] {
  const own = [
    `${FLEET}.requests.${agent}.task-create`,
    `${FLEET}.runs.${agent}.run1.claimed`,
    `${FLEET}.results.security.${agent}.task1`,
    `${FLEET}.heartbeat.${agent}`,
    `$KV.leases.${agent}`,
  ];
  return [
    ...own.map((subject) => ({ subject, body: '{"seq":1}' })),
    ...own.flatMap((subject) => HEADERS.map((headers) => ({ subject, body: '{}', headers }))),
    ...[streamNames.tasks, streamNames.deliveries].flatMap((stream): Lever[] => [
      {
        subject: `$JS.API.CONSUMER.MSG.NEXT.${stream}.${agent}`,
        body: '{"batch":1,"no_wait":true}',
        worksOn: { stream, acknowledges: false, pulls: true },
      },
      ...['+WPI', '-NAK', '+TERM', '+ACK', '+NXT'].map((body): Lever => {
        const worksOn = { stream, acknowledges: true, pulls: body === '+NXT' };
        return { subject: `$JS.ACK.${stream}.${agent}`, body, worksOn };
      }),
    ]),
  ];
}

/** Headers that the server acts upon. */
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'Nats-Rollup': 'all' },
  { 'Nats-Rollup': 'sub' },
  { 'Nats-TTL': '1s' },
  { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': `${FLEET}.requests.apollo.task-create` },
];

/**
 * Where `other`, or everybody, would be hit by an answer of the server. `acks` are the subjects on which the other one
 * acknowledges what was delivered to it: an empty answer there would be taken for its word.
 */
export function hostileRepliesTo(other: string, acks: readonly string[] = []): string[] {
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
    ...[streamNames.tasks, streamNames.deliveries].map(
      (stream) => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${other}`,
    ),
    ...acks,
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
      const { name, config: own, delivered, ack_floor } = consumer;
      const reached = name === agent ? {} : { delivered, ack_floor };
      lines.push(`  consumer ${name} ${JSON.stringify({ ...own, ...reached })}`);
    }
  }
  return lines.toSorted().join('\n');
}

function tokens(subject: string): string[] {
  return subject.split('.');
}

/** Tries each lever of athena with each reply; there is always work to be had, after `letTakeMuch`. `check` is called after each lever. */
export async function attack(
  athena: BusClient,
  control: BusClient,
  replies: readonly string[],
  check: (lever: Lever) => Promise<void>,
): Promise<number> {
  const { consumers } = await managerOf(control);
  let tried = 0;
  for (const lever of leversOf('athena')) {
    const { worksOn } = lever;
    const taken = async (): Promise<number> =>
      worksOn ? (await consumers.info(worksOn.stream, 'athena')).delivered.consumer_seq : 0;
    const takenBefore = await taken();
    for (const reply of replies) {
      if (worksOn) for (const part of ['a', 'b']) await newWork(control, `run${tried}${part}`);
      const subject =
        worksOn?.acknowledges === true
          ? ((await athena.pull(worksOn.stream, 'athena')).reply ?? '')
          : lever.subject;
      await athena.publishRaw(subject, lever.body, { ...lever, reply });
      // Answered after the attack was: what the server does about that one, it has begun.
      await athena.request(`${FLEET}.heartbeat.athena`, '{}');
      tried += 1;
    }
    await check(lever);
    const took = (await taken()) - takenBefore;
    // Nothing is handed out to a reply that nobody in the account of who asks could hear; a call of JetStream could.
    const calls = replies.filter((reply) => reply.startsWith('$JS.API.')).length;
    const expected = (worksOn?.acknowledges ? replies.length : 0) + (worksOn?.pulls ? calls : 0);
    if (took < expected)
      throw new Error(`${lever.subject} ${lever.body} took ${took} messages of ${expected}`);
  }
  return tried;
}

/** Releases a run to athena, and says what to her. */
export async function newWork(control: BusClient, run: string): Promise<void> {
  for (const subject of workOf(run)) await jetstream(control.connection).publish(subject, '{}');
}

/** Otherwise the consumers of athena would hand out no more after the first few: what an attack takes is not acknowledged. */
export async function letTakeMuch(control: BusClient): Promise<void> {
  const { consumers } = await managerOf(control);
  for (const stream of [streamNames.tasks, streamNames.deliveries]) {
    await consumers.update(stream, 'athena', { max_ack_pending: 100_000 });
  }
}

function workOf(run: string): [task: string, delivery: string] {
  return [`${FLEET}.tasks.security.athena.${run}`, `${FLEET}.deliveries.athena.${run}`];
}
