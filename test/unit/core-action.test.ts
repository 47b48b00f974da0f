import assert from 'node:assert/strict';
import { Action, actionHash, canonicalJson, Question, questionHash } from '#core/action.ts';
import { effectiveTrust } from '#core/trust.ts';

/** Hashes made with sha256sum over the canonical form written by hand. */
const VECTORS: readonly [action: Action, hash: string][] = [
  [
    { kind: 'deploy.production', target: 'web-1', params: { b: 'ü', a: [1, { y: true, x: null }] } },
    '8880ce43748f8ae828f44250e52fbcf0eee98e07aae04d9e08208077856617b2',
  ],
  [
    { target: 't', params: {}, kind: 'noop' },
    'b1fdf1f16d2f5185c7d8e6d6b02ce20c051596426b3e717e7a3f57f2363fdeee',
  ],
];

describe('the hash of an action', () => {
  it('is SHA-256 over its canonical JSON, in whatever order it was written', async () => {
    for (const [action, hash] of VECTORS) assert.equal(await actionHash(action), hash);
    assert.equal(
      await questionHash({ text: 'Which colour?', choices: ['teal', 'rust'] }),
      '1844bb96addc6d96eb371f2b01918a145b30c0b0de1188009c637accbe2c2667',
    );
    assert.equal(
      await questionHash({ text: 'Which colour?' }),
      'd9b9b207eb3142a77e6ec3871541c6a960cda90627dc5eae6d3e0aca0073e079',
    );
  });

  it('is another one for any other action', async () => {
    const base: Action = { kind: 'a', target: 'b', params: { n: 1, list: [1, 2] } };
    const others: Action[] = [
      { ...base, kind: 'b', target: 'a' },
      { ...base, target: 'b ' },
      { ...base, params: { n: '1', list: [1, 2] } },
      { ...base, params: { n: 1, list: [2, 1] } },
      { ...base, params: { n: 1, list: [1, 2], more: null } },
      { ...base, params: {} },
    ];

    const hashes = await Promise.all([base, ...others].map(actionHash));

    assert.equal(new Set(hashes).size, hashes.length);
  });
});

describe('canonical JSON', () => {
  it('sorts keys by code unit, at every depth, and writes no white space', () => {
    const value = { b: { ä: 1, z: 2, Z: 3 }, a: [{ y: 0, x: '"\n' }], 10: 1, 9: 2 };

    assert.equal(canonicalJson(value), '{"10":1,"9":2,"a":[{"x":"\\"\\n","y":0}],"b":{"Z":3,"z":2,"ä":1}}');
  });

  it('refuses what is not JSON, and what nobody nests so deep', () => {
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, () => 1, { a: undefined }]) {
      assert.throws(() => canonicalJson(value), TypeError);
    }
    const rounded = { kind: 'a', target: 'b', params: { id: Number('9007199254740993') } };
    assert.throws(() => canonicalJson(rounded.params), /write it as a string/);
    assert.match(String(Action.safeParse(rounded).error), /integers beyond 2\^53 as strings/);
    let deep: unknown = 1;
    for (let depth = 0; depth < 40; depth += 1) deep = [deep];
    assert.throws(() => canonicalJson(deep), /nested/);
    assert.equal(Action.safeParse({ kind: 'a', target: 'b', params: { deep } }).success, false);
  });
});

describe('an action, and a question', () => {
  it('are refused when they are not one, or say more than what is decided', () => {
    const action = { kind: 'deploy.production', target: 'web-1', params: {} };
    const bad: object[] = [
      { ...action, kind: 'Deploy now!' },
      { ...action, target: '' },
      { ...action, params: [] },
      { ...action, params: { text: 'x'.repeat(128_000) } },
      { ...action, also: 'this' },
    ];

    assert.equal(Action.safeParse(action).success, true);
    for (const each of bad)
      assert.equal(Action.safeParse(each).success, false, JSON.stringify(each).slice(0, 80));
    assert.equal(Question.safeParse({ text: ' ' }).success, false);
    assert.equal(Question.safeParse({ text: 'Which?', choices: ['only one'] }).success, false);
  });
});

describe('how far a request is trusted', () => {
  it('is as far as who asks, and never further than it says itself', () => {
    const trust = (
      author: string,
      requester: 'human' | 'bot',
      claimed?: 'owner' | 'member' | 'bot' | 'external',
    ) => effectiveTrust({ author, requester, claimed });

    assert.equal(trust('control', 'human'), 'owner');
    assert.equal(trust('athena', 'human'), 'member');
    assert.equal(trust('athena', 'bot'), 'bot');
    assert.equal(trust('athena', 'human', 'owner'), 'member', 'not raised');
    assert.equal(trust('athena', 'bot', 'member'), 'bot', 'not raised');
    assert.equal(trust('athena', 'human', 'external'), 'external');
    assert.equal(trust('control', 'human', 'bot'), 'bot');
  });
});
