import type {
  Account,
  App,
  CheckRun,
  CheckSuite,
  Comment,
  CommitStatus,
  Delivery,
  Installation,
  Issue,
  Manifest,
  Repo,
  Review,
  ReviewComment,
  Token,
} from './model.ts';

/** Everything the server knows besides the bare repositories. Plain data: a copy of it is what a stale read shows. */
export class State {
  lastId = 1000;
  readonly accounts = new Map<number, Account>();
  readonly apps = new Map<number, App>();
  readonly installations = new Map<number, Installation>();
  readonly tokens = new Map<string, Token>();
  readonly repos = new Map<number, Repo>();
  readonly issues = new Map<number, Issue>();
  readonly comments = new Map<number, Comment>();
  readonly reviews = new Map<number, Review>();
  readonly reviewComments = new Map<number, ReviewComment>();
  readonly checkRuns = new Map<number, CheckRun>();
  readonly checkSuites = new Map<number, CheckSuite>();
  readonly statuses = new Map<number, CommitStatus>();
  readonly deliveries = new Map<number, Delivery>();
  readonly manifests = new Map<string, Manifest>();

  nextId(): number {
    this.lastId += 1;
    return this.lastId;
  }

  /** A copy that later writes do not reach. */
  copy(): State {
    return Object.assign(new State(), structuredClone({ ...this }));
  }

  account(id: number): Account {
    return known(this.accounts.get(id), `account ${id}`);
  }

  accountNamed(login: string): Account | undefined {
    const wanted = login.toLowerCase();
    return [...this.accounts.values()].find((account) => account.login.toLowerCase() === wanted);
  }

  app(id: number): App {
    return known(this.apps.get(id), `app ${id}`);
  }

  repo(id: number): Repo {
    return known(this.repos.get(id), `repository ${id}`);
  }

  repoNamed(owner: string, name: string): Repo | undefined {
    const ownerId = this.accountNamed(owner)?.id;
    const wanted = name.toLowerCase();
    return [...this.repos.values()].find(
      (repo) => repo.ownerId === ownerId && repo.name.toLowerCase() === wanted,
    );
  }

  /** The repository that had this name before. */
  repoOnceNamed(owner: string, name: string): Repo | undefined {
    const ownerId = this.accountNamed(owner)?.id;
    return [...this.repos.values()].find(
      (repo) => repo.ownerId === ownerId && repo.formerNames.has(name.toLowerCase()),
    );
  }

  fullName(repo: Repo): string {
    return `${this.account(repo.ownerId).login}/${repo.name}`;
  }

  issuesOf(repo: Repo): Issue[] {
    return [...this.issues.values()].filter((issue) => issue.repoId === repo.id);
  }

  issueNumbered(repo: Repo, number: number): Issue | undefined {
    return [...this.issues.values()].find((issue) => issue.repoId === repo.id && issue.number === number);
  }

  commentsOf(issue: Issue): Comment[] {
    return [...this.comments.values()].filter((comment) => comment.issueId === issue.id);
  }

  reviewsOf(issue: Issue): Review[] {
    return [...this.reviews.values()].filter((review) => review.issueId === issue.id);
  }

  reviewCommentsOf(issue: Issue): ReviewComment[] {
    return [...this.reviewComments.values()].filter((comment) => comment.issueId === issue.id);
  }

  installationsOn(repo: Repo): Installation[] {
    return [...this.installations.values()].filter((each) => covers(each, repo));
  }
}

/** Whether the installation was given this repository. */
export function covers(installation: Installation, repo: Repo): boolean {
  if (installation.accountId !== repo.ownerId) return false;
  return installation.repositories === 'all' || installation.repositories.has(repo.id);
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the state names ${what}, which is not in it`);
  return value;
}
