import { z } from 'zod';
import { AgentName } from './tokens.ts';

const Login = z
  .string('write the name of an account, in quotes where it is a number')
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}(\[bot\])?$/i,
    'write the name of an account without @, that of an app as "name[bot]", in quotes',
  );

const Repository = z
  .string('write owner/name')
  .regex(/^[\w.-]{1,64}\/[\w.-]{1,100}$/, 'write a repository as owner/name, such as acme/web');

const Id = z.int('write the number that GitHub shows').positive('write the number that GitHub shows');

/** What an agent is on GitHub: an App of its own with an installation, or an account with a token. */
const Identity = z
  .strictObject(
    { login: Login, app: Id.optional(), installation: Id.optional() },
    'write what the agent is on GitHub, such as {login: "athena-acme[bot]", app: 123456, installation: 7890}',
  )
  .refine(
    ({ app, installation }) => (app === undefined) === (installation === undefined),
    'app and installation come together: an App acts in one installation of it',
  );
export type Identity = z.output<typeof Identity>;

/** `github` of the inventory: which repositories are worked in, what the agents are there, and who may give them work. */
export const GithubSettings = z
  .strictObject({
    /** Of a GitHub Enterprise Server, `https://<host>/api/v3`. */
    url: z
      .url({ protocol: /^https?$/, error: 'write an address such as https://github.example.com/api/v3' })
      .default('https://api.github.com'),
    repositories: z
      .array(Repository, 'write a list of repositories, such as [acme/web]')
      .min(1, 'name at least one repository')
      .refine(isEachOnce, 'a repository stands there twice, capitals aside'),
    agents: z
      .record(AgentName, Identity, 'write agents, each with what it is there: athena: {login: athena-acme}')
      .refine(
        (agents) => isEachOnce(Object.values(agents).map(({ login }) => login)),
        'two agents have the same login: give each an account or App of its own',
      ),
    /** The agent whose identity the control plane reads with. */
    reader: AgentName,
    /** Accounts of people who may give work, however GitHub says that they stand, with their names here. */
    people: z
      .record(Login, z.string().regex(/^[\w.-]{1,64}$/, 'write a name as in api_tokens'), 'write login: name')
      .refine((people) => isEachOnce(Object.keys(people)), 'an account stands there twice, capitals aside')
      .default({}),
    poll_minutes: z
      .int('write a whole number of minutes, such as 10')
      .min(1, 'write at least 1')
      .max(1440, 'write at most 1440, which is a day')
      .default(10),
  })
  .refine(({ agents, reader }) => Object.hasOwn(agents, reader), {
    path: ['reader'],
    message: 'name one of agents',
  });
export type GithubSettings = z.output<typeof GithubSettings>;

/** GitHub takes names in any capitals. */
function isEachOnce(names: readonly string[]): boolean {
  return new Set(names.map((name) => name.toLowerCase())).size === names.length;
}
