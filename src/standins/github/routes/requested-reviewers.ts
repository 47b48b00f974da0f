import { roleOf } from '../access.ts';
import { accountsNamed, pullOf } from '../actions/find.ts';
import { note, tell } from '../actions/issue-changes.ts';
import { unprocessable } from '../errors.ts';
import { textsOf } from '../json.ts';
import type { Account } from '../model.ts';
import { showUser, showUserById } from '../render/accounts.ts';
import { showPull } from '../render/pulls.ts';
import { type Route, readRoute, type WriteCall, writeRoute } from '../routes.ts';

const PATH = '/pulls/:number/requested_reviewers';

/** Who was asked to review. Apps cannot be asked, as on GitHub. */
export const requestedReviewerRoutes: readonly Route[] = [
  readRoute(PATH, 'pull_requests:read', (call) => {
    const { pull } = pullOf(call);
    const users = pull.requestedReviewerIds.map((id) => showUserById(call.world, id));
    return { body: { users, teams: [] } };
  }),

  writeRoute('POST', PATH, 'pull_requests:write', async (call) => {
    const { world, repo, caller } = call;
    const issue = pullOf(call);
    for (const account of named(call)) {
      if (account.id === issue.authorId) {
        throw unprocessable('Review cannot be requested from pull request author.');
      }
      if (account.type !== 'User' || roleOf(world.state, account, repo) === undefined) {
        throw unprocessable(
          'Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.',
        );
      }
      if (issue.pull.requestedReviewerIds.includes(account.id)) continue;
      issue.pull.requestedReviewerIds.push(account.id);
      const requested_reviewer = showUser(world, account);
      const review_requester = showUserById(world, caller.account.id);
      note(world, issue, 'review_requested', caller.account.id, { review_requester, requested_reviewer });
      await tell(world, issue, 'review_requested', caller.account.id, { requested_reviewer });
    }
    return { status: 201, body: showPull(world, issue) };
  }),

  writeRoute('DELETE', PATH, 'pull_requests:write', async (call) => {
    const { world, caller } = call;
    const issue = pullOf(call);
    const { pull } = issue;
    for (const account of named(call)) {
      if (!pull.requestedReviewerIds.includes(account.id)) continue;
      pull.requestedReviewerIds = pull.requestedReviewerIds.filter((id) => id !== account.id);
      const requested_reviewer = showUser(world, account);
      const review_requester = showUserById(world, caller.account.id);
      note(world, issue, 'review_request_removed', caller.account.id, {
        review_requester,
        requested_reviewer,
      });
      await tell(world, issue, 'review_request_removed', caller.account.id, { requested_reviewer });
    }
    return { body: showPull(world, issue) };
  }),
];

function named(call: WriteCall): Account[] {
  return accountsNamed(call, textsOf(call.body['reviewers']) ?? [], 'PullRequest', 'reviewers');
}
