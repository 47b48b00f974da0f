import assert from 'node:assert/strict';
import type { AgentView } from '#core/api.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';
import { CliCaller } from '../integration/cli-call.ts';

describe('the olympus command, when the gateway of an agent is away', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(180_000);
    fleet = await startFleet();
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
  });

  it('names it in status and doctor, and where to look', async () => {
    const cli = new CliCaller(fleet.stateDir);
    await fleet.agent('athena').gateway.process.halt();
    await waitFor(
      'athena to be NotReady',
      async () => {
        const { agents } = await fleet.api<{ agents: AgentView[] }>('/v1/agents');
        return agents.length > 0 && agents.every((agent) => agent.phase === 'NotReady');
      },
      { timeoutMs: 15_000 },
    );

    const [status, doctor] = await Promise.all([cli.run(['status']), cli.run(['doctor'])]);

    assert.deepEqual([status.code, doctor.code], [1, 1]);
    for (const { stdout } of [status, doctor]) {
      assert.match(stdout, /✗ athena openclaw .*\n +→ .*gateway\.log/);
    }
  });
});
