import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** One recorded request and its answer. */
export interface Exchange {
  readonly as: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly response: unknown;
}

/** A recorded line of a WebSocket transcript. */
export type TranscriptStep =
  | { readonly dir: 'client' | 'server'; readonly frame: Readonly<Record<string, unknown>> }
  | { readonly step: string }
  | { readonly note: unknown };

const RECORDINGS = path.resolve(import.meta.dirname, '../../recordings/mattermost');

/** Reads a recording of the real server. */
export function readRecording<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(RECORDINGS, name), 'utf8')) as T;
}

/** Counters and times that depend on what happened before the recording began: only their type is compared. */
const HISTORY_DEPENDENT = new Set([
  'total_msg_count',
  'total_msg_count_root',
  'last_post_at',
  'last_root_post_at',
  'last_viewed_at',
  'last_update_at',
  'last_activity_at',
  'mention_count',
  'mention_count_root',
  'msg_count',
  'msg_count_root',
]);

/** Texts that are new each time: only their type is compared. */
const ALWAYS_NEW = new Set([
  'request_id',
  'token',
  'trigger_id',
  'server_version',
  'server_hostname',
  'invite_id',
]);

/** Fields that hold JSON as text. */
const JSON_TEXTS = new Set(['post', 'thread', 'reaction']);

const ID = /^[a-z0-9]{26}$/;

/** A direct channel is named by its two ids in order, a group channel by a hash of its members' ids. */
const DIRECT_NAME = /^[a-z0-9]{26}__[a-z0-9]{26}$/;
const GROUP_NAME = /^[0-9a-f]{40}$/;

/** Knows which of our ids and times stands for which recorded one, and learns as it compares. */
export class Translator {
  readonly #ids = new Map<string, string>();
  readonly #times = new Map<number, number>();

  learn(recorded: string, ours: string): void {
    this.#ids.set(recorded, ours);
  }

  /** A recorded text with our ids in place of the recorded ones, and our times after `since=`. */
  translate(text: string): string {
    const named = text.replace(/[a-z0-9]{26}/g, (id) => this.#ids.get(id) ?? id);
    return named.replace(/since=(\d+)/, (_, time) => `since=${this.#times.get(Number(time)) ?? time}`);
  }

  /** The same for any JSON value; shortened texts are written out in full again. */
  translateValue(value: unknown): unknown {
    return JSON.parse(this.translate(JSON.stringify(value)), (_key, item) =>
      typeof item === 'string' ? expand(item) : item,
    );
  }

  /** Fails unless our value is the recorded one: same keys, types and texts, ids that stand for the recorded ids. */
  same(ours: unknown, recorded: unknown, at: string): void {
    if (Array.isArray(recorded)) {
      assert.ok(Array.isArray(ours), `${at} is a list`);
      assert.equal(ours.length, recorded.length, `${at} has as many entries`);
      for (const [index, item] of recorded.entries()) this.same(ours[index], item, `${at}[${index}]`);
    } else if (isObject(recorded)) {
      assert.ok(isObject(ours), `${at} is an object, not ${JSON.stringify(ours)}`);
      for (const key of Object.keys(recorded)) {
        if (JSON_TEXTS.has(key) && typeof recorded[key] === 'string') continue;
        this.same(ours[this.translate(key)], recorded[key], `${at}.${key}`);
      }
      const keys = Object.keys(recorded).map((key) => this.translate(key));
      assert.deepEqual(Object.keys(ours).sort(), keys.sort(), `${at} has the same keys`);
      for (const key of Object.keys(recorded).filter((each) => JSON_TEXTS.has(each))) {
        const text = recorded[key];
        if (typeof text !== 'string') continue;
        this.same(JSON.parse(String(ours[key])), JSON.parse(text), `${at}.${key}`);
      }
    } else this.#sameScalar(ours, recorded, at);
  }

  #sameScalar(ours: unknown, recorded: unknown, at: string): void {
    const field = at.slice(at.lastIndexOf('.') + 1);
    assert.equal(
      kindOf(ours),
      kindOf(recorded),
      `${at}: ${JSON.stringify(ours)} for ${JSON.stringify(recorded)}`,
    );
    if (ALWAYS_NEW.has(field) || HISTORY_DEPENDENT.has(field)) return;
    if (typeof recorded === 'number' && recorded > 1e12) {
      assert.ok(typeof ours === 'number' && ours > 1e12, `${at} is a time`);
      if (!this.#times.has(recorded)) this.#times.set(recorded, ours);
    } else if (typeof recorded === 'string' && ID.test(recorded) && !this.#ids.has(recorded)) {
      assert.match(String(ours), ID, `${at} is an id`);
      this.learn(recorded, String(ours));
    } else if (typeof recorded === 'string' && GROUP_NAME.test(recorded)) {
      assert.match(String(ours), GROUP_NAME, `${at} is the name of a group channel`);
    } else if (typeof recorded === 'string' && DIRECT_NAME.test(recorded)) {
      const expected = this.translate(recorded).split('__').sort().join('__');
      assert.equal(ours, expected, `${at} names the two in the order of their ids`);
    } else if (typeof recorded === 'string') {
      assert.equal(ours, expand(this.translate(recorded)), at);
    } else assert.equal(ours, recorded, at);
  }
}

/** Fails unless each of our entries has the form (keys and types) of one of the recorded entries. */
export function sameShapes(ours: readonly unknown[], recorded: readonly unknown[], at: string): void {
  const shapes = new Set(recorded.map((item) => JSON.stringify(shapeOf(item))));
  assert.ok(ours.length > 0, `${at} is not empty`);
  for (const [index, item] of ours.entries()) {
    const shape = JSON.stringify(shapeOf(item));
    assert.ok(
      shapes.has(shape),
      `${at}[${index}] has a recorded form: ${shape} is none of ${[...shapes].join(' ')}`,
    );
  }
}

function shapeOf(value: unknown, field = ''): unknown {
  if (field === 'props' || field === 'metadata') return 'free';
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (!isObject(value)) return kindOf(value);
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, shapeOf(value[key], key)]),
  );
}

/** Long texts were recorded as a beginning and a length. */
function expand(text: string): string {
  const shortened = /^([\s\S]+)…<(\d+) chars>$/.exec(text);
  const [beginning] = shortened?.[1] ?? '';
  if (!shortened || beginning === undefined) return text;
  return beginning.repeat(Number(shortened[2]) / beginning.length);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
