import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Place = z.object({ address: z.string(), port: z.int() });

/**
 * What both sides of the lab's gates are told. Between them are unix sockets in the lab's folder, which is the
 * working directory of both: network namespaces do not divide the file system.
 */
export const GateConfig = z.object({
  /** Out of the lab: where machines ask for a model, on the switch. */
  model: Place,
  /** Out of the lab: where machines reach the chat server outside, and its address. */
  chat: z.object({ listen: Place, url: z.string() }).optional(),
  /** Into the lab: services of machines, on a port of this machine's loopback. */
  doors: z.array(z.object({ name: z.string(), localPort: z.int(), to: Place })),
  /** Holds the model keys that are let through: `model-keys.ts`. */
  keysFile: z.string(),
  /** The scripted model, where there is no provider: how it is run, and where it listens. */
  standin: z
    .object({
      command: z.tuple([z.string()]).rest(z.string()),
      port: z.int(),
      keyFile: z.string(),
      logFile: z.string(),
    })
    .optional(),
});
export type GateConfig = z.infer<typeof GateConfig>;

export function readGateConfig(file: string): GateConfig {
  return GateConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Where it is kept, in the lab's folder. */
export const CONFIG_FILE = 'gates.json';

/** What says that the scripted stand-in answers, and no model. */
export const STANDIN_LABEL = 'the scripted stand-in, no real model';

/** By these `lab down` finds a process of the lab whose record is lost. */
export function labArguments({ id }: { readonly id: string }): readonly [string, string] {
  return ['--lab', `olympus-${id}`];
}

/** The socket by which model calls leave the lab; relative, because socket paths have to be short. */
export const MODEL_SOCKET = 'model.sock';

/** The same for calls of a chat server outside. */
export const CHAT_SOCKET = 'chat.sock';

/** The socket by which a door's connections enter the lab. */
export function doorSocket(name: string): string {
  return `door-${name}.sock`;
}
