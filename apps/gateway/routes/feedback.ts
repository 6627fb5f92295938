import type { FastifyInstance } from 'fastify';
import type { FeedbackRepository } from '../../../db/repositories/feedback';
import { failure, type Issue } from '../../../domain/failure';
import type { PredictionId, Tenant } from '../../../domain/ids';
import { decoders } from '../column-values';
import type { GatewayMetrics } from '../metrics';
import { kindOf, record } from '../request-tensor';
import { within } from '../within';

export interface FeedbackRouteDeps {
  readonly feedback: Pick<FeedbackRepository, 'record'>;
  readonly metrics: GatewayMetrics;
  readonly timeoutMs: number;
}

interface Label {
  readonly predictionId: PredictionId;
  readonly label: number | boolean;
  readonly labelledAt: string;
}

const maxLabels = 10_000;
const atOnce = 8;

/** `POST /v1/feedback`: one label or an array of them. Checked as a whole before the first is recorded; sending the same again changes nothing. */
export function feedbackRoutes(app: FastifyInstance, { feedback, metrics, timeoutMs }: FeedbackRouteDeps): void {
  app.post('/v1/feedback', async (request) => {
    const labels = parse(request.body);
    const { tenant } = request.caller;
    let joined = 0;
    for (let from = 0; from < labels.length; from += atOnce) {
      const answers = await Promise.all(labels.slice(from, from + atOnce).map((label) => recordLabel(tenant, label)));
      joined += answers.filter((answer) => answer.joined).length;
    }
    metrics.feedback('joined', joined);
    metrics.feedback('waiting', labels.length - joined);
    return { accepted: labels.length, joined, waiting: labels.length - joined };
  });

  function recordLabel(tenant: Tenant, label: Label): Promise<{ readonly joined: boolean }> {
    const taken = feedback.record({ tenant, ...label });
    return within(timeoutMs, taken, { type: 'DatabaseUnavailable', message: 'the registry did not take the feedback; send it again' });
  }
}

function parse(body: unknown): readonly Label[] {
  const items = Array.isArray(body) ? (body as readonly unknown[]) : [body];
  if (items.length === 0) throw failure('InvalidInput', 'the array of labels is empty');
  if (items.length > maxLabels) throw failure('InvalidInput', `${items.length} labels; the limit is ${maxLabels} a request`);
  const issues: Issue[] = [];
  const now = new Date().toISOString();
  const labels = items.map((item, index) => parseLabel(item, Array.isArray(body) ? `/${index}` : '', now, issues));
  if (issues.length > 0) throw failure('InvalidInput', issues[0]?.detail ?? '', { issues: issues.slice(0, 20) });
  return labels.filter((label) => label !== null);
}

function parseLabel(item: unknown, pointer: string, now: string, issues: Issue[]): Label | null {
  const given = record(item);
  if (given === null) {
    issues.push({ pointer, detail: `feedback must be an object with \`predictionId\` and \`label\`; got ${kindOf(item)}` });
    return null;
  }
  const { predictionId, label, labelledAt } = given;
  const before = issues.length;
  for (const name of Object.keys(given)) {
    if (!members.has(name))
      issues.push({
        pointer: `${pointer}/${name.slice(0, 60)}`,
        detail: `\`${name.slice(0, 60)}\` is not part of feedback; expected ${[...members].join(', ')}`,
      });
  }
  if (typeof predictionId !== 'string' || !/^pred_[0-9a-hjkmnp-tv-z]{26}$/.test(predictionId)) {
    issues.push({ pointer: `${pointer}/predictionId`, detail: '`predictionId` must be an id that an answer carried, `pred_…`' });
  }
  if (typeof label !== 'boolean' && (typeof label !== 'number' || !Number.isFinite(label))) {
    issues.push({ pointer: `${pointer}/label`, detail: `\`label\` is ${kindOf(label)}; expected true, false or a number` });
  }
  const time = labelledAt === undefined ? now : decoders.timestamp(labelledAt);
  if (typeof time !== 'string') {
    issues.push({
      pointer: `${pointer}/labelledAt`,
      detail: '`labelledAt` must be an RFC 3339 time with its offset, such as "2013-07-01T09:00:00Z"',
    });
  }
  if (issues.length > before) return null;
  return { predictionId: predictionId as PredictionId, label: label as number | boolean, labelledAt: time as string };
}

const members: ReadonlySet<string> = new Set(['predictionId', 'label', 'labelledAt']);
