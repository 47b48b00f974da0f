import { statSync } from 'node:fs';
import { z } from 'zod';
import { readYaml, YamlError } from '#lib/yaml.ts';
import { LabError } from '../lab-error.ts';

const Token = z
  .string('write an access token, as the server showed it')
  .regex(/^\S+$/, 'write an access token, as the server showed it');
const TokensFile = z
  .object({
    team: z.string('write the name of the team, as it stands in addresses').min(1).optional(),
    person: Token,
  })
  .catchall(Token);

/** The accounts on a chat server outside of the lab, as a person has written them down. */
export interface ChatTokens {
  readonly team?: string | undefined;
  /** Of the person who talks to the agents. */
  readonly person: string;
  /** Agent name → token of its bot account. */
  readonly agents: Readonly<Record<string, string>>;
}

/** Reads the tokens; throws a LabError that says what is wrong, never what a token is. */
export function readChatTokens(file: string): ChatTokens {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) {
    throw new LabError(`There is no file ${file} with the tokens of chat.`, whatItHolds(['athena']));
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new LabError(
      `Others than its owner may read ${file}, which holds tokens of chat.`,
      `Run: chmod 600 ${file}`,
    );
  }
  try {
    const { team, person, ...agents } = readYaml(file, TokensFile);
    return { team, person, agents };
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new LabError(`The tokens of chat cannot be used: ${error.message}`, whatItHolds(['athena']));
  }
}

/** What to write into the file, in a sentence. */
export function whatItHolds(agents: readonly string[]): string {
  const lines = ['person: <your own token>', ...agents.map((agent) => `${agent}: <token of its bot>`)];
  return `It is YAML that only its owner may read:\n  ${lines.join('\n  ')}`;
}
