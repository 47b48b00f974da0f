import { unmentioning } from '#core/chat-command.ts';
import { quoted } from '#core/quoted.ts';
import { isTerminal } from '#core/task-states.ts';
import { becameOf, cutTo } from '../dependencies/bring.ts';
import { toldOf } from '../settle/answer.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import type { ControlContext } from '../tasks/advance.ts';
import { isPiece, parentOf } from '../tasks/pieces.ts';
import { say } from './deliver.ts';

/** As much of what was asked as says which piece it is, in characters. */
const ASKED_LIMIT = 300;

/**
 * Tells the conversation what came of a piece that has just ended, as long as somebody waits for it, so that the answer to
 * the whole comes last. The agent that speaks there says it, whoever's words they are, and nobody is mentioned: it is said to
 * who has asked, and would be work for others.
 */
export async function sayPiece(tx: Repositories, context: ControlContext, ended: TaskRecord): Promise<void> {
  const { conversation, author, agent, id, depth, state, text, answer = '', answerArtifact } = ended;
  if (!conversation || state === 'rejected' || !(await isPiece(tx, ended))) return;
  const parent = await parentOf(tx, ended);
  if (!parent || isTerminal(parent.state) || parent.state === 'cancelling') return;
  const told =
    state === 'completed'
      ? toldOf({ text: answer, ...(answerArtifact ? { artifact: answerArtifact } : {}) }, id)
      : becameOf(ended);
  const head = `**${agent}**, asked by ${parent.agent}:\n${cutTo(quoted(text), ASKED_LIMIT)}`;
  await say(tx, context, {
    ...{ agent: author, conversation, taskId: id, depth },
    state: 'admitted',
    text: unmentioning(`${head}\n\n${told}`),
  });
}
