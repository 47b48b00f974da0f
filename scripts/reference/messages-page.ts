import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { allMessages } from '../../src/core/messages/all.ts';
import { SCHEMAS } from './files.ts';
import { type JsonSchema, jsonSchemaOf, leavesOf, typeInWords } from './json-schema.ts';
import { code, page, table } from './markdown.ts';
import { commentsIn } from './source-comments.ts';

const FOLDER = 'src/core/messages';

type Message = (typeof allMessages)[number];

/** The messages on the bus, with a JSON Schema each: content by path. */
export function renderMessages(root: string): Map<string, string> {
  const sources = readSources(path.join(root, FOLDER));
  const pages = new Map<string, string>();
  const sections = allMessages.map((message) => {
    const { json, parsed } = jsonSchemaOf(message.schema);
    pages.set(
      `${SCHEMAS}/${message.type}.json`,
      `${JSON.stringify({ title: message.title, ...json }, undefined, 2)}\n`,
    );
    return section(message, parsed, sources);
  });
  const envelope = `Every message is a CloudEvent 1.0.2 in structured JSON mode. Receivers keep fields that they do not know.
A token is 1 to 64 of \`a-z\`, \`0-9\`, \`_\` and \`-\`. \`<f>\` stands for the fleet. Attributes that all messages share:`;
  pages.set(
    'docs/reference/messages.md',
    page('Messages', [`${FOLDER}/`], [envelope, fields(attributesOf()), ...sections]),
  );
  return pages;
}

function attributesOf(): JsonSchema {
  const { parsed } = jsonSchemaOf(allMessages[0].schema);
  const { data: _data, type: _type, ...properties } = parsed.properties ?? {};
  return { ...parsed, properties };
}

function section(message: Message, schema: JsonSchema, sources: readonly string[]): string {
  const source = sources.find((text) => text.includes(`type: '${message.type}'`));
  if (source === undefined) throw new Error(`no file of ${FOLDER} declares the type ${message.type}`);
  const [, name = ''] = /export const (\w+) = defineMessage/.exec(source) ?? [];
  const comment = commentsIn(source).get(name);
  if (comment === undefined) throw new Error(`${message.type} has no comment above its definition`);
  const data = schema.properties?.['data'];
  if (data === undefined) throw new Error(`${message.type} has no data`);
  return [
    `## ${message.title}`,
    `${code(message.type)} · [JSON Schema](schemas/${message.type}.json)`,
    comment,
    fields(data),
  ].join('\n\n');
}

function fields(schema: JsonSchema): string {
  return table(
    ['field', 'type', 'required'],
    leavesOf(schema).map((field) => [
      code(field.path),
      typeInWords(field.schema),
      field.within ? `in ${code(field.within)}` : field.required ? 'yes' : '',
    ]),
  );
}

function readSources(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'));
}
