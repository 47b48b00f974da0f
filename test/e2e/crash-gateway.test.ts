import { describeDeaths, EVERY_POINT, type PointName } from '#test/deaths.ts';

/**
 * Before it is asked, while it is, and after. A gateway takes half a minute of two processors to start, so the points
 * between are seen with `OLYMPUS_KILLS=all`.
 */
const SOME: readonly PointName[] = ['recorded', 'begun', 'asked', 'ended'];

describeDeaths({ gateway: process.env['OLYMPUS_KILLS'] === 'all' ? EVERY_POINT : SOME });
