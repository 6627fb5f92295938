import type { PredictionId } from '../../../domain/ids';
import { failure, type Issue } from '../../../domain/failure';
import type { AnswerFeedback } from '../../../domain/rollout/judging/answer-quality';
import { decoders } from '../inference/column-values';
import { describeKind, record } from '../inference/request-tensor';

/** One validated item of feedback: a number or boolean for a score, or a judgement of an answer. */
export interface FeedbackItem {
  readonly predictionId: PredictionId;
  readonly label: number | boolean | AnswerFeedback;
  /** Not later than the receipt: a label from the future could never be corrected. */
  readonly labelledAt: string;
}

const maxLabels = 10_000;
const maxCharacters = 100_000;
const maxReferences = 50;
/** The limit of reported errors, because further ones tend to repeat. */
const maxIssues = 100;

/** Parse one label or an array of them. Throws InvalidInput with every error and its path. */
export function parseFeedback(body: unknown): readonly FeedbackItem[] {
  const items = Array.isArray(body) ? (body as readonly unknown[]) : [body];
  if (items.length === 0) throw failure('InvalidInput', 'the array of labels is empty');
  if (items.length > maxLabels)
    throw failure('InvalidInput', `${items.length} labels; the limit is ${maxLabels} per request`);
  const issues: Issue[] = [];
  const now = new Date().toISOString();
  const read = items.map((item, index) =>
    issues.length >= maxIssues
      ? null
      : parseItem(item, { pointer: Array.isArray(body) ? `/${index}` : '', now, issues }),
  );
  if (issues.length > 0)
    throw failure('InvalidInput', issues[0]?.detail ?? '', { issues: issues.slice(0, 20) });
  return read.filter((item) => item !== null);
}

interface ItemPlace {
  readonly pointer: string;
  readonly now: string;
  readonly issues: Issue[];
}

const members = ['predictionId', 'label', 'score', 'thumbs', 'correction', 'labelledAt'] as const;
type Given = Readonly<Partial<Record<(typeof members)[number], unknown>>>;

function parseItem(item: unknown, { pointer, now, issues }: ItemPlace): FeedbackItem | null {
  const given: Given | null = record(item);
  const issue = (name: string, detail: string) =>
    issues.push({ pointer: name === '' ? pointer : `${pointer}/${name}`, detail });
  if (given === null) {
    issue(
      '',
      `feedback must be an object with \`predictionId\` and \`label\`; got ${describeKind(item)}`,
    );
    return null;
  }
  const before = issues.length;
  for (const name of Object.keys(given)
    .filter((each) => !(members as readonly string[]).includes(each))
    .slice(0, 20)) {
    issue(
      name.slice(0, 60),
      `\`${name.slice(0, 60)}\` is not part of feedback; expected ${members.join(', ')}`,
    );
  }
  const { predictionId, labelledAt } = given;
  if (typeof predictionId !== 'string' || !/^pred_[0-9a-hjkmnp-tv-z]{26}$/.test(predictionId)) {
    issue('predictionId', '`predictionId` must be the id of a prediction, `pred_…`');
  }
  const time = labelledAt === undefined ? now : decoders.timestamp(labelledAt);
  if (typeof time !== 'string') {
    issue(
      'labelledAt',
      '`labelledAt` must be an RFC 3339 time with its offset, such as "2013-07-01T09:00:00Z"',
    );
  }
  const label = readLabel(given, issue);
  if (label === null || issues.length > before) return null;
  return {
    predictionId: predictionId as PredictionId,
    label,
    labelledAt: earlier(time as string, now),
  };
}

function earlier(time: string, other: string): string {
  return Date.parse(time) > Date.parse(other) ? other : time;
}

function readLabel(
  given: Given,
  issue: (name: string, detail: string) => void,
): FeedbackItem['label'] | null {
  const { label, score, thumbs, correction } = given;
  const isOpinion = score !== undefined || thumbs !== undefined || correction !== undefined;
  const references = referencesIn(label);
  if (label !== undefined && references === null) {
    if (typeof label === 'boolean' || (typeof label === 'number' && Number.isFinite(label))) {
      if (!isOpinion) return label;
      issue(
        'label',
        '`label` is the true value of a score; `score`, `thumbs` and `correction` rate an answer; send only one of them',
      );
      return null;
    }
    issue(
      'label',
      `\`label\` is ${describeKind(label)}; expected true, false or a number, or of an answer the right text, or a list of texts as right`,
    );
  }
  if (label === undefined && !isOpinion) {
    issue(
      'label',
      '`label` is missing; expected true, false or a number; for an answer `label`, `score`, `thumbs` or `correction`',
    );
  }
  if (score !== undefined && (typeof score !== 'number' || !(score >= 0 && score <= 1))) {
    issue('score', '`score` must be a number from 0 (useless) to 1 (perfect)');
  }
  if (thumbs !== undefined && thumbs !== 'up' && thumbs !== 'down')
    issue('thumbs', '`thumbs` must be "up" or "down"');
  if (score !== undefined && thumbs !== undefined)
    issue('thumbs', '`thumbs` is a score of 1 or 0; send either `thumbs` or `score`');
  if (correction !== undefined && !isText(correction)) {
    issue(
      'correction',
      `\`correction\` must be the corrected answer, a text of at most ${maxCharacters} characters`,
    );
  }
  const worth = thumbs === undefined ? (score as number | undefined) : thumbs === 'up' ? 1 : 0;
  return {
    ...(references !== null && { references }),
    ...(worth !== undefined && { score: worth }),
    ...(correction !== undefined && { correction: correction as string }),
  };
}

/** One right answer, or several that are all right. */
function referencesIn(label: unknown): readonly string[] | null {
  if (isText(label)) return [label];
  if (!Array.isArray(label) || label.length === 0 || label.length > maxReferences) return null;
  return label.every(isText) ? label : null;
}

function isText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= maxCharacters &&
    !unstorable.test(value)
  );
}

/** PostgreSQL cannot store such characters in JSON. */
const unstorable = /[\0\p{Surrogate}]/u;
