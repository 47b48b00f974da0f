import { FleetId, Token } from './tokens.ts';

export type RequestKind =
  | 'task-create'
  | 'task-revise'
  | 'chat-command'
  | 'action'
  | 'approval'
  | 'question'
  | 'delegation'
  | 'memory-put';

/** The subjects of one fleet; the grammar is the table of ARCHITECTURE, section "The bus". */
export interface Subjects {
  request(agent: string, kind: RequestKind): string;
  task(domain: string, agent: string, runId: string): string;
  runEvent(agent: string, runId: string, event: string): string;
  result(domain: string, agent: string, taskId: string): string;
  heartbeat(agent: string): string;
  delivery(agent: string, deliveryId: string): string;
  control(agent: string, verb: string): string;
  event(entity: string, id: string, type: string): string;
  knightResult(name: string): string;
  deadLetter(stream: string, author: string): string;
  /** Matches the dead letters of a stream, of an author, or of any. */
  deadLetters(stream: string | undefined, author: string | undefined): string;
}

/** Builds subjects; throws on a token that the grammar does not allow. */
export function subjectsOf(fleet: string): Subjects {
  const f = FleetId.parse(fleet);
  const join = (...tokens: string[]): string => tokens.map((token) => Token.parse(token)).join('.');
  return {
    request: (agent, kind) => join(f, 'requests', agent, kind),
    task: (domain, agent, runId) => join(f, 'tasks', domain, agent, runId),
    runEvent: (agent, runId, event) => join(f, 'runs', agent, runId, event),
    result: (domain, agent, taskId) => join(f, 'results', domain, agent, taskId),
    heartbeat: (agent) => join(f, 'heartbeat', agent),
    delivery: (agent, deliveryId) => join(f, 'deliveries', agent, deliveryId),
    control: (agent, verb) => join(f, 'control', agent, verb),
    deadLetter: (stream, author) => join(f, 'dlq', stream.toLowerCase(), author),
    deadLetters: (stream, author) =>
      [join(f, 'dlq'), stream ? join(stream.toLowerCase()) : '*', author ? join(author) : '*'].join('.'),
    event: (entity, id, type) => `roundtable.events.${join(f, entity, id, type)}`,
    knightResult: (name) => `knight.${join(name)}.result`,
  };
}

/** The run that a subject of released work is for. */
export function runIdOf(taskSubject: string): string {
  return taskSubject.split('.')[4] ?? '';
}

/** The agent to which a subject of released work goes. */
export function agentOfTask(taskSubject: string): string {
  return taskSubject.split('.')[3] ?? '';
}

/** Where the author of a message stands in its subject, counted from 0. */
const AUTHOR_INDEX: Readonly<Record<string, number>> = { requests: 2, runs: 2, results: 3, heartbeat: 2 };

/** The agent that a subject names as author, or undefined when the subject has none. */
export function authorOf(subject: string): string | undefined {
  const tokens = subject.split('.');
  // The older subject has its agent where others have their kind, and no author.
  const index = tokens[0] === 'knight' ? undefined : AUTHOR_INDEX[tokens[1] ?? ''];
  return index === undefined ? undefined : tokens[index];
}

/** Where an agent stands in a subject that goes to it. */
const ADDRESSEE_INDEX: Readonly<Record<string, number>> = { tasks: 3, deliveries: 2 };

/** The agent whose doing it is when a message is not handled: who sent it, or did not bring it to an end. */
export function answerableFor(subject: string): string | undefined {
  const tokens = subject.split('.');
  const index = tokens[0] === 'knight' ? undefined : ADDRESSEE_INDEX[tokens[1] ?? ''];
  return index === undefined ? authorOf(subject) : tokens[index];
}

/** True for what only tells what has happened: its stream drops the oldest and refuses nothing. */
export function isLogged(subject: string): boolean {
  return /^(?:[^.]+\.runs|roundtable\.events)\./.test(subject);
}

/**
 * Messages of one lane are published one after another. Deliveries have an order, one lane for each agent; what is logged
 * goes out in order anyhow, all at once; nothing else waits for one another, and has no lane.
 */
export function laneOf(subject: string): string | undefined {
  return subject.split('.')[1] === 'deliveries' ? subject.slice(0, subject.lastIndexOf('.')) : undefined;
}
