/** A JSON object whose fields have not been looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object, or undefined when it is something else. */
export function asObject(value: unknown): JsonObject | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as JsonObject;
}

/** The field as text, or `fallback` when it is absent or of another type. */
export function textOf(object: JsonObject, field: string, fallback = ''): string {
  const value = object[field];
  return typeof value === 'string' ? value : fallback;
}

/** The field as a number, or `fallback` when it is absent or of another type. */
export function numberOf(object: JsonObject, field: string, fallback: number): number {
  const value = object[field];
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}

/** The texts of an array; anything else counts as none. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** Parsed JSON, or undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The objects of an array; anything else counts as none. */
export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject).filter((item) => item !== undefined) : [];
}
