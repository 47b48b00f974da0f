import { describeDeaths, EVERY_POINT } from '#test/deaths.ts';

describeDeaths({ daemon: EVERY_POINT, control: EVERY_POINT, 'nats-server': EVERY_POINT });
