import type { z } from 'zod';
import type { Scope } from './scopes.ts';

/** One thing that the control plane's API can be asked. */
export interface ApiRoute {
  readonly method: 'get' | 'post' | 'put';
  /** `{…}` stands for a part of the path. */
  readonly path: string;
  readonly summary: string;
  /** Names of headers that it looks at, with what each means. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What may stand behind the question mark, each with what it means. */
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType | 'bytes';
  readonly answer: z.ZodType | 'bytes' | 'text' | 'server-sent events' | 'a redirect';
  /** Of the answer; 200 unless it says so. */
  readonly status?: number;
  /** Any one of them is enough. None: it is asked without a token. */
  readonly scopes: readonly Scope[];
}
