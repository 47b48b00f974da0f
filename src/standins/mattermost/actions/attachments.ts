import { newMattermostId } from '../ids.ts';
import { type JsonObject, objectsOf, textOf } from '../json.ts';
import type { Props } from '../model.ts';

const TEXTS = [
  'fallback',
  'color',
  'pretext',
  'author_name',
  'author_link',
  'author_icon',
  'title',
  'title_link',
  'text',
  'image_url',
  'thumb_url',
  'footer',
  'footer_icon',
] as const;

/** Props with every attachment written out in full and every action given an id (recorded: 69 and 89). */
export function withActionIds(props: Props): Props {
  const attachments = props['attachments'];
  if (!Array.isArray(attachments)) return props;
  return { ...props, attachments: objectsOf(attachments).map(fullAttachment) };
}

function fullAttachment(attachment: JsonObject): JsonObject {
  const texts = Object.fromEntries(TEXTS.map((field) => [field, textOf(attachment, field)]));
  const actions = objectsOf(attachment['actions']).map(fullAction);
  return {
    id: 0,
    ...texts,
    fields: attachment['fields'] ?? null,
    ts: attachment['ts'] ?? null,
    ...(actions.length > 0 ? { actions } : {}),
  };
}

function fullAction(action: JsonObject): JsonObject {
  return { ...action, id: textOf(action, 'id') || newMattermostId() };
}
