/** An account of GitHub. */
export interface Account {
  readonly id: number;
  readonly login: string;
  readonly isBot: boolean;
  /** How GitHub says that it stands in the repository (`author_association`), where it says so. */
  readonly association?: string | undefined;
}

/** Whose account GitHub has removed, or does not say. */
export const GHOST: Account = { id: 0, login: 'ghost', isBot: false };

/** An issue or a pull request, as it was when something happened. */
export interface Subject {
  /** `owner/name`, as the settings write it. */
  readonly repo: string;
  readonly number: number;
  readonly isPull: boolean;
  readonly title: string;
  readonly body: string;
  readonly url: string;
  readonly author: Account;
  readonly labels: readonly string[];
  readonly isOpen: boolean;
}

/**
 * Something that happened on GitHub, the same whether a webhook told of it or the poll found it: what makes the two
 * one is in `id` and `headSha`, never in how it was learnt.
 */
export type Happening =
  /** It is somebody's: they are assigned, or labels name them. */
  | (On & { readonly kind: 'given'; readonly assignees: readonly string[]; readonly by: Account })
  | (On & {
      readonly kind: 'said';
      /** Comments at lines are numbered apart from those in the timeline. */
      readonly where: 'comment' | 'line-comment';
      readonly id: number;
      readonly author: Account;
      readonly body: string;
      readonly url: string;
    })
  | (On & {
      readonly kind: 'review-wanted';
      readonly of: readonly string[];
      readonly headSha: string;
      readonly by: Account;
    })
  | (On & {
      readonly kind: 'reviewed';
      readonly id: number;
      readonly author: Account;
      readonly state: string;
      readonly body: string;
      readonly url: string;
    })
  | (Where & {
      readonly kind: 'check-failed';
      readonly branch: string;
      readonly headSha: string;
      readonly name: string;
      readonly url: string;
    })
  | (On & { readonly kind: 'closed'; readonly isMerged: boolean; readonly by: Account | undefined });

interface Where {
  readonly repo: string;
  readonly number: number;
  /** By GitHub's clock, Unix ms. */
  readonly at: number;
}

interface On extends Where {
  readonly subject: Subject;
}
