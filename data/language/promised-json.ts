import { z } from 'zod';
import { failure } from '../../domain/failure';
import type { ChatAnswer } from '../../domain/language/chat';
import { answerWithheld } from './provider/withheld';
import { patternMs, withinTime } from '../time-limit';

/**
 * The value of an answer that was to be JSON of this schema. Taken by its word: a model that wraps
 * its JSON into prose or a code block has not kept the promise, and somebody's judge that sometimes
 * does must be seen to. Throws AnswerInvalid, which names the place but not the text, and
 * AnswerWithheld for one that a provider's filter has stopped: what there is of it is not the
 * whole.
 */
export function readPromised(
  answer: ChatAnswer,
  schema: Readonly<Record<string, unknown>>,
): unknown {
  if (answer.finish === 'filtered') throw answerWithheld(answer);
  const value = parse(answer);
  const promised = holding(schema);
  const tried = checked(answer, () => withinTime(patternMs, () => promised.safeParse(value)));
  if (tried.kind === 'late')
    throw failure(
      'AnswerInvalid',
      `${answer.model} answered JSON that could not be checked by the promised schema in time`,
      {
        next: 'look for a pattern in the schema that takes exponential time, such as (a+)+',
      },
    );
  const { success, data, error } = tried.value;
  if (success) return data;
  const [issue] = error.issues;
  throw failure(
    'AnswerInvalid',
    `${answer.model} answered JSON, but not of the promised schema: ${issue?.code ?? 'invalid'} at /${issue?.path.join('/') ?? ''}`,
  );
}

/**
 * One that was accepted before it was tried when it is written (prompt.schema.ts) may be beyond
 * what answers are held to.
 */
function holding(schema: Readonly<Record<string, unknown>>): z.ZodType {
  try {
    return z.fromJSONSchema(schema);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure('InvalidInput', `no answer can be held to the promised schema: ${reason}`, {
      cause,
    });
  }
}

/**
 * A model that repeats itself nests without end, and a schema that refers to itself follows it for
 * as long as the stack goes: that is the answer's fault, not the worker's.
 */
function checked<T>({ model }: ChatAnswer, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure(
      'AnswerInvalid',
      `${model} answered JSON that could not be checked by the promised schema: ${reason}`,
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
        `${model} was cut off in the middle of its JSON, after ${text.length} characters`,
        {
          next: 'raise sampling.maxTokens',
        },
      );
    }
    throw failure(
      'AnswerInvalid',
      `${model} answered ${text.length} characters that are not the promised JSON`,
    );
  }
}
