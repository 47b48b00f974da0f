import { describeDeaths, EVERY_POINT } from '#test/deaths.ts';

describeDeaths({ gateway: EVERY_POINT.slice(4) });
