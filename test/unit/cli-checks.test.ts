import assert from 'node:assert/strict';
import type { AgentView, TaskView } from '#core/api.ts';
import { agentChecks, missing } from '../../src/cli/checks/agents.ts';
import { partChecks, queueCheck } from '../../src/cli/checks/control.ts';
import { nodeCheck } from '../../src/cli/checks/local.ts';
import type { Whereabouts } from '../../src/cli/whereabouts.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const WHERE: Whereabouts = {
  control: 'control.log',
  bus: 'bus.log',
  daemon: (agent) => `${agent}.log`,
  gateway: (agent) => `${agent}-gateway.log`,
};

function agent(more: Partial<AgentView> = {}): AgentView {
  return {
    name: 'athena',
    role: 'lead',
    domains: ['planning'],
    version: '0.1.0',
    phase: 'Ready',
    conditions: [
      { name: 'bus', ready: true },
      { name: 'chat', ready: true },
    ],
    runs: 1,
    concurrency: 2,
    lastSeenAt: new Date(NOW - 3000).toISOString(),
    ...more,
  };
}

function queuedTask(minutesAgo: number): TaskView {
  const at = new Date(NOW - minutesAgo * MINUTE).toISOString();
  return {
    id: '01a1fd88-a6eb-72ce-b4c3-07a344e2e229',
    agent: 'athena',
    domain: 'planning',
    state: 'queued',
    summary: 'Requested',
    text: 'x',
    priority: 2,
    requester: 'human',
    attempts: 0,
    createdAt: new Date(NOW - 600 * MINUTE).toISOString(),
    updatedAt: at,
    deadline: at,
  };
}

describe('the checks of agents', () => {
  it('pass for one that is ready', () => {
    assert.deepEqual(agentChecks([agent()], NOW, WHERE), [
      { name: 'athena', ok: true, what: 'Ready (bus, chat), at work on 1 of 2 runs, seen 3 s ago' },
    ]);
  });

  it('warn of one that was drained, however it is, and say how to undo it', () => {
    const drain = {
      state: 'drained',
      by: 'ada',
      why: 'new kernel',
      since: new Date(NOW).toISOString(),
    } as const;
    const [check, ...others] = agentChecks([agent({ phase: 'Silent', drain })], NOW, WHERE);

    assert.deepEqual(others, []);
    assert.deepEqual([check?.ok, check?.warning, check?.what], [true, true, 'drained, by ada: new kernel']);
    assert.match(check?.remedy ?? '', /olympus agent resume athena/);
    assert.equal(missing(agent({ drain })), 'drained, by ada: new kernel');
    assert.equal(queueCheck([queuedTask(75)], [agent({ drain })], NOW).ok, true, 'its work is meant to wait');
  });

  it('name each thing that is missing, with its reason and where to look', () => {
    const conditions = [
      { name: 'bus', ready: true },
      { name: 'openclaw', ready: false, reason: 'connection \u001b[31mrefused' },
      { name: 'other', ready: false },
    ];
    const away = agent({ phase: 'NotReady', conditions });

    const checks = agentChecks([away], NOW, WHERE);

    assert.deepEqual(
      checks.map(({ name, ok, what }) => ({ name, ok, what })),
      [
        { name: 'athena', ok: false, what: 'NotReady, seen 3 s ago' },
        { name: 'athena openclaw', ok: false, what: 'connection refused' },
        { name: 'athena other', ok: false, what: 'not ready; it does not say why' },
      ],
    );
    assert.match(checks[1]?.remedy ?? '', /athena-gateway\.log/);
    assert.equal(missing(away), 'openclaw: connection refused; other');
  });

  it('do not repeat what a silent agent last said of itself', () => {
    const silent = agent({ phase: 'Silent', conditions: [{ name: 'chat', ready: false, reason: 'old' }] });

    const checks = agentChecks([silent], NOW, WHERE);

    assert.equal(checks.length, 1);
    assert.match(checks[0]?.remedy ?? '', /athena\.log/);
    assert.equal(missing(silent), 'no heartbeat');
  });

  it('fail when there is no agent at all', () => {
    assert.deepEqual(
      agentChecks([], NOW, WHERE).map((check) => check.ok),
      [false],
    );
  });
});

describe('the checks of the control plane', () => {
  it('show the bus and the topology always, other parts when they are not well', () => {
    const parts = [
      { name: 'store', live: true, ready: true },
      { name: 'bus', live: true, ready: true },
      { name: 'topology', live: true, ready: false, reason: 'waiting for the bus' },
      { name: 'outbox', live: false, ready: true },
    ];

    const checks = partChecks({ status: 'degraded', version: '0.1.0', parts }, WHERE);

    assert.deepEqual(
      checks.map(({ name, ok, what }) => ({ name, ok, what })),
      [
        { name: 'bus', ok: true, what: 'ready' },
        { name: 'topology', ok: false, what: 'not ready: waiting for the bus' },
        { name: 'outbox', ok: false, what: 'stuck: it does not say why' },
      ],
    );
    assert.match(checks[2]?.remedy ?? '', /Restart/);
  });

  it('fail when a task has been queued for more than ten minutes, however old it is', () => {
    assert.equal(queueCheck([], [], NOW).what, 'nothing waits');
    assert.equal(queueCheck([queuedTask(9)], [], NOW).ok, true);

    const held = { ...queuedTask(75), notBefore: new Date(NOW + MINUTE).toISOString() };
    assert.equal(queueCheck([held], [], NOW).ok, true, 'it is not to be released yet');
    const late = queueCheck([queuedTask(9), queuedTask(11), queuedTask(75)], [], NOW);

    assert.equal(late.ok, false);
    assert.equal(late.what, '2 tasks queued for more than 10 minutes, the oldest for 1 h (athena)');
  });
});

describe('the check of Node', () => {
  it('wants 24.12', () => {
    const versions = ['22.20.0', '24.11.9', '24.12.0', '25.0.0'];

    assert.deepEqual(
      versions.map((version) => nodeCheck(version).ok),
      [false, false, true, true],
    );
  });
});
