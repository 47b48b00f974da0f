import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { sessionKeyOf } from '#core/conversation.ts';
import { parseMessage } from '#core/envelope.ts';
import { allMessages } from '#core/messages/all.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { TaskCreate } from '#core/messages/task-create.ts';

/** Messages as they were written when their type was new. Never changed: what is on a bus, or in a journal, stays as it is. */
const RECORDED = path.resolve(import.meta.dirname, '../recordings/messages');

const recorded = new Map(
  readdirSync(RECORDED).map((file) => [file, readFileSync(path.join(RECORDED, file), 'utf8')]),
);

const HEAD = {
  id: '01990b6e-7c00-7000-8000-000000000001',
  source: '/fleets/olympus/agents/athena',
  subject: 'task/t-1/run/r-1',
  time: '2026-11-20T09:00:00.000Z',
} as const;

const PROGRESS = { taskId: 't-1', runId: 'r-1', epoch: 1, agent: 'athena', event: 'progress' } as const;

describe('a message', () => {
  for (const definition of allMessages) {
    const json = JSON.parse(recorded.get(`${definition.type}.json`) ?? '{}');

    it(`of type ${definition.type} is the same after it was sent`, () => {
      const { specversion: _version, datacontenttype: _content, type: _type, data, ...head } = json;
      // The union of all definitions takes no argument that fits every one of them: the schema is what checks it.
      const create = definition.create as (head: object, data: object) => object;

      const message = create(head, data);
      const parsed = parseMessage(new TextEncoder().encode(JSON.stringify(message)), allMessages);

      assert.deepEqual(parsed, { kind: 'ok', message });
      assert.deepEqual(message, json);
    });

    it(`of type ${definition.type} keeps fields that this version does not know`, () => {
      const newer = { ...json, traceparent: '00-1-2-01', data: { ...json.data, colour: { deep: ['teal'] } } };

      const parsed = parseMessage(JSON.stringify(newer), [definition]);

      assert.deepEqual(parsed, { kind: 'ok', message: newer });
    });

    it(`of type ${definition.type} is invalid without its data`, () => {
      const { data: _data, ...empty } = json;

      const parsed = parseMessage(JSON.stringify(empty), [definition]);

      assert.equal(parsed.kind, 'invalid');
    });
  }

  it('recorded by an older version still parses', () => {
    for (const [file, text] of recorded) {
      assert.equal(parseMessage(text, allMessages).kind, 'ok', file);
    }
  });

  it('of every type was recorded', () => {
    const types = allMessages.map(({ type }) => `${type}.json`);

    assert.deepEqual(
      types.filter((file) => !recorded.has(file)),
      [],
      'write one to test/recordings/messages',
    );
    assert.equal(new Set(types).size, types.length);
  });

  it('of a type this version does not know is told apart from a broken one', () => {
    const newer = { ...RunEventMessage.create(HEAD, PROGRESS), type: 'io.olympus.run.event.v2' };

    assert.deepEqual(parseMessage(JSON.stringify(newer), allMessages), {
      kind: 'unknown_type',
      type: 'io.olympus.run.event.v2',
    });
    assert.deepEqual(parseMessage(JSON.stringify(RunEventMessage.create(HEAD, PROGRESS)), [TaskCreate]), {
      kind: 'unknown_type',
      type: 'io.olympus.run.event.v1',
    });
  });

  it('that cannot be read is invalid, with the reason, and never throws', () => {
    const bodies: readonly [body: string | Uint8Array, reason: RegExp][] = [
      ['', /not JSON/],
      ['{"type":', /not JSON/],
      [new Uint8Array([0xff, 0xfe, 0x00]), /not JSON/],
      ['null', /has no type/],
      ['[]', /has no type/],
      ['{"type":7}', /has no type/],
      [JSON.stringify({ ...RunEventMessage.create(HEAD, PROGRESS), specversion: '2.0' }), /specversion/],
      [JSON.stringify({ ...RunEventMessage.create(HEAD, PROGRESS), time: 'yesterday' }), /time/],
    ];

    for (const [body, reason] of bodies) {
      const parsed = parseMessage(body, allMessages);
      assert.equal(parsed.kind, 'invalid', String(body));
      assert.match(parsed.kind === 'invalid' ? parsed.reason : '', reason);
    }
  });

  it('is refused by its maker when it is not one', () => {
    assert.throws(() => RunEventMessage.create(HEAD, { ...PROGRESS, epoch: 0 }));
    assert.throws(() => RunEventMessage.create(HEAD, { ...PROGRESS, agent: 'Athena' }));
    assert.throws(() => RunEventMessage.create({ ...HEAD, id: '' }, PROGRESS));
    assert.throws(() => RunEventMessage.create(HEAD, { ...PROGRESS, detail: 'x'.repeat(1025) }));
  });
});

describe('the session of a conversation', () => {
  it('is one for all tasks of a thread, and one of its own for a task without', () => {
    const conversation = {
      id: 'mm-root1',
      surface: 'mattermost',
      channelId: 'c1',
      rootId: 'root1',
      postId: 'p2',
    } as const;

    assert.equal(sessionKeyOf({ taskId: 't-1', conversation }), 'olympus:conv:mm-root1');
    assert.equal(sessionKeyOf({ taskId: 't-2', conversation }), 'olympus:conv:mm-root1');
    assert.equal(sessionKeyOf({ taskId: 't-3' }), 'olympus:task:t-3');
  });
});
