import { startFleet, type TestFleet } from './fleet.ts';

let fleet: Promise<TestFleet> | undefined;

/** One fleet for all suites that leave it as they found it. Started when first asked for; takes about 15 s. */
export function sharedFleet(): Promise<TestFleet> {
  fleet ??= startFleet();
  return fleet;
}

/** Root hook: ends the shared fleet after the last suite. */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    const started = await fleet?.catch(() => undefined);
    await started?.[Symbol.asyncDispose]();
  },
};
