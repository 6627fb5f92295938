import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { allows } from '../../../db/access/repository';
import { probeHeader } from '../../../domain/serving/prediction';
import { findTenantLabel } from '../authentication';
import { answerHeaders } from '../inference/answer-headers';
import { jsonLengthHeader } from '../inference/infer-body';
import type { GatewayMetrics } from '../metrics';
import { parseModelName } from '../model/model-name';
import type { RequestAdmission } from '../inference/admission';
import type { InferenceAnswer, InferenceCall } from '../inference/inference';
import { admitRequests, working } from './admit';

export interface InferRouteDeps {
  readonly infer: (call: InferenceCall) => Promise<InferenceAnswer>;
  readonly admission: Pick<RequestAdmission, 'enter'>;
  readonly metrics: GatewayMetrics;
}

export interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/**
 * Open Inference Protocol V2: the body has one named tensor per request column, or rows of JSON
 * objects.
 */
export function inferRoutes(
  app: FastifyInstance,
  { infer, admission, metrics }: InferRouteDeps,
): void {
  async function handle(
    request: FastifyRequest<{ Params: ModelParams }>,
    reply: FastifyReply,
  ): Promise<string | Buffer> {
    const { model, version } = request.params;
    const arrivedAt = performance.now() - reply.elapsedTime;
    const { caller, body } = request;
    // Only the platform may mark a request as a probe; all others count as traffic.
    const isProbe = probeHeader in request.headers && allows(caller.scope, 'operator');
    const name = parseModelName(model, version);
    const answer = await working(request, () =>
      infer({ tenant: caller.tenant, name, body, arrivedAt, isProbe }),
    );
    request.answer = answer;
    void reply.headers({ ...contentHeaders(answer), ...answerHeaders(answer) });
    if (answer.stale !== null) metrics.staleAnswer();
    return answer.body;
  }

  function count(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    // Over HTTP/2 a request that its client has cancelled also comes here.
    if (!reply.raw.writableEnded) {
      done();
      return;
    }
    const { answer } = request;
    metrics.request({
      tenant: findTenantLabel(request),
      // An unknown name would create a time series for every misspelling.
      model: answer?.served.model ?? '',
      version: answer?.served.version ?? null,
      arm: answer?.arm ?? '',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  }

  app.decorateRequest('answer', null);
  const hooks = { preParsing: admitRequests(app, admission), onResponse: count };
  app.post<{ Params: ModelParams }>('/v2/models/:model/infer', hooks, handle);
  app.post<{ Params: ModelParams }>('/v2/models/:model/versions/:version/infer', hooks, handle);
}

function contentHeaders({ jsonBytes }: InferenceAnswer): Readonly<Record<string, string>> {
  if (jsonBytes === null) return { 'content-type': 'application/json; charset=utf-8' };
  return { 'content-type': 'application/octet-stream', [jsonLengthHeader]: String(jsonBytes) };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The answer to an inference request, for the counters. */
    answer: InferenceAnswer | null;
  }
}
