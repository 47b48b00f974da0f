import assert from 'node:assert/strict';
import { heartbeatOf } from '#test/messages.ts';
import { type Candidate, chooseAgent } from '../../src/control/admission/choose-agent.ts';

interface Said {
  readonly role?: string;
  readonly domains?: string[];
  readonly ready?: boolean;
  readonly inFlight?: number;
}

function candidate(
  name: string,
  { role = 'specialist', domains = ['dev'], ready = true, inFlight = 0 }: Said = {},
) {
  const heartbeat = { ...heartbeatOf(name).data, role, domains };
  return { record: { name, heartbeat, lastSeenAt: 0 }, ready, inFlight } satisfies Candidate;
}

describe('work that names nobody goes', () => {
  const lead = candidate('zoe', { role: 'lead', domains: ['planning'] });

  it('to an agent of its domain, else to a lead', () => {
    const fleet = [lead, candidate('apollo')];

    assert.equal(chooseAgent(fleet, 'dev'), 'apollo');
    assert.equal(chooseAgent(fleet, 'intel'), 'zoe');
    assert.equal(chooseAgent(fleet, undefined), 'zoe');
  });

  it('to one that is ready, then to one with less to do, then by name', () => {
    const sick = candidate('ares', { ready: false });
    const busy = candidate('athena', { inFlight: 2 });

    assert.equal(chooseAgent([sick, busy, candidate('hera', { inFlight: 1 })], 'dev'), 'hera');
    assert.equal(chooseAgent([sick, busy], 'dev'), 'athena');
    assert.equal(chooseAgent([sick], 'dev'), 'ares', 'it waits for one that is away');
    assert.equal(chooseAgent([candidate('b'), candidate('a')], 'dev'), 'a');
  });

  it('to nobody where there is neither', () => {
    assert.equal(chooseAgent([candidate('apollo')], 'intel'), undefined);
    assert.equal(chooseAgent([candidate('apollo')], undefined), undefined);
  });
});
