/** What a token may do: `read` or `write` by the name of a permission (issues, pull_requests, contents, checks …). */
export type Permissions = Readonly<Record<string, 'read' | 'write'>>;

export type AccountType = 'User' | 'Bot' | 'Organization';

export interface Account {
  readonly id: number;
  readonly login: string;
  readonly type: AccountType;
  readonly name: string;
  readonly email: string;
  readonly createdAt: number;
  /** The members of an organization, by login. */
  readonly members: Set<string>;
}

export interface App {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly url: string;
  readonly ownerId: number;
  readonly botId: number;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly permissions: Permissions;
  readonly events: readonly string[];
  readonly hook: Hook;
  readonly createdAt: number;
}

export interface Installation {
  readonly id: number;
  readonly appId: number;
  readonly accountId: number;
  /** The repositories it was given, or all of the account. */
  repositories: 'all' | Set<number>;
  readonly createdAt: number;
}

/** A token of a person or a machine user, or the token of an installation, which expires. */
export interface Token {
  readonly value: string;
  readonly accountId: number;
  readonly installationId?: number;
  readonly repositories: 'all' | ReadonlySet<number>;
  /** Absent in a classic token: it may what its owner may. */
  readonly permissions?: Permissions;
  readonly expiresAt?: number;
}

/** Where events are sent: the hook of a repository or of an app. */
export interface Hook {
  readonly id: number;
  url: string;
  secret: string;
  events: readonly string[];
  active: boolean;
  readonly createdAt: number;
}

export type Role = 'read' | 'triage' | 'write' | 'maintain' | 'admin';

export interface Repo {
  readonly id: number;
  readonly ownerId: number;
  name: string;
  /** Names it had; requests for them are sent on. */
  readonly formerNames: Set<string>;
  readonly isPrivate: boolean;
  readonly description: string;
  readonly defaultBranch: string;
  readonly forkOf: number | undefined;
  readonly collaborators: Map<string, Role>;
  readonly hooks: Hook[];
  readonly labels: Map<string, Label>;
  /** Branches whose pull requests need approvals and green checks before they can be merged. */
  readonly protection: Map<string, Protection>;
  /** The refs of the bare repository as they were last seen, `refs/heads/main` → SHA. */
  refs: Map<string, string>;
  lastNumber: number;
  readonly createdAt: number;
  updatedAt: number;
  pushedAt: number;
}

export interface Protection {
  readonly approvals: number;
  readonly checks: readonly string[];
}

export interface Label {
  readonly id: number;
  name: string;
  color: string;
  description: string;
}

/** An issue; with `pull` it is a pull request. */
export interface Issue {
  readonly id: number;
  readonly repoId: number;
  readonly number: number;
  readonly authorId: number;
  /** The app by whose token it was made. */
  readonly appId: number | undefined;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  stateReason: 'completed' | 'reopened' | 'not_planned' | 'duplicate' | null;
  labels: string[];
  assigneeIds: number[];
  readonly createdAt: number;
  updatedAt: number;
  closedAt: number | null;
  closedById: number | null;
  readonly events: IssueEvent[];
  readonly pull: Pull | undefined;
}

export interface Pull {
  readonly id: number;
  baseRef: string;
  /** The commit of the base branch that it was last compared with. */
  baseSha: string;
  readonly headRepoId: number;
  readonly headRef: string;
  headSha: string;
  isDraft: boolean;
  mergedAt: number | null;
  mergedById: number | null;
  mergeCommitSha: string | null;
  requestedReviewerIds: number[];
  /** GitHub finds out whether it can be merged after it was first asked: for which base and head it was asked. */
  mergeAsked: string;
}

export interface IssueEvent {
  readonly id: number;
  readonly event: string;
  readonly actorId: number;
  readonly createdAt: number;
  readonly commitId: string | null;
  /** What belongs to this kind of event, as it is shown. */
  readonly more: Readonly<Record<string, unknown>>;
}

export interface Comment {
  readonly id: number;
  readonly issueId: number;
  readonly repoId: number;
  readonly authorId: number;
  readonly appId: number | undefined;
  body: string;
  readonly createdAt: number;
  updatedAt: number;
}

export type ReviewState = 'PENDING' | 'COMMENTED' | 'APPROVED' | 'CHANGES_REQUESTED' | 'DISMISSED';

export interface Review {
  readonly id: number;
  readonly issueId: number;
  readonly authorId: number;
  body: string;
  state: ReviewState;
  readonly commitId: string;
  submittedAt: number | null;
}

export interface ReviewComment {
  readonly id: number;
  readonly issueId: number;
  readonly repoId: number;
  readonly reviewId: number;
  readonly authorId: number;
  body: string;
  readonly path: string;
  readonly commitId: string;
  readonly diffHunk: string;
  readonly line: number | null;
  readonly side: 'LEFT' | 'RIGHT';
  readonly inReplyToId: number | undefined;
  readonly createdAt: number;
  updatedAt: number;
}

export interface CheckRun {
  readonly id: number;
  readonly repoId: number;
  readonly appId: number;
  readonly suiteId: number;
  readonly headSha: string;
  name: string;
  status: string;
  conclusion: string | null;
  startedAt: number | null;
  completedAt: number | null;
  readonly detailsUrl: string;
  externalId: string;
  output: { title: string | null; summary: string | null; text: string | null };
}

export interface CheckSuite {
  readonly id: number;
  readonly repoId: number;
  readonly appId: number;
  readonly headSha: string;
  readonly headBranch: string | null;
  readonly headCommit: HeadCommit;
  readonly createdAt: number;
  updatedAt: number;
}

/** A commit as check suites show it. */
export interface HeadCommit {
  readonly id: string;
  readonly tree_id: string;
  readonly message: string;
  readonly timestamp: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly committer: { readonly name: string; readonly email: string };
}

export interface CommitStatus {
  readonly id: number;
  readonly repoId: number;
  readonly sha: string;
  readonly creatorId: number;
  readonly state: string;
  readonly context: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly createdAt: number;
}

/** One attempt to send an event. */
export interface Delivery {
  readonly id: number;
  readonly hookId: number;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly installationId: number | null;
  readonly repositoryId: number | null;
  readonly redelivery: boolean;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly deliveredAt: number;
  readonly durationS: number;
  readonly status: string;
  readonly statusCode: number;
  readonly answer: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

/** What the person confirmed in the manifest flow; the code stands for it, once. */
export interface Manifest {
  readonly code: string;
  readonly ownerId: number;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
}
