import { INPUT_LIMIT } from './messages/task-create.ts';

/**
 * Why a request does not become a task, with the sentence its author is told. `{…}` is filled in by `rejectionSentence`. An
 * agent posts it: a name with an @ before it stands in code, or it would be work for whom it mentions.
 */
export const rejections = {
  empty_input: {
    cause: 'The message held nothing but the mention.',
    remedy: 'Nothing; the author was told.',
    sentence:
      'You mentioned me without saying what you need. Write it after the name: `@{agent} summarise the last release`.',
  },
  input_too_long: {
    cause: 'The text is longer than a message may be.',
    remedy: 'Nothing; the author was told.',
    sentence:
      'That is {length} characters; I take at most {limit}. Attach the rest as a file, or send it in parts.',
  },
  unknown_agent: {
    cause: 'The request names an agent that has never sent a heartbeat to this control plane.',
    remedy: 'Check the name with `olympus agent list`; start the olympusd of that agent.',
    sentence: 'There is no agent called `@{agent}` here. I know {known}.',
  },
  too_deep: {
    cause: 'Agents asked one another more often than `limits.depth` of the manifest allows.',
    remedy: 'Raise `limits.depth` in the manifest if the chain was meant.',
    sentence:
      'I was asked through {depth} agents, and the limit is {limit}: a person has to take it from here.',
  },
  foreign_bot: {
    cause: 'The author is a bot that belongs to no agent of this fleet.',
    remedy: 'Nothing; bots outside the fleet cannot give work.',
    sentence: 'I take work from people and from agents of this fleet; `{author}` is neither.',
  },
  not_delegated: {
    cause:
      'The agent that asks has a `delegates_to` in its manifest, and the one that is asked is not in it.',
    remedy: 'Add the name to `delegates_to` of the agent that asks, if it was meant, and run setup.',
    sentence: 'I take no work from `{author}`: its manifest does not have {agent} under `delegates_to`.',
  },
  pair_limit: {
    cause: 'Two agents have asked each other more often within a day than agent_pair_per_day allows.',
    remedy:
      'Read in their threads what they are about; raise agent_pair_per_day in the inventory if it was meant.',
    sentence:
      '`{author}` and I have asked each other {count} times within a day, and the limit is {limit}: a person has to take it from here.',
  },
  asked_in_circle: {
    cause:
      'An agent was asked for an answer that waits, itself or through others, for the agent that is asked.',
    remedy: 'Nothing; the agent that asked was told.',
    sentence: '{agent} waits for this itself, and cannot be asked about it.',
  },
  no_person: {
    cause: 'Agents asked each other again and again in one thread in which no person said anything.',
    remedy: 'Read the thread; who wants it to go on asks an agent there.',
    sentence:
      'Agents have asked each other {count} times here since a person last asked, and the limit is {limit}: a person has to take it from here.',
  },
  account_standing: {
    cause: 'The account is of a guest, whom chat_access does not let, or was deactivated.',
    remedy: 'Add a guest to chat_access in the inventory, if it was meant, and run setup.',
    sentence: 'I take no work from a {standing} account.',
  },
  not_on_list: {
    cause: 'Neither the account nor a role of it is on the list that chat_access has for this place.',
    remedy: 'Add it to chat_access in the inventory, if it was meant, and run setup.',
    sentence: 'You are not among those who may give me work {where}.',
  },
  unknown_dependency: {
    cause: 'The request is to come after a task that is not there.',
    remedy: 'Name tasks that are in `olympus task list`, by their whole ids.',
    sentence: 'This is to come after {unknown}, and there is no such task here.',
  },
  no_agent_for_domain: {
    cause: 'No agent here has the domain that was asked for.',
    remedy: 'Give an agent the domain in its manifest, or name an agent.',
    sentence: 'Nobody here works on {domain}.',
  },
  workflow_broken: {
    cause: 'The message is the name of a workflow whose file has a mistake.',
    remedy: '`olympus workflow list` says which; mend the file and ask again.',
    sentence:
      'I cannot start {name}: its file has a mistake. `olympus workflow list` says which; ask again when it is mended.',
  },
  rate_limited: {
    cause: 'One requester asked more often within a minute than OLYMPUS_REQUESTS_PER_MINUTE allows.',
    remedy: 'Find out what asks so often; raise the limit in control.env if it is meant.',
    sentence:
      'You have asked {count} times within a minute, and I take at most {limit}. Ask again in a minute.',
  },
} as const;

export type RejectionCode = keyof typeof rejections;

/** Said to a person who may not give work there, whatever it is. */
export const refusedPersons: ReadonlySet<string> = new Set<RejectionCode>([
  'account_standing',
  'not_on_list',
]);

/** What is said of a refusal to who asked by the command or the API, where nobody spoke in a conversation. */
const toCallers: Partial<Record<RejectionCode, { readonly cause: string; readonly remedy: string }>> = {
  empty_input: { cause: 'The text is empty.', remedy: 'Write what is to be done.' },
  input_too_long: {
    cause: `The text is longer than the ${INPUT_LIMIT} characters that a task may have.`,
    remedy:
      'Keep it with PUT /v1/artifacts and give its digest as textArtifact, as `olympus task create` does.',
  },
  rate_limited: {
    cause: rejections.rate_limited.cause,
    remedy: 'Ask again in a minute; the limit is raised in control.env.',
  },
};

/** Why a request was refused and what can be done, for who asked by the command or the API. */
export function rejectionForCaller(
  reason: string,
): { readonly cause: string; readonly remedy: string } | undefined {
  if (!Object.hasOwn(rejections, reason)) return undefined;
  const code = reason as RejectionCode;
  return toCallers[code] ?? rejections[code];
}

/** The sentence of a rejection with its placeholders filled. */
export function rejectionSentence(
  code: RejectionCode,
  values: Readonly<Record<string, string | number>>,
): string {
  return rejections[code].sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    String(values[name] ?? `{${name}}`),
  );
}
