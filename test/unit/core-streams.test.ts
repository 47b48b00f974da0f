import assert from 'node:assert/strict';
import { streamTaking } from '#core/stream-taking.ts';
import {
  agentConsumersOf,
  bucketNames,
  buckets,
  type ConsumerSpec,
  controlConsumersOf,
  type StreamSpec,
  streamNames,
  streamsOf,
} from '#core/streams.ts';
import { subjectsOf } from '#core/subjects.ts';

const FLEET = 'olympus';
const AGENTS = ['athena', 'apollo', 'hermes'];
const DAY_MS = 24 * 3600 * 1000;

const streams = streamsOf(FLEET);
const consumers = [
  ...controlConsumersOf(FLEET),
  ...AGENTS.flatMap((agent) => agentConsumersOf(FLEET, agent)),
];

describe('the streams', () => {
  for (const stream of streams) {
    it(`${stream.name} states every limit`, () => {
      const { maxAgeMs, maxBytes, maxMsgSize, duplicateWindowMs, maxMsgsPerSubject, discard, subjects } =
        stream;
      for (const limit of [maxAgeMs, maxBytes, maxMsgSize, duplicateWindowMs]) {
        assert.ok(Number.isSafeInteger(limit) && limit > 0, `${JSON.stringify(stream)}`);
      }
      for (const count of [maxMsgsPerSubject, stream.maxMsgs, stream.maxConsumers]) {
        assert.ok(count === -1 || (Number.isSafeInteger(count) && count > 0));
      }
      assert.ok(duplicateWindowMs <= maxAgeMs, 'the server refuses a window above the age');
      assert.ok(maxMsgSize < maxBytes);
      assert.ok(subjects.length > 0);
      // Work and objects are refused when there is no room; history makes room by forgetting.
      assert.equal(discard, stream.retention === 'workqueue' || stream.objects ? 'new' : 'old');
    });
  }

  it('have a name each, and every name has its stream', () => {
    assert.deepEqual(streams.map(({ name }) => name).toSorted(), Object.values(streamNames).toSorted());
  });

  it('take every subject once', () => {
    const subjects = subjectsOf(FLEET);
    const published: readonly [subject: string, stream: string][] = [
      [subjects.request('athena', 'task-create'), streamNames.requests],
      [subjects.task('planning', 'athena', 'run-1'), streamNames.tasks],
      [subjects.runEvent('athena', 'run-1', 'claimed'), streamNames.runlog],
      [subjects.result('planning', 'athena', 'task-1'), streamNames.results],
      [subjects.heartbeat('athena'), streamNames.heartbeat],
      [subjects.delivery('athena', 'd-1'), streamNames.deliveries],
      [subjects.event('task', 'task-1', 'complete'), streamNames.events],
      [subjects.deadLetter('ROUNDTABLE_TASKS', 'athena'), streamNames.deadLetters],
      [subjects.knightResult('athena'), streamNames.results],
      ['knight.athena.task', streamNames.requests],
    ];

    for (const [subject, stream] of published) {
      const taking = streams.filter((each) => each.subjects.some((filter) => takes(filter, subject)));
      assert.deepEqual(
        taking.map(({ name }) => name),
        [stream],
        subject,
      );
      assert.equal(streamTaking(subject), stream);
    }
  });

  it('take nothing that is no subject of a fleet', () => {
    const { control } = subjectsOf(FLEET);

    for (const subject of [control('athena', 'cancel'), 'olympus.tasks', 'knight.athena', 'tasks.athena.x']) {
      assert.throws(() => streamTaking(subject), /no stream takes/, subject);
    }
  });

  it('hold nothing that is only for the moment', () => {
    const { control } = subjectsOf(FLEET);
    const taken = streams.some(({ subjects }) =>
      subjects.some((filter) => takes(filter, control('athena', 'cancel'))),
    );
    assert.equal(taken, false);
  });

  it('keep work longer than any deadline, and a released run once', () => {
    const tasks = streamCalled(streamNames.tasks);

    assert.equal(tasks.maxMsgsPerSubject, 1);
    assert.ok(tasks.maxAgeMs > 7 * DAY_MS);
  });
});

