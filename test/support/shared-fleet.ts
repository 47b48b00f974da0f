import { startFleet, type TestFleet } from './fleet.ts';

/** Of one channel alone, which is not there before a test makes it. */
const ACCESS = { channels: { guild: { users: ['gilda'] } } };

let fleet: Promise<TestFleet> | undefined;

/** One fleet for all suites that leave it as they found it. Started when first asked for; takes about 15 s. */
export function sharedFleet(): Promise<TestFleet> {
  fleet ??= startFleet({ settings: { OLYMPUS_CHAT_ACCESS: JSON.stringify(ACCESS) } });
  return fleet;
}

// Imported by a test file, this is a root hook: it runs after the last suite, however mocha was started.
after('end the shared fleet', async function () {
  this.timeout(60_000);
  const started = await fleet?.catch(() => undefined);
  await started?.[Symbol.asyncDispose]();
});
