import { AccountQuestion } from './account-question.ts';
import { AgentCommand } from './agent-command.ts';
import { AgentDuty } from './agent-duty.ts';
import { ApprovalRequest } from './approval-request.ts';
import { ChatCommandRequest } from './chat-command.ts';
import { DeadLetter } from './dead-letter.ts';
import { Decision } from './decision.ts';
import { DelegationRequest } from './delegation-request.ts';
import { Delivery } from './delivery.ts';
import { FleetEvent } from './event.ts';
import { Heartbeat } from './heartbeat.ts';
import { KnightResult } from './knight-result.ts';
import { QuestionRequest } from './question-request.ts';
import { RunEventMessage } from './run-event.ts';
import { RunResult } from './run-result.ts';
import { TaskCreate } from './task-create.ts';
import { TaskDispatch } from './task-dispatch.ts';
import { TaskRevise } from './task-revise.ts';

/** Every kind of message there is: what may stand on the bus. */
export const allMessages = [
  TaskCreate,
  TaskRevise,
  ChatCommandRequest,
  ApprovalRequest,
  QuestionRequest,
  DelegationRequest,
  Decision,
  TaskDispatch,
  RunEventMessage,
  RunResult,
  Heartbeat,
  Delivery,
  DeadLetter,
  AgentCommand,
  AgentDuty,
  AccountQuestion,
  FleetEvent,
  KnightResult,
] as const;
