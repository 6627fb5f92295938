import { z } from 'zod';
import { failure } from '../../domain/failure';
import type { ChatAnswer } from '../../domain/chat/chat';
import { answerWithheld } from './provider/withheld-answer';
import { patternTimeLimitMs, runWithTimeLimit } from '../time-limit';

/**
 * Parse and validate an answer that must be JSON of this schema. JSON inside prose or a code block
 * is invalid. Throws AnswerInvalid, which names the path but not the text, and AnswerWithheld when
 * a provider's filter stopped the answer.
 */
export function parseJsonAnswer(
  answer: ChatAnswer,
  schema: Readonly<Record<string, unknown>>,
): unknown {
  if (answer.finish === 'filtered') throw answerWithheld(answer);
  const value = parse(answer);
  const validator = toValidator(schema);
  const tried = checkAnswer(answer, () =>
    runWithTimeLimit(patternTimeLimitMs, () => validator.safeParse(value)),
  );
  if (tried.kind === 'late')
    throw failure(
      'AnswerInvalid',
      `the JSON answer of ${answer.model} could not be validated against the schema in time`,
      { next: 'look for a pattern in the schema that takes exponential time, such as (a+)+' },
    );
  const { success, data, error } = tried.value;
  if (success) return data;
  const [issue] = error.issues;
  throw failure(
    'AnswerInvalid',
    `the JSON answer of ${answer.model} does not match the schema: ` +
      `${issue?.code ?? 'invalid'} at /${issue?.path.join('/') ?? ''}`,
  );
}

/** A schema stored before prompt.schema.ts checked it may not be convertible. */
function toValidator(schema: Readonly<Record<string, unknown>>): z.ZodType {
  try {
    return z.fromJSONSchema(schema);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure('InvalidInput', `answers cannot be validated against the schema: ${reason}`, {
      cause,
    });
  }
}

/**
 * A recursive schema on a deeply nested answer overflows the stack. That makes the answer invalid;
 * it must not fail the worker.
 */
function checkAnswer<T>({ model }: ChatAnswer, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure(
      'AnswerInvalid',
      `the JSON answer of ${model} could not be validated against the schema: ${reason}`,
      { cause },
    );
  }
}

function parse({ text, finish, model }: ChatAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (finish === 'length') {
      throw failure(
        'AnswerInvalid',
        `the JSON answer of ${model} was cut off after ${text.length} characters`,
        { next: 'raise sampling.maxTokens' },
      );
    }
    throw failure(
      'AnswerInvalid',
      `the answer of ${model} is not JSON (${text.length} characters)`,
    );
  }
}
