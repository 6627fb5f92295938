import type { Digest } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { versionName } from '../../../domain/model/model';
import { compileAnswerCodec, type Answer, type AnswerBody } from '../inference/answer-codec';
import type { LoadedBundle } from './load-bundle';
import type { LoadedGraph } from './load-graph';
import type { ModelHold } from './model-cache';

/** A loaded model with its version number. */
export interface ServedVersion {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
  /** `flight-delay@7` */
  readonly name: string;
  readonly digest: Digest;
  readonly hold: ModelHold;
  readonly encode: (answer: Answer) => AnswerBody;
}

export function servedVersion(
  { tenant, model, version }: Pick<ServedVersion, 'tenant' | 'model' | 'version'>,
  hold: ModelHold,
): ServedVersion {
  return {
    tenant,
    model,
    version,
    name: versionName({ model, version }),
    digest: hold.model.digest,
    hold,
    encode: compileAnswerCodec({
      model,
      version,
      classes: hold.model.kind === 'graph' ? hold.model.signature.classes : undefined,
    }),
  };
}

/** Throws InvalidInput with the route for this kind of model. */
export function requireGraph({ name, model, hold }: ServedVersion): LoadedGraph {
  if (hold.model.kind === 'graph') return hold.model;
  throw failure(
    'InvalidInput',
    `${name} is a language application and cannot be used with the Open Inference Protocol`,
    {
      next: `POST /v1/chat/completions with "model": "${model}"`,
    },
  );
}

/** Throws InvalidInput with the route for this kind of model. */
export function requireBundle({ name, model, hold }: ServedVersion): LoadedBundle {
  if (hold.model.kind === 'bundle') return hold.model;
  throw failure(
    'InvalidInput',
    `${name} is not a language application and cannot be used with the OpenAI API`,
    {
      next: `POST /v2/models/${model}/infer`,
    },
  );
}
