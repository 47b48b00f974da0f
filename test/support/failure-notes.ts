/** What the reporter shows under a test that failed: logs of servers that are gone by then. Cleared for each test. */
const notes: { title: string; text: string }[] = [];

/** Leaves a text to be shown if the running test fails. */
export function noteForFailure(title: string, text: string): void {
  notes.push({ title, text });
}

/** Takes what was noted since the last call. */
export function takeFailureNotes(): { title: string; text: string }[] {
  return notes.splice(0);
}
