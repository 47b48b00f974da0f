import type { TrustLabel } from '#core/envelope.ts';
import type { GithubSettings } from '#core/github-settings.ts';
import type { Happening, Subject } from './happening.ts';
import { mentionsIn } from './mentions.ts';
import { agentOf, isSame, type Standing, standingOf, standingOfActor } from './standing.ts';

/** Words on GitHub, with whose they are. */
export interface Part {
  /** What it is: `issue acme/web#7`. */
  readonly source: string;
  readonly trust: TrustLabel;
  readonly by: string;
  readonly text: string;
}

/** Work that something on GitHub asks of an agent. */
export interface Wish {
  /** The same for the webhook and the poll: that makes it one task. */
  readonly key: string;
  readonly agent: string;
  /** What is to be done, as one sentence of ours. */
  readonly ask: string;
  readonly url: string;
  readonly asker: Standing & { readonly id: number };
  readonly parts: readonly Part[];
}

/** What follows of something that happened: work, an end of work, or nothing, with the reason. */
export type Trigger =
  | { readonly kind: 'work'; readonly wishes: readonly Wish[] }
  | { readonly kind: 'end'; readonly by: Standing | undefined; readonly why: string }
  | { readonly kind: 'nothing'; readonly why: string };

/** While an issue or pull request has one of these labels, nobody is given work by it. */
export const HOLDING = ['olympus:pause', 'olympus:human'] as const;
const AGENT_LABEL = /^agent:(.+)$/i;

type Of<K extends Happening['kind']> = Extract<Happening, { kind: K }>;

/** What follows of something that happened on GitHub. Pure: what it is given is what it judges. */
export function triggerOf(settings: GithubSettings, happening: Happening): Trigger {
  const held = heldBy(happening);
  if (held !== undefined) return nothing(`it has the label ${held}`);
  switch (happening.kind) {
    case 'given':
      return ofGiving(settings, happening);
    case 'said':
      return ofWords(settings, happening);
    case 'review-wanted':
      return ofReviewWanted(settings, happening);
    case 'reviewed':
      return ofReview(settings, happening);
    case 'check-failed':
      return ofCheck(settings, happening);
    case 'closed':
      return ofClosing(settings, happening);
    default:
      return happening satisfies never;
  }
}

/** The label that holds it back. Nothing holds back an end; GitHub says of no check what labels its pull request has. */
function heldBy(happening: Happening): string | undefined {
  if (happening.kind === 'closed' || happening.kind === 'check-failed') return undefined;
  return HOLDING.find((label) => happening.subject.labels.some((each) => isSame(each, label)));
}

function ofGiving(settings: GithubSettings, { subject, assignees, by }: Of<'given'>): Trigger {
  if (!subject.isOpen) return nothing('it is closed');
  const labelled = subject.labels.flatMap((label) => AGENT_LABEL.exec(label)?.[1]?.toLowerCase() ?? []);
  const agents = Object.entries(settings.agents)
    .filter(([name, { login }]) => labelled.includes(name) || assignees.some((each) => isSame(each, login)))
    .map(([name]) => name);
  if (agents.length === 0) return nothing('it is given to no agent');
  const asker = { ...standingOfActor(settings, by, subject.author), id: by.id };
  if (!isAllowed(asker)) return nothing(unallowed(asker));
  return work(
    agents.map((agent) => ({
      key: `${subject.repo}:${subject.number}:given:${agent}`,
      agent,
      ask: `${asker.name} gave you ${nameOf(subject)}. Do what it asks for.`,
      url: subject.url,
      asker,
      parts: [partOf(settings, subject)],
    })),
  );
}

function ofWords(settings: GithubSettings, said: Of<'said'>): Trigger {
  const { subject, where, id, author, body, url } = said;
  const mentioned = mentionsIn(body);
  const agents = Object.entries(settings.agents)
    .filter(
      ([name, { login }]) =>
        mentioned.includes(name) || mentioned.includes(login.toLowerCase().replace(/\[bot\]$/, '')),
    )
    .map(([name]) => name);
  if (agents.length === 0) return nothing('it mentions no agent');
  const asker = { ...standingOf(settings, author), id: author.id };
  if (!isAllowed(asker)) return nothing(unallowed(asker));
  const words = { source: `comment on ${placeOf(subject)}`, trust: asker.trust, by: asker.name, text: body };
  return work(
    agents.map((agent) => ({
      key: `${subject.repo}:${subject.number}:${where}:${id}:${agent}`,
      agent,
      ask: `${asker.name} mentioned you in a comment on ${nameOf(subject)}. Do what the comment asks you for.`,
      url,
      asker,
      parts: [words, partOf(settings, subject)],
    })),
  );
}

