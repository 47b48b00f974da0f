import assert from 'node:assert/strict';
import type { z } from 'zod';
import { ChatAccess } from '#core/chat-access.ts';
import { Policies } from '#core/policy.ts';
import { subjectsOf } from '#core/subjects.ts';
import { BusConnection } from '#integrations/nats/connection.ts';
import type { BusMessage } from '#integrations/nats/subscription.ts';
import { systemClock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import { createLogger } from '#lib/log.ts';
import { requestHandler } from '../../src/control/admission/requests.ts';
import { decisionRequestHandler } from '../../src/control/approvals/request-handler.ts';
import { Artifacts } from '../../src/control/artifacts/artifacts.ts';
import { DeadLetters } from '../../src/control/dead-letters/dead-letters.ts';
import { delegationHandler } from '../../src/control/delegation/request-handler.ts';
import { heartbeatHandler } from '../../src/control/registry/registry.ts';
import { onEnd } from '../../src/control/settle/on-end.ts';
import { resultHandler } from '../../src/control/settle/results.ts';
import { runEventHandler } from '../../src/control/settle/run-events.ts';
import type { Store } from '../../src/control/store/store.ts';

const FLEET = 'olympus';
const nothing = (): void => undefined;

/** What is as it is elsewhere unless a test says otherwise. */
interface ControlSettings {
  readonly now?: () => number;
  readonly access?: z.input<typeof ChatAccess>;
  readonly perMinute?: number;
  /** Where the files of workflows are. */
  readonly workflows?: string;
  readonly policies?: z.input<typeof Policies>;
}

/** The control plane's writing parts over one store, without a bus: messages are handed in as if they had come by it. */
export function controlOver(
  store: Store,
  { now = Date.now, access = {}, perMinute = 1000, workflows, policies }: ControlSettings = {},
) {
  const log = createLogger({ name: 'test', level: 'silent' });
  const context = {
    fleet: FLEET,
    subjects: subjectsOf(FLEET),
    now,
    onEnd,
    ...(policies ? { policies: Policies.parse(policies) } : {}),
  };
  const bus = new BusConnection({ name: 'test', url: 'nats://127.0.0.1:1', log, clock: systemClock });
  const deadLetters = new DeadLetters({ bus, store, context, log });
  const artifacts = new Artifacts({ bus, store, now: context.now });
  const limits = {
    ...{ context, log, deadlineMs: 600_000, approvalMs: 60_000 },
    ...{ perMinute, pairPerDay: 30, access: ChatAccess.parse(access) },
  };
  const both = { store, context, deadLetters, log };
  const admission = { ...both, ...limits, onDecided: nothing };
  return {
    context,
    limits,
    admission,
    request: requestHandler(admission, { dir: workflows, onStarted: nothing }),
    heartbeat: heartbeatHandler({
      ...both,
      ensureAgent: async () => undefined,
      publish: async () => undefined,
      onTold: nothing,
      onChanged: nothing,
      onDisagrees: nothing,
    }),
    runEvent: runEventHandler({ ...both, onMoved: nothing }),
    result: resultHandler({ ...both, artifacts, admission: limits, retryScale: 0, onSettled: nothing }),
    decision: decisionRequestHandler({ ...both, onTaken: nothing }),
    delegation: delegationHandler(admission),
  };
}

/** A message as a subscription hands it on; its handler must not give it up. */
export function arrived(subject: string, message: object): BusMessage {
  return {
    ...{ stream: 'TEST', seq: 1, subject, msgId: undefined, storedAt: Date.now(), deliveryCount: 1 },
    body: Buffer.from(JSON.stringify(message)),
    ack: async () => undefined,
    working: nothing,
    later: nothing,
    term: (reason) => assert.fail(reason),
  };
}

/** The head of a message about this. */
export function headOf(subject: string) {
  return { id: newId(Date.now()), source: '/test', subject, time: new Date().toISOString() };
}
