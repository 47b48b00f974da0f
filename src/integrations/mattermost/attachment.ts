import type { Card } from '#core/card.ts';

/**
 * The buttons of a card as Mattermost wants them in `props.attachments` of a post (its "interactive messages"). The ids of
 * actions have letters and digits alone; `context` comes back with a press, and is shown to nobody.
 */
export function attachmentOf({ url, buttons }: Card): object {
  return {
    fallback: buttons.map(({ name }) => name).join(', '),
    actions: buttons.map(({ name, style, press }, index) => ({
      id: `button${index}`,
      type: 'button',
      name,
      style,
      integration: { url, context: press },
    })),
  };
}
