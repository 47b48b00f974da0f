import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gateFor, levelFor, Policies } from '#core/policy.ts';
import { ConfigError } from '#lib/config.ts';
import { readPolicies } from '../../src/control/approvals/policies.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

describe('the policies', () => {
  const policies = Policies.parse({
    gates: [
      { name: 'web', kinds: ['deploy.web'] },
      { name: 'production', kinds: ['deploy.*', 'release'], approvals: 2 },
    ],
  });
  for (const [kind, gate] of [
    ['deploy.web', 'web'],
    ['deploy.web-2', 'production'],
    ['deploy.web.blue', 'production'],
    ['deploy', 'production'],
    ['deployed', undefined],
    ['deployment.web', undefined],
    ['release', 'production'],
    ['release.candidate', undefined],
  ] as const) {
    it(`have ${kind} pass ${gate ?? 'no gate'}`, () => {
      assert.equal(gateFor(policies, { kind })?.name, gate);
    });
  }

  describe('let agents go as far', () => {
    const own = Policies.parse({
      gates: [{ name: 'speech', kinds: ['github.comment-upsert'] }],
      autonomy: [
        { kinds: ['github.label-set'], level: 'do', trust: 'bot' },
        { kinds: ['github.issue-create', 'github.comment-upsert'], level: 'tell' },
        { kinds: ['github.*'], level: 'deny' },
      ],
    });
    for (const [kind, trust, level] of [
      ['github.label-set', 'bot', 'do'],
      ['github.label-set', 'external', 'ask'],
      ['github.issue-create', 'owner', 'tell'],
      ['github.issue-create', 'member', 'tell'],
      ['github.issue-create', 'bot', 'ask'],
      ['github.issue-create', 'external', 'ask'],
      ['github.pr-merge', 'owner', 'deny'],
      ['github.comment-upsert', 'owner', 'ask'],
      ['deploy.production', 'owner', 'ask'],
    ] as const) {
      it(`as ${level} says, with ${kind} for ${trust}`, () => {
        assert.equal(levelFor(own, { kind }, trust), level);
      });
    }
  });

  it('of the checkout can be used, and gate the four kinds of things that need a person', () => {
    const read = readPolicies(path.join(ROOT, 'agents', 'policies.yml'));
    assert.ok(read);

    const kinds = ['deploy.production', 'infrastructure.change', 'data.export', 'delete.database'];
    assert.deepEqual(
      kinds.map((kind) => gateFor(read, { kind })?.name),
      ['production', 'infrastructure', 'sensitive-data', 'destructive'],
    );
  });

  describe('that cannot be used', () => {
    let dir: string;
    before(() => {
      dir = mkdtempSync(path.join(tmpdir(), 'policies-'));
    });
    after(() => rmSync(dir, { recursive: true }));

    for (const [what, text, sentence] of [
      [
        'a kind that is a pattern',
        "gates: [{name: a, kinds: ['*']}]",
        /:1:\d+: gates\.0\.kinds\.0: write a kind/,
      ],
      [
        'a level for what an agent only says that it does',
        'gates: []\nautonomy: [{kinds: [deploy.web], level: do}]',
        /:2:\d+: autonomy\.0\.kinds\.0: write a kind that begins with github\./,
      ],
      [
        'a level for what comes from outside',
        'gates: []\nautonomy: [{kinds: [github.*], level: do, trust: external}]',
        /autonomy\.0\.trust: write owner, member or bot: what comes from outside always asks/,
      ],
      ['no kind', 'gates: [{name: a, kinds: []}]', /gates\.0\.kinds: name at least one kind/],
      ['a field that there is not', 'gates:\n  - {name: a, kinds: [b], approver: [c]}', /:2:\d+: .*approver/],
      ['no people', 'gates: [{name: a, kinds: [b], approvers: []}]', /approvers: name at least one person/],
      [
        'more approvals than people',
        'gates: [{name: a, kinds: [b], approvals: 2, approvers: [c, c]}]',
        /gates\.0\.approvers: 2 approvals cannot be had of 1 person/,
      ],
      [
        'the same name in other letters',
        'gates: [{name: a, kinds: [b], approvals: 2, approvers: [jane, Jane]}]',
        /gates\.0\.approvers: 2 approvals cannot be had of 1 person/,
      ],
      ['six approvals', 'gates: [{name: a, kinds: [b], approvals: 6}]', /ask at most 5 people/],
      ['a time without a unit', 'gates: [{name: a, kinds: [b], within: 4}]', /gates\.0\.within/],
      [
        'a name twice',
        'gates: [{name: a, kinds: [b]}, {name: a, kinds: [c]}]',
        /gates\.1\.name: there is a gate a/,
      ],
    ] as const) {
      it(`are refused with file, line and field: ${what}`, () => {
        const file = path.join(dir, 'policies.yml');
        writeFileSync(file, text);

        assert.throws(
          () => readPolicies(file),
          (error) =>
            error instanceof ConfigError && error.message.includes(file) && sentence.test(error.message),
        );
      });
    }
  });
});
