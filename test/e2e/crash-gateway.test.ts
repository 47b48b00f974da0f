import { describeDeaths, EVERY_POINT } from '#test/deaths.ts';

// The other half is beside it: a gateway takes half a minute to start, and two fleets can do that at once.
describeDeaths({ gateway: EVERY_POINT.slice(0, 4) });
