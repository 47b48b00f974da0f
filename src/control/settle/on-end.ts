import { answerDelegator, dropDelegations } from '../delegation/answer.ts';
import { sayPiece } from '../deliveries/say-piece.ts';
import { settleDependents } from '../dependencies/settle.ts';
import type { OnEnd } from '../tasks/advance.ts';

/** What else happens in the transaction in which a task ends, in this order: what is said of it stands above what comes of it. */
export const onEnd: readonly OnEnd[] = [sayPiece, settleDependents, answerDelegator, dropDelegations];
