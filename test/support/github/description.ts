import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { ROUTES } from '../../../src/standins/github/server.ts';

type Json = Readonly<Record<string, unknown>>;

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Json }>>>>;
  readonly components: { readonly schemas: Json; readonly responses: Json };
  readonly 'x-webhooks': Readonly<Record<string, { post: { requestBody: Json } }>>;
}

/** The route of ours and the operation of GitHub's that a call was. */
export interface Operation {
  /** `GET /repos/{owner}/{repo}/issues`, as GitHub writes it. */
  readonly name: string;
  readonly responses: Json;
}

/**
 * GitHub's own description of its API and its events. Only the schemas that are asked for are compiled, each once; the
 * dialect of OpenAPI 3.0 is turned into that of JSON Schema on the way.
 */
export class GithubDescription {
  readonly #described: Described;
  readonly #ajv = new Ajv({
    strict: false,
    allErrors: true,
    validateSchema: false,
    inlineRefs: false,
    code: { optimize: false },
  });
  readonly #known = new Set<string>();
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #routes = ROUTES.map((route) => ({
    ...route,
    pattern: new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+').replace('*', '.+')}$`),
    // `/issues/comments` goes before `/issues/:number`.
    literals: route.path.split('/').filter((part) => !/^[:*]/.test(part)).length,
  })).toSorted((a, b) => b.literals - a.literals);

  constructor() {
    const file = new URL(import.meta.resolve('@octokit/openapi/generated/api.github.com.json'));
    this.#described = JSON.parse(readFileSync(file, 'utf8'));
    this.#ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    this.#ajv.addFormat('uri', (text) => URL.canParse(text));
    for (const format of [
      'int64',
      'email',
      'uri-template',
      'date',
      'ipv4',
      'ipv6',
      'timestamp',
      'hostname',
    ]) {
      this.#ajv.addFormat(format, true);
    }
  }

  /** The operation of a call, or undefined when GitHub describes none. */
  operation(method: string, where: string): Operation | undefined {
    const path = where.split('?')[0] ?? '';
    const route = this.#routes.find((each) => each.method === method && each.pattern.test(path));
    return route ? this.operationOf(method, route.path) : undefined;
  }

  /** The operation that a route of ours stands for. */
  operationOf(method: string, routePath: string): Operation | undefined {
    const wanted = routePath.replace(/:\w+|\*/g, '{}');
    const found = Object.entries(this.#described.paths).find(
      ([path, methods]) => path.replace(/\{[^}]+\}/g, '{}') === wanted && methods[method.toLowerCase()],
    );
    if (!found) return undefined;
    const { responses } = found[1][method.toLowerCase()] ?? { responses: {} };
    return { name: `${method} ${found[0]}`, responses };
  }

  /** What is wrong with an answer, as sentences; none when it is as described. */
  problems({ name, responses }: Operation, status: number, body: unknown): string[] {
    const response = this.#resolve(responses[String(status)]);
    if (!response) return [`${name} is not described to answer ${status}`];
    const schema = schemaOf(response);
    if (schema) return this.#validate(`${name} ${status}`, schema, body);
    return body === '' ? [] : [`${name} ${status} is described without a body`];
  }

  /** What is wrong with the payload of an event. */
  eventProblems(event: string, action: string | undefined, payload: unknown): string[] {
    const name = [event, ...(action === undefined ? [] : [action])].join('-').replaceAll('_', '-');
    const schema = schemaOf(this.#described['x-webhooks'][name]?.post.requestBody);
    return schema ? this.#validate(name, schema, payload) : [`the event ${name} is not described`];
  }

  #resolve(response: unknown): Json | undefined {
    const reference = (response as Json | undefined)?.['$ref'];
    if (typeof reference !== 'string') return response as Json | undefined;
    return this.#described.components.responses[reference.split('/').at(-1) ?? ''] as Json | undefined;
  }

  #validate(name: string, schema: unknown, body: unknown): string[] {
    const validate = this.#validators.get(name) ?? this.#ajv.compile(this.#jsonSchema(schema) as object);
    this.#validators.set(name, validate);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(
      (error) => `${name}: ${error.instancePath || 'the body'} ${error.message}`,
    );
  }

  /** `nullable` becomes a choice with null; what is referred to becomes known under a name of its own; examples go. */
  #jsonSchema(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#jsonSchema(item));
    if (typeof value !== 'object' || value === null) return value;
    const { nullable, ...rest } = value as Json;
    const entries = Object.entries(rest).flatMap(([key, item]): [string, unknown][] => {
      if (key === '$ref' && typeof item === 'string') return [[key, this.#component(item)]];
      if (key === 'example' && typeof item !== 'object') return [];
      return [[key, this.#jsonSchema(item)]];
    });
    const schema = Object.fromEntries(entries);
    return nullable === true ? { anyOf: [{ type: 'null' }, schema] } : schema;
  }

  #component(reference: string): string {
    const name = reference.replace('#/components/schemas/', '');
    const id = `github:${name}`;
    if (this.#known.has(id)) return id;
    this.#known.add(id);
    this.#ajv.addSchema(this.#jsonSchema(this.#described.components.schemas[name]) as object, id);
    return id;
  }
}

function schemaOf(response: Json | undefined): unknown {
  const content = response?.['content'] as Readonly<Record<string, { schema?: unknown }>> | undefined;
  return content?.['application/json']?.schema;
}
