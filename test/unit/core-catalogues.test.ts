import assert from 'node:assert/strict';
import { errorCodes, messageOf, OlympusError } from '#core/errors.ts';
import { failureClasses, failureCodes } from '#core/failures.ts';
import { type RejectionCode, rejectionSentence, rejections } from '#core/rejections.ts';

/** What admission fills in, by code. */
const VALUES: Readonly<Record<RejectionCode, Readonly<Record<string, string | number>>>> = {
  empty_input: { agent: 'athena' },
  input_too_long: { length: 20_000, limit: 16_383 },
  unknown_agent: { agent: 'zeus', known: '@athena, @apollo' },
  too_deep: { depth: 4, limit: 3 },
  not_delegated: { author: 'apollo', agent: 'athena' },
  pair_limit: { author: 'apollo', count: 30, limit: 30 },
  asked_in_circle: { agent: 'athena' },
  no_person: { count: 40, limit: 40 },
  account_standing: { standing: 'guest' },
  not_on_list: { where: 'in this channel' },
  unknown_dependency: { unknown: 'task t-9' },
  no_agent_for_domain: { domain: 'intel' },
  workflow_broken: { name: 'briefing' },
  rate_limited: { count: 61, limit: 60 },
  foreign_bot: { author: 'jenkins' },
};

describe('the sentence of a refusal', () => {
  for (const code of Object.keys(rejections) as RejectionCode[]) {
    it(`${code} is whole once its values are filled in`, () => {
      const values = VALUES[code];
      const sentence = rejectionSentence(code, values);

      assert.doesNotMatch(sentence, /[{}]/);
      assert.match(sentence, /[.`]$/);
      for (const value of Object.values(values)) assert.ok(sentence.includes(String(value)), sentence);
    });
  }

  it('shows a value that was forgotten by its name, not as nothing', () => {
    assert.match(rejectionSentence('foreign_bot', {}), /`\{author\}` is neither/);
  });

  it('takes a value as it is, even one that looks like a placeholder or a pattern', () => {
    const sentence = rejectionSentence('unknown_agent', { agent: '{known}$&', known: '$1' });

    assert.equal(sentence, 'There is no agent called `@{known}$&` here. I know $1.');
  });
});

describe('a class of failure', () => {
  for (const code of failureCodes) {
    const failure = failureClasses[code];

    it(`${code} says how often it is tried, and waits between`, () => {
      const { retryable, maxAttempts, backoff } = failure;
      assert.equal(retryable, maxAttempts > 1);
      assert.equal(retryable, backoff.baseMs > 0);
      assert.ok(backoff.capMs >= backoff.baseMs);
      assert.ok(maxAttempts <= 5, 'a person waits for all of them');
    });

    it(`${code} has a sentence that continues "I could not finish this: …."`, () => {
      assert.doesNotMatch(failure.sentence, /[.!?\s]$/);
      assert.match(failure.sentence, /^(?:[a-z]|I )/);
    });

    it(`${code} tells the operator what happened and what to do`, () => {
      assert.match(failure.cause, /^[A-Z].*\.$/);
      assert.match(failure.remedy, /^[A-Z].*\.$/);
    });
  }
});

describe('an error of ours', () => {
  for (const [code, entry] of Object.entries(errorCodes)) {
    it(`${code} tells what happened and what to do`, () => {
      assert.match(entry.cause, /^\w.*\.$/);
      assert.match(entry.remedy, /^\w.*\.$/);
    });
  }

  it('keeps its code and its cause, and knows whether trying again can help', () => {
    const cause = new Error('ECONNREFUSED');
    const passing = new OlympusError('chat_unavailable', 'Mattermost did not answer', { cause });

    assert.equal(passing.code, 'chat_unavailable');
    assert.equal(passing.cause, cause);
    assert.equal(passing.terminal, false);
    assert.equal(new OlympusError('chat_refused', 'no').terminal, true);
    assert.equal(messageOf(passing), 'Mattermost did not answer');
    assert.equal(messageOf('plain text'), 'plain text');
  });
});
