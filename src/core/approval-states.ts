/** The life of an approval or a question: it is decided once, or not at all. What is not in the table is refused. */
export const approvalTransitions = {
  pending: {
    approve: 'approved',
    deny: 'denied',
    answer: 'answered',
    /** Nobody decided in time: it counts as denied. */
    expire: 'expired',
    /** What it was for has ended. */
    withdraw: 'withdrawn',
  },
  approved: {},
  denied: {},
  answered: {},
  expired: {},
  withdrawn: {},
} as const satisfies Record<string, Partial<Record<string, string>>>;

export type ApprovalState = keyof typeof approvalTransitions;
export type ApprovalEvent = keyof (typeof approvalTransitions)['pending'];

export const approvalStates = Object.keys(approvalTransitions) as [ApprovalState, ...ApprovalState[]];

/** The state after `event`, or undefined when it is decided already. */
export function nextApprovalState(state: ApprovalState, event: ApprovalEvent): ApprovalState | undefined {
  const row: Partial<Record<ApprovalEvent, ApprovalState>> = approvalTransitions[state];
  return row[event];
}
