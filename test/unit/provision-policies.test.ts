import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findingLine } from '#provision/inventory/finding.ts';
import { checkPolicies } from '#provision/inventory/policies.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';

const JANE = { name: 'Jane', scopes: ['read', 'decide'] };
const RAJ = { name: 'raj', scopes: ['read'] };

describe('the policies of a fleet, beside the people of its inventory', () => {
  let dir: TempDir;
  beforeEach(async () => {
    dir = await tempDir('fleet-policies');
    mkdirSync(path.join(dir.path, 'agents'));
  });
  afterEach(() => dir[Symbol.asyncDispose]());

  const findings = (people: Parameters<typeof checkPolicies>[1]): string[] =>
    checkPolicies(dir.path, people).map(
      (finding) => `${finding.severity} ${path.relative(dir.path, findingLine(finding))}`,
    );
  const gate = (fields: string): void =>
    writeFileSync(
      path.join(dir.path, 'agents', 'policies.yml'),
      `gates:\n  - {name: production, kinds: [deploy.*], ${fields}}\n`,
    );

  it('are refused where there is no file: setup would fail half way', () => {
    assert.deepEqual(findings([]), [
      'error agents/policies.yml:1:1: there is no such file, and control does not start without it: write gates: [] into it where nothing is gated, or name another file in control_policies_file.',
    ]);
  });

  it('are warned of where fewer people may decide than have to approve', () => {
    gate('approvals: 2');
    assert.deepEqual(findings([JANE, RAJ]), [
      'warning agents/policies.yml:2:54: gates.0.approvals: 2 people have to approve, and 1 in api_tokens of the inventory has the scope decide.',
    ]);
    assert.deepEqual(findings([JANE, { ...RAJ, scopes: ['decide'] }]), []);
    gate('approvals: 1');
    assert.deepEqual(findings([]), []);
  });

  it('are warned of where an approver may not approve, or is nobody', () => {
    gate('approvers: [jane, raj, rja]');
    assert.deepEqual(findings([JANE, RAJ]), [
      'warning agents/policies.yml:2:61: gates.0.approvers.1: raj may not approve: give them the scope decide in api_tokens of the inventory.',
      'warning agents/policies.yml:2:66: gates.0.approvers.2: nobody is called rja in api_tokens of the inventory: only the operator could approve as rja. Did you mean raj?',
    ]);
  });
});