describe('the buckets', () => {
  for (const bucket of buckets) {
    it(`${bucket.name} states every limit`, () => {
      const { history, maxBytes, maxValueSize, duplicateWindowMs, ttlMs, writtenBy } = bucket;
      for (const limit of [history, maxBytes, maxValueSize, duplicateWindowMs])
        assert.ok(Number.isSafeInteger(limit) && limit > 0);
      assert.deepEqual([bucket.maxMsgs, bucket.maxConsumers, bucket.discard], [-1, -1, 'new']);
      assert.ok(ttlMs === 0 || duplicateWindowMs <= ttlMs, 'the server refuses a window above the age');
      assert.ok(maxValueSize < maxBytes);
      // What agents write goes by itself: nobody clears up after one that is gone.
      assert.ok(writtenBy === 'agents' ? ttlMs > 0 : ttlMs >= 0);
    });
  }

  it('have a name each, and every name has its bucket', () => {
    assert.deepEqual(buckets.map(({ name }) => name).toSorted(), Object.values(bucketNames).toSorted());
  });
});

describe('the consumers', () => {
  for (const consumer of consumers) {
    it(`${consumer.durable} of ${consumer.stream} states every limit`, () => {
      const { ackWaitMs, maxAckPending, maxWaiting, maxDeliver, inactiveMs } = consumer;
      for (const limit of [ackWaitMs, maxAckPending, maxWaiting]) {
        assert.ok(Number.isSafeInteger(limit) && limit > 0);
      }
      assert.ok(maxDeliver === -1 || maxDeliver > 1);
      for (const limit of [consumer.maxBatch, consumer.maxPullBytes, consumer.maxExpiresMs]) {
        assert.ok(Number.isSafeInteger(limit) && limit >= 0);
      }
      assert.equal(inactiveMs, 0, 'one that goes by itself forgets what was delivered how often');
    });
  }

  it('never overlap in a work queue: the server would refuse the second', () => {
    const queues = streams.filter(({ retention }) => retention === 'workqueue');
    for (const queue of queues) {
      const filters = consumers.filter(({ stream }) => stream === queue.name).map(({ filter }) => filter);
      for (const [index, filter] of filters.entries()) {
        for (const other of filters.slice(index + 1)) {
          assert.equal(overlap(filter, other), false, `${queue.name}: ${filter} and ${other}`);
        }
      }
    }
  });

  it('lie inside the subjects of their stream', () => {
    for (const consumer of consumers.filter(({ filter }) => filter !== '>')) {
      const { subjects } = streamCalled(consumer.stream);
      assert.ok(
        subjects.some((each) => overlap(each, consumer.filter)),
        consumer.filter,
      );
    }
  });

  it('take all that is sent to their agent, and nothing of another', () => {
    const subjects = subjectsOf(FLEET);
    const [tasks, deliveries] = agentConsumersOf(FLEET, 'athena') as [ConsumerSpec, ConsumerSpec];

    assert.ok(takes(tasks.filter, subjects.task('planning', 'athena', 'run-1')));
    assert.ok(!takes(tasks.filter, subjects.task('athena', 'apollo', 'run-1')));
    assert.ok(takes(deliveries.filter, subjects.delivery('athena', 'd-1')));
    assert.ok(!takes(deliveries.filter, subjects.delivery('apollo', 'athena')));
  });

  it('hand out more than one message at a time, and give work up after a bounded number of tries', () => {
    const [tasks] = agentConsumersOf(FLEET, 'athena') as [ConsumerSpec];

    // What a killed daemon had in hand must not hold back the next task.
    assert.ok(tasks.maxAckPending > 16);
    assert.ok(tasks.maxDeliver > 1);
  });

  it('have a name each in their stream', () => {
    const names = consumers.map(({ stream, durable }) => `${stream} ${durable}`);
    assert.equal(new Set(names).size, names.length);
  });
});

function streamCalled(name: string): StreamSpec {
  const stream = streams.find((each) => each.name === name);
  assert.ok(stream, name);
  return stream;
}

/** Whether a subject without wildcards is one that `filter` takes. */
function takes(filter: string, subject: string): boolean {
  return overlap(filter, subject);
}

/** Whether some subject matches both, by the server's rules for * and >. */
function overlap(a: string, b: string): boolean {
  const left = a.split('.');
  const right = b.split('.');
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [x, y] = [left[index], right[index]];
    if (x === undefined || y === undefined) return false;
    if (x === '>' || y === '>') return true;
    if (x !== y && x !== '*' && y !== '*') return false;
  }
  return true;
}
