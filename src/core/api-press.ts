import { z } from 'zod';

/** What Mattermost tells of a press of a button, as far as we use it (its "interactive messages"). */
export const Press = z.looseObject({
  user_id: z.string().min(1).max(256),
  user_name: z.string().max(256),
  /** What we wrote into the button. */
  context: z.record(z.string(), z.unknown()),
});
export type Press = z.output<typeof Press>;

/** What Mattermost shows to the one who pressed, and to nobody else. */
export const PressAnswer = z.object({ ephemeral_text: z.string() });
export type PressAnswer = z.output<typeof PressAnswer>;
