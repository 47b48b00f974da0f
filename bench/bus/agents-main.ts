import path from 'node:path';
import { z } from 'zod';
import { Manifest } from '#core/manifest.ts';
import { noUsage } from '#core/usage.ts';
import { systemClock } from '#lib/clock.ts';
import type { Lifecycle } from '#lib/lifecycle.ts';
import { createLogger } from '#lib/log.ts';
import { AgentConfig } from '../../src/agent/config.ts';
import { createDaemon } from '../../src/agent/daemon.ts';
import type { HarnessPart } from '../../src/agent/harness.ts';

/** What the process is told, as JSON in its one argument. */
const Job = z.object({
  fleet: z.string(),
  url: z.string(),
  stateDir: z.string(),
  agents: z.array(z.object({ name: z.string(), seed: z.string(), chatToken: z.string().optional() })),
  /** Where those have an account that have a token for it. */
  chatUrl: z.string().default(''),
  concurrency: z.int(),
});

/** Answers at once: what is measured is everything but the model. */
const instant: HarnessPart = {
  name: 'instant',
  start: async () => undefined,
  stop: async () => undefined,
  health: () => ({ live: true, ready: true }),
  run: async ({ sessionKey }) => ({ kind: 'answered', text: 'done', usage: noUsage, sessionKey }),
  abort: async () => undefined,
};

// Many daemons in one process, each as olympusd composes it: forty processes do not fit on two cores.
const job = Job.parse(JSON.parse(process.argv[2] ?? ''));
const log = createLogger({ name: 'bench-agents', level: 'error' });
const daemons = job.agents.map(({ name, seed, chatToken }) =>
  createDaemon({
    config: AgentConfig.parse({
      OLYMPUS_FLEET: job.fleet,
      OLYMPUS_AGENT: name,
      OLYMPUS_AGENT_DIR: '/unused',
      OLYMPUS_STATE_DIR: path.join(job.stateDir, name),
      OLYMPUS_NATS_URL: job.url,
      OLYMPUS_NATS_SEED_FILE: '/unused',
      OLYMPUS_HEALTH_PORT: '0',
    }),
    manifest: Manifest.parse({
      name,
      role: 'specialist',
      domains: ['bench'],
      limits: { concurrency: job.concurrency },
    }),
    busSeed: seed,
    account: chatToken ? { url: job.chatUrl, token: chatToken } : undefined,
    harness: () => instant,
    version: 'bench',
    log,
    clock: systemClock,
  }),
);
process.once('SIGTERM', () => void Promise.all(daemons.map((daemon: Lifecycle) => daemon.stop(5000))));
await Promise.all(daemons.map((daemon) => daemon.start()));
