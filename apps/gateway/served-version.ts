import type { Digest } from '../../domain/artifact';
import { versionName } from '../../domain/model';
import { compileAnswerCodec, type Answer } from './answer-codec';
import type { ModelHold } from './model-cache';

/** One version that can answer: the loaded bytes under their number. */
export interface ServedVersion {
  readonly model: string;
  readonly version: number;
  /** `flight-delay@7` */
  readonly name: string;
  readonly digest: Digest;
  readonly hold: ModelHold;
  readonly encode: (answer: Answer) => string;
}

export function servedVersion(model: string, version: number, hold: ModelHold): ServedVersion {
  return {
    model,
    version,
    name: versionName({ model, version }),
    digest: hold.model.digest,
    hold,
    encode: compileAnswerCodec({ model, version }),
  };
}
