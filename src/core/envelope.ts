import { z } from 'zod';

export const TrustLabel = z.enum(['owner', 'member', 'bot', 'external']);
export type TrustLabel = z.output<typeof TrustLabel>;

/**
 * What every message carries: CloudEvents 1.0.2 in structured JSON mode, with our extension attributes.
 * Unknown attributes are kept, so that an older process can pass on what a newer one wrote.
 */
const Attributes = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  subject: z.string().min(1),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  olympustrust: TrustLabel.optional(),
  olympusorigin: z.string().optional(),
  olympusdepth: z.int().nonnegative().optional(),
});

export interface MessageHead {
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly time: string;
  readonly olympustrust?: TrustLabel;
  readonly olympusorigin?: string;
  readonly olympusdepth?: number;
}

/** A kind of message: its type, its schema and its meaning in one place. */
export function defineMessage<Type extends string, Data extends z.ZodType>(definition: {
  readonly type: Type;
  readonly title: string;
  readonly data: Data;
}) {
  const schema = Attributes.extend({ type: z.literal(definition.type), data: definition.data });
  return {
    ...definition,
    schema,
    /** A complete message of this kind, checked. */
    create(head: MessageHead, data: z.input<Data>): z.output<typeof schema> {
      return schema.parse({
        specversion: '1.0',
        datacontenttype: 'application/json',
        ...head,
        type: definition.type,
        data,
      });
    },
  };
}

const Typed = z.looseObject({ type: z.string() });

export type ParsedMessage<T> =
  | { readonly kind: 'ok'; readonly message: T }
  | { readonly kind: 'unknown_type'; readonly type: string }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Reads the bytes of a message as one of `definitions`; never throws. */
export function parseMessage<T extends { type: string; schema: z.ZodType }>(
  bytes: Uint8Array | string,
  definitions: readonly T[],
): ParsedMessage<z.output<T['schema']>> {
  let json: unknown;
  try {
    json = JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
  } catch {
    return { kind: 'invalid', reason: 'the body is not JSON' };
  }
  const typed = Typed.safeParse(json);
  if (!typed.success) return { kind: 'invalid', reason: 'the body is not a CloudEvent: it has no type' };
  const definition = definitions.find((candidate) => candidate.type === typed.data.type);
  if (!definition) return { kind: 'unknown_type', type: typed.data.type };
  const parsed = definition.schema.safeParse(json);
  if (parsed.success) return { kind: 'ok', message: parsed.data as z.output<T['schema']> };
  return { kind: 'invalid', reason: z.prettifyError(parsed.error) };
}
