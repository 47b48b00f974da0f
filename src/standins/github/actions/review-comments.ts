import { invalid } from '../errors.ts';
import { changedFiles, type FileChange } from '../git/diff.ts';
import { type JsonObject, numberOf, objectsOf, textOf } from '../json.ts';
import type { Review, ReviewComment } from '../model.ts';
import type { PullIssue } from '../render/pulls.ts';
import type { WriteCall } from '../routes.ts';

/** A comment on a place of the diff, checked but not written yet. */
export type Draft = Pick<ReviewComment, 'body' | 'path' | 'commitId' | 'line' | 'side' | 'diffHunk'>;

/** The comments that come with a review; 422 for a place that is not in the diff, and then none is written. */
export async function readComments(call: WriteCall, issue: PullIssue, commitId: string): Promise<Draft[]> {
  const given = objectsOf(call.body['comments']);
  if (given.length === 0) return [];
  const files = await filesOf(call, issue);
  return given.map((each) => readDraft(each, commitId, files));
}

/** The files of the pull request, whose lines may be commented on. */
export function filesOf({ world, repo }: WriteCall, { pull }: PullIssue): Promise<FileChange[]> {
  return changedFiles(world.repos.dir(repo.id), `${pull.baseSha}...${pull.headSha}`);
}

/** One comment of a request. */
export function readDraft(given: JsonObject, commitId: string, files: readonly FileChange[]): Draft {
  const resource = 'PullRequestReviewComment';
  const [body, path] = [textOf(given, 'body'), textOf(given, 'path')];
  if (!body) throw invalid(resource, 'body', 'missing_field');
  const file = files.find((each) => each.path === path);
  if (path === undefined || !file) throw invalid(resource, 'path', 'invalid');
  const side = textOf(given, 'side') === 'LEFT' ? 'LEFT' : 'RIGHT';
  const line = numberOf(given, 'line') ?? null;
  const isOfFile = textOf(given, 'subject_type') === 'file';
  if (line === null && !isOfFile) throw invalid(resource, 'line', 'missing_field');
  const hunk = line === null ? '' : hunkAt(file.patch ?? '', line, side);
  if (hunk === undefined) throw invalid(resource, 'line', 'invalid', 'line must be part of the diff');
  return { body, path, commitId, line, side, diffHunk: hunk };
}

/** Writes comments of a review. */
export function writeComments(
  { world, caller }: WriteCall,
  issue: PullIssue,
  review: Review,
  drafts: readonly Draft[],
  inReplyToId?: number,
): ReviewComment[] {
  const now = world.clock.now();
  return drafts.map((draft) => {
    const comment: ReviewComment = {
      ...draft,
      id: world.state.nextId(),
      issueId: issue.id,
      repoId: issue.repoId,
      reviewId: review.id,
      authorId: caller.account.id,
      inReplyToId,
      createdAt: now,
      updatedAt: now,
    };
    world.state.reviewComments.set(comment.id, comment);
    return comment;
  });
}

/** The part of the patch down to the line, or undefined when the line is not in it. */
function hunkAt(patch: string, line: number, side: 'LEFT' | 'RIGHT'): string | undefined {
  let [left, right] = [0, 0];
  let hunk: string[] = [];
  for (const text of patch.split('\n')) {
    const start = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(text);
    if (start) {
      [left, right] = [Number(start[1]), Number(start[2])];
      hunk = [text];
      continue;
    }
    if (text.startsWith('\\')) continue;
    hunk.push(text);
    const isHere =
      side === 'LEFT' ? !text.startsWith('+') && left === line : !text.startsWith('-') && right === line;
    if (isHere) return hunk.join('\n');
    if (!text.startsWith('+')) left += 1;
    if (!text.startsWith('-')) right += 1;
  }
  return undefined;
}