function ofReviewWanted(settings: GithubSettings, wanted: Of<'review-wanted'>): Trigger {
  const { subject, of, headSha, by } = wanted;
  if (!subject.isOpen) return nothing('it is closed');
  const agents = of.flatMap((login) => agentOf(settings, login) ?? []);
  const reviewers = agents.filter((agent) => agent !== agentOf(settings, subject.author.login));
  if (reviewers.length === 0) return nothing('it is wanted of no agent');
  const asker = { ...standingOfActor(settings, by, subject.author), id: by.id };
  // An agent may want the review of another: GitHub let it.
  if (!isAllowed(asker) && asker.agent === undefined) return nothing(unallowed(asker));
  return work(
    reviewers.map((agent) => ({
      key: `${subject.repo}:${subject.number}:review-wanted:${headSha}:${agent}`,
      agent,
      ask: `Your review is wanted of ${nameOf(subject)}, at the commit ${headSha}.`,
      url: subject.url,
      asker,
      parts: [partOf(settings, subject)],
    })),
  );
}

function ofReview(settings: GithubSettings, review: Of<'reviewed'>): Trigger {
  const { subject, id, author, state, body, url } = review;
  const agent = agentOf(settings, subject.author.login);
  if (agent === undefined) return nothing('the pull request is of no agent');
  if (!subject.isOpen) return nothing('it is closed');
  if (state === 'approved' && body.trim() === '') return nothing('it is approved, without a word');
  if (!['approved', 'changes_requested', 'commented'].includes(state)) return nothing(`it is ${state}`);
  const asker = { ...standingOf(settings, author), id: author.id };
  if (asker.agent === agent) return nothing('it is the agent’s own');
  if (!isAllowed(asker) && asker.agent === undefined) return nothing(unallowed(asker));
  const words = { source: `review of ${placeOf(subject)}`, trust: asker.trust, by: asker.name, text: body };
  return work([
    {
      key: `${subject.repo}:${subject.number}:review:${id}:${agent}`,
      agent,
      ask: `${asker.name} reviewed your ${nameOf(subject)} (${state.replace('_', ' ')}). Answer the review, and change what it shows to be wrong.`,
      url,
      asker,
      parts: [words, partOf(settings, subject)],
    },
  ]);
}

/** GitHub names no author here, so it is the branch that says whose it is: agents push to `agent/<name>/…` alone. */
function ofCheck(settings: GithubSettings, check: Of<'check-failed'>): Trigger {
  const { repo, number, branch, headSha, name, url } = check;
  const agent = /^agent\/([^/]+)\//.exec(branch)?.[1];
  if (agent === undefined || !Object.hasOwn(settings.agents, agent))
    return nothing('the branch is of no agent');
  const place = `${repo}#${number}`;
  return work([
    {
      key: `${repo}:${number}:check-failed:${headSha}:${agent}`,
      agent,
      ask: `A check failed on your pull request ${place}, at the commit ${headSha}. Find out why, and mend it.`,
      url,
      asker: { trust: 'bot', name: 'GitHub', id: 0 },
      parts: [{ source: `name of the check on ${place}`, trust: 'bot', by: 'GitHub', text: name }],
    },
  ]);
}

function ofClosing(settings: GithubSettings, { subject, isMerged, by }: Of<'closed'>): Trigger {
  const what = isMerged ? 'merged' : 'closed';
  const who = by && standingOf(settings, by);
  return { kind: 'end', by: who, why: `${placeOf(subject)} was ${what} on GitHub` };
}

/** Bots give no work by words, those of the fleet neither: agents ask each other in chat, where loops are counted. */
function isAllowed({ trust }: Standing): boolean {
  return trust === 'owner' || trust === 'member';
}

function unallowed({ trust, name }: Standing): string {
  return trust === 'bot' ? `${name} is a bot` : `${name} may give no work here`;
}

function partOf(settings: GithubSettings, subject: Subject): Part {
  const { trust, name } = standingOf(settings, subject.author);
  const text = [subject.title, subject.body].join('\n\n').trim();
  return { source: nameOf(subject), trust, by: name, text };
}

function nameOf(subject: Subject): string {
  return `${subject.isPull ? 'pull request' : 'issue'} ${placeOf(subject)}`;
}

function placeOf({ repo, number }: Pick<Subject, 'repo' | 'number'>): string {
  return `${repo}#${number}`;
}

function nothing(why: string): Trigger {
  return { kind: 'nothing', why };
}

function work(wishes: readonly Wish[]): Trigger {
  return { kind: 'work', wishes };
}
