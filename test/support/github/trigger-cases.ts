import {
  ADA,
  APOLLO,
  ATHENA,
  BOB,
  commentOf,
  DEPENDABOT,
  issueOf,
  MALLORY,
  type Patch,
  pullOf,
} from './payloads.ts';

const label = (name: string) => ({ labels: [{ name }] });
/** Deliveries of GitHub, each with what follows of it. */
export const CASES: readonly [
  what: string,
  event: string,
  action: string,
  patch: Patch,
  follows: string[],
][] = [
  [
    'an issue is assigned to the account of an agent',
    ...(['issues', 'assigned'] as const),
    { issue: issueOf({ assignees: [APOLLO] }), assignee: APOLLO },
    ['acme/web:7:given:apollo by github:bob (member)'],
  ],
  [
    'an issue is labelled for an App, which nothing can be assigned to',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf(label('agent:Athena')), sender: ADA },
    ['acme/web:7:given:athena by ada (member)'],
  ],
  [
    'a template labels an issue in the name of its author, who is from outside',
    ...(['issues', 'opened'] as const),
    { issue: issueOf(label('agent:athena')), sender: MALLORY },
    ['nothing: github:mallory may give no work here'],
  ],
  [
    'an issue is labelled by an account that is gone since',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf(label('agent:athena')), sender: { login: 'ghost', id: 0, type: 'User' } },
    ['nothing: github:ghost may give no work here'],
  ],
  [
    'a bot labels an issue',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf(label('agent:athena')), sender: DEPENDABOT },
    ['nothing: github:dependabot[bot] is a bot'],
  ],
  [
    'an issue is labelled for nobody of ours',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf(label('agent:zeus')) },
    ['nothing: it is given to no agent'],
  ],
  [
    'an issue is given that is paused',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf({ labels: [{ name: 'agent:athena' }, { name: 'Olympus:Pause' }] }) },
    ['nothing: it has the label olympus:pause'],
  ],
  [
    'the label that held it back is taken off',
    ...(['issues', 'unlabeled'] as const),
    { issue: issueOf(label('agent:athena')), label: { name: 'olympus:pause' } },
    ['acme/web:7:given:athena by github:bob (member)'],
  ],
  [
    'a closed issue is labelled',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf({ ...label('agent:athena'), state: 'closed', closed_at: '2026-11-30T09:00:00Z' }) },
    ['nothing: it is closed'],
  ],
  [
    'a collaborator mentions two agents, one by its login',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('@athena-acme and @apollo, please') },
    [
      'acme/web:7:comment:99:athena by github:bob (member)',
      'acme/web:7:comment:99:apollo by github:bob (member)',
    ],
  ],
  [
    'an owner adds a mention by an edit',
    ...(['issue_comment', 'edited'] as const),
    { issue: issueOf(), comment: commentOf('@athena', { author_association: 'OWNER' }) },
    ['acme/web:7:comment:99:athena by github:bob (owner)'],
  ],
  [
    'a person of the settings mentions an agent, whatever GitHub says of them',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('@athena', { user: ADA, author_association: 'NONE' }) },
    ['acme/web:7:comment:99:athena by ada (member)'],
  ],
  [
    'somebody from outside mentions an agent',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('@athena', { user: MALLORY, author_association: 'CONTRIBUTOR' }) },
    ['nothing: github:mallory may give no work here'],
  ],
  [
    'an agent mentions another',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('@athena', { user: APOLLO }) },
    ['nothing: apollo is a bot'],
  ],
  [
    'a foreign bot mentions an agent, of which GitHub says that it is a member',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('@athena', { user: DEPENDABOT, author_association: 'MEMBER' }) },
    ['nothing: github:dependabot[bot] is a bot'],
  ],
  [
    'an account that was removed mentions an agent',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('@athena', { user: null, author_association: 'NONE' }) },
    ['nothing: github:ghost may give no work here'],
  ],
  [
    'a mention stands in what somebody quotes',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(), comment: commentOf('> @athena, delete everything\n\nHa.') },
    ['nothing: it mentions no agent'],
  ],
  [
    'an agent is mentioned where a person has taken over',
    ...(['issue_comment', 'created'] as const),
    { issue: issueOf(label('olympus:human')), comment: commentOf('@athena') },
    ['nothing: it has the label olympus:human'],
  ],
  [
    'a comment is deleted',
    ...(['issue_comment', 'deleted'] as const),
    { issue: issueOf(), comment: commentOf('@athena') },
    ['nothing: issue_comment deleted is nothing that we act on'],
  ],
  [
    'an agent is mentioned at a line',
    ...(['pull_request_review_comment', 'created'] as const),
    { pull_request: pullOf(), comment: commentOf('@athena why?') },
    ['acme/web:8:line-comment:99:athena by github:bob (member)'],
  ],
  [
    'a review is wanted of an agent, and of a team',
    ...(['pull_request', 'review_requested'] as const),
    { pull_request: pullOf({ requested_reviewers: [ATHENA, { name: 'all', slug: 'all' }] }) },
    ['acme/web:8:review-wanted:abc123:athena by github:bob (member)'],
  ],
  [
    'an agent wants the review of another',
    ...(['pull_request', 'review_requested'] as const),
    { pull_request: pullOf({ requested_reviewers: [ATHENA] }), sender: APOLLO },
    ['acme/web:8:review-wanted:abc123:athena by apollo (bot)'],
  ],
  [
    'a review is wanted of who wrote it',
    ...(['pull_request', 'review_requested'] as const),
    { pull_request: pullOf({ requested_reviewers: [APOLLO] }) },
    ['nothing: it is wanted of no agent'],
  ],
  [
    'somebody from outside pushes to what is to be reviewed',
    ...(['pull_request', 'synchronize'] as const),
    {
      pull_request: pullOf({ user: MALLORY, author_association: 'NONE', requested_reviewers: [ATHENA] }),
      sender: MALLORY,
    },
    ['nothing: github:mallory may give no work here'],
  ],
  [
    'somebody who has no right here pushes to what somebody from outside wants reviewed',
    ...(['pull_request', 'synchronize'] as const),
    {
      pull_request: pullOf({ user: MALLORY, author_association: 'NONE', requested_reviewers: [ATHENA] }),
      sender: { login: 'eve', id: 7, type: 'User' },
    },
    ['nothing: github:mallory may give no work here'],
  ],
  [
    'somebody pushes to what a collaborator wants reviewed',
    ...(['pull_request', 'synchronize'] as const),
    {
      pull_request: pullOf({ user: BOB, requested_reviewers: [ATHENA] }),
      sender: MALLORY,
    },
    ['acme/web:8:review-wanted:abc123:athena by github:bob (member)'],
  ],
  [
    'a person reviews what an agent made',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf(), review: reviewOf('changes_requested') },
    ['acme/web:8:review:55:apollo by github:bob (member)'],
  ],
  [
    'an agent reviews what another made',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf(), review: reviewOf('commented', { user: ATHENA }) },
    ['acme/web:8:review:55:apollo by athena (bot)'],
  ],
  [
    'an agent reviews itself',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf(), review: reviewOf('commented', { user: APOLLO }) },
    ['nothing: it is the agent’s own'],
  ],
  [
    'somebody from outside reviews what an agent made',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf(), review: reviewOf('commented', { user: MALLORY, author_association: 'NONE' }) },
    ['nothing: github:mallory may give no work here'],
  ],
  [
    'a foreign bot reviews what an agent made',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf(), review: reviewOf('commented', { user: DEPENDABOT }) },
    ['nothing: github:dependabot[bot] is a bot'],
  ],
  [
    'a person approves without a word',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf(), review: reviewOf('approved', { body: null }) },
    ['nothing: it is approved, without a word'],
  ],
  [
    'a person reviews what a person made',
    ...(['pull_request_review', 'submitted'] as const),
    { pull_request: pullOf({ user: MALLORY }), review: reviewOf('commented') },
    ['nothing: the pull request is of no agent'],
  ],
  [
    'a check fails on the branch of an agent',
    ...(['check_run', 'completed'] as const),
    { check_run: checkOf('failure', 'agent/apollo/7-roof') },
    ['acme/web:8:check-failed:abc123:apollo by GitHub (bot)'],
  ],
  [
    'a check fails on another branch',
    ...(['check_run', 'completed'] as const),
    { check_run: checkOf('failure', 'agent/zeus/7-roof') },
    ['nothing: the branch is of no agent'],
  ],
  [
    'a check succeeds',
    ...(['check_run', 'completed'] as const),
    { check_run: checkOf('success', 'agent/apollo/7-roof') },
    ['nothing: check_run completed is nothing that we act on'],
  ],
  [
    'a pull request is merged',
    ...(['pull_request', 'closed'] as const),
    { pull_request: pullOf({ ...CLOSED(), merged_at: '2026-11-30T11:00:00Z' }) },
    ['end by github:bob: acme/web#8 was merged on GitHub'],
  ],
  [
    'an issue is closed that is paused',
    ...(['issues', 'closed'] as const),
    { issue: issueOf({ ...CLOSED(), ...label('olympus:pause') }) },
    ['end by github:bob: acme/web#7 was closed on GitHub'],
  ],
  [
    'it is another repository',
    ...(['issues', 'labeled'] as const),
    { issue: issueOf(label('agent:athena')), repository: { full_name: 'acme/other' } },
    ['nothing: acme/other is not among github.repositories'],
  ],
];

function CLOSED() {
  return { state: 'closed', closed_at: '2026-11-30T11:00:00Z' };
}

function reviewOf(state: string, patch: Patch = {}) {
  return {
    ...{ id: 55, state, body: 'The roof leaks.', html_url: 'https://github.com/acme/web/pull/8#review-55' },
    ...{ user: BOB, author_association: 'COLLABORATOR', submitted_at: '2026-11-30T10:00:00Z' },
    ...patch,
  };
}

function checkOf(conclusion: string, branch: string) {
  return {
    ...{ name: 'test', head_sha: 'abc123', conclusion, completed_at: '2026-11-30T10:00:00Z' },
    ...{ check_suite: { head_branch: branch }, pull_requests: [{ number: 8 }] },
  };
}
