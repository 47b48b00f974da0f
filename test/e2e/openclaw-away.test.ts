import assert from 'node:assert/strict';
import type { AgentView } from '#core/api.ts';
import { CliCaller } from '#test/cli-call.ts';
import { startFleet, type TestFleet } from '#test/fleet.ts';
import { waitFor } from '#test/wait.ts';

describe('the olympus command, when the gateway of an agent is away', () => {
  let fleet: TestFleet;
  before(async function () {
    this.timeout(400_000);
    fleet = await startFleet();
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
  });

  const athenaIs = (phase: AgentView['phase']) =>
    waitFor(
      `athena to be ${phase}`,
      async () => {
        const { agents } = await fleet.api<{ agents: AgentView[] }>('/v1/agents');
        return agents.length > 0 && agents.every((agent) => agent.phase === phase);
      },
      { timeoutMs: 30_000 },
    );

  it('names it in status and doctor, and where to look', async () => {
    const cli = new CliCaller(fleet.stateDir);
    // Heard as ready first: the phase from before she was warm says nothing about the gateway that is away.
    await athenaIs('Ready');
    await fleet.agent('athena').gateway.process.halt();
    await athenaIs('NotReady');

    const [status, doctor] = await Promise.all([cli.run(['status']), cli.run(['doctor'])]);

    assert.deepEqual([status.code, doctor.code], [1, 1]);
    for (const { stdout } of [status, doctor]) {
      assert.match(stdout, /✗ athena openclaw .*\n +→ .*gateway\.log/);
    }
  });
});
