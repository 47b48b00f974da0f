import { describeDeaths } from '#test/deaths.ts';

describeDeaths({
  'the whole host': ['released', 'begun', 'ended', 'answering'],
  mattermost: ['answering', 'answered'],
});
