import { z } from 'zod';

/** The part of JSON Schema that zod writes for our schemas. */
export const JsonSchema = z.object({
  type: z.string().optional(),
  format: z.string().optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minItems: z.number().optional(),
  pattern: z.string().optional(),
  get items() {
    return JsonSchema.optional();
  },
  get properties() {
    return z.record(z.string(), JsonSchema).optional();
  },
});
export type JsonSchema = z.output<typeof JsonSchema>;

/** The JSON Schema of what may be written, and the same in the form the pages are made of. */
export function jsonSchemaOf(schema: z.ZodType): { readonly json: object; readonly parsed: JsonSchema } {
  const json = z.toJSONSchema(schema, { io: 'input' });
  return { json, parsed: JsonSchema.parse(json) };
}

export interface Field {
  /** Dotted; `[]` after the name of a list of objects. */
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  /** The optional object around it, when it is required in that. */
  readonly within?: string;
}

/** Every field of an object that is no object itself, depth first, in the order of the schema. */
export function leavesOf(schema: JsonSchema, prefix = '', optionalAncestor?: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const isRequired = (schema.required ?? []).includes(name);
    const path = `${prefix}${name}`;
    const within = optionalAncestor ?? (isRequired ? undefined : path);
    if (property.properties) return leavesOf(property, `${path}.`, within);
    if (property.items?.properties) return leavesOf(property.items, `${path}[].`, `${path}[]`);
    const required = isRequired && optionalAncestor === undefined;
    return [
      {
        path,
        schema: property,
        required,
        ...(isRequired && optionalAncestor ? { within: optionalAncestor } : {}),
      },
    ];
  });
}

const TOKEN_PATTERN = '^[a-z0-9_-]{1,64}$';

/** What may be written, in words. */
export function typeInWords(schema: JsonSchema): string {
  if (schema.const !== undefined) return `always ${JSON.stringify(schema.const)}`;
  if (schema.enum) return schema.enum.map(String).join(', ');
  if (schema.pattern === TOKEN_PATTERN) return 'token';
  if (schema.format === 'date-time') return 'time, ISO 8601 in UTC';
  if (schema.format === 'uri') return 'URL';
  if (schema.type === 'array') {
    return `list of ${schema.items ? typeInWords(schema.items) : 'anything'}${schema.minItems ? `, at least ${schema.minItems}` : ''}`;
  }
  if (schema.type === 'integer' || schema.type === 'number') return numberInWords(schema);
  if (schema.type === 'string') return textInWords(schema);
  return schema.type === 'object' ? 'map' : (schema.type ?? 'anything');
}

function numberInWords({ type, minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const kind = type === 'integer' ? 'whole number' : 'number';
  const bounds = [
    minimum === undefined ? undefined : `from ${minimum}`,
    exclusiveMinimum === undefined ? undefined : `above ${exclusiveMinimum}`,
    maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : `to ${maximum}`,
  ].filter((bound) => bound !== undefined);
  return [kind, ...bounds].join(' ');
}

function textInWords({ minLength, maxLength }: JsonSchema): string {
  if (maxLength !== undefined) return `text of at most ${maxLength} characters`;
  return minLength === undefined ? 'text' : 'text, not empty';
}
