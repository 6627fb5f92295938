/**
 * A search without a model: one round, then the confirmation, with the winner that a test names.
 */
import type {
  PromptScore,
  SearchOutcome,
  VariantProgress,
} from '../../../domain/prompt-search/outcome';
import type { PromptSearchRequest } from '../../../domain/prompt-search/request';
import { artifact, digest, type Overrides } from '../fake-activities';

/** `winner`: the name in its digest, as `fakeLlm` makes the digests of candidates. */
export function fakeSearch({
  first,
  winner,
}: {
  readonly first: string;
  readonly winner: string;
}): Overrides {
  return {
    describeSearch: () => Promise.resolve({ prompt: first, first: artifact(first), request }),
    openPromptSearch: () =>
      Promise.resolve({
        order: artifact('order'),
        state: artifact('state'),
        standing: standingIn('search'),
      }),
    askPromptPiece: ({ piece }) => Promise.resolve(artifact(`answers ${piece.variants.join('-')}`)),
    endPromptRound: () =>
      Promise.resolve({ state: artifact('state after'), standing: standingIn('confirm') }),
    keepPromptSearch: () => Promise.resolve(buildOutcome(winner)),
    endPromptSearch: () => Promise.resolve(),
  };
}

const request: PromptSearchRequest = {
  spec: {
    quality: 'right',
    proposers: [],
    variants: 4,
    confirm: 0,
    budgetUsd: null,
    seed: 1,
    halving: { firstCases: 8, eta: 3 },
  },
  dimensions: [{ name: 'right', kind: 'exact' }],
  cases: artifact('search cases'),
  heldOut: artifact('confirm cases'),
  bundle: artifact('bundle'),
  route: [{ provider: 'embedded', model: 'smollm2-135m-instruct' }],
  sampling: { temperature: 0, topP: 1, maxTokens: 64, seed: 17, stop: [] },
};

function standingIn(stage: VariantProgress['stage']): VariantProgress {
  const variants = stage === 'search' ? 4 : 2;
  return {
    stage,
    round: 0,
    rounds: [{ variants: 4, cases: 8 }],
    groups: [{ variants, met: 0 }],
    cases: 8,
    known: 4,
    questions: 0,
    best: null,
  };
}

function buildOutcome(winner: string): SearchOutcome {
  const mean = (of: number): PromptScore => ({
    cases: 60,
    failures: 0,
    mean: of,
    lower: of - 0.1,
    upper: of + 0.1,
  });
  return {
    winner: {
      digest: digest(`prompt ${winner}`),
      version: 7,
      artifact: artifact(winner),
      origin: { kind: 'grid', parent: null },
    },
    first: { digest: digest('prompt precise.yaml'), version: 3 },
    searched: {
      id: digest(`prompt ${winner}`),
      quality: 0.9,
      cases: 8,
      failures: 0,
      cost: 0,
      latencyMs: 5,
    },
    confirmed: { winner: mean(0.8), first: mean(0.7), gain: mean(0.1), optimism: 0.1 },
    improved: false,
    tied: 0,
    front: [],
    variants: 4,
    questions: 48,
    paid: { answers: 48, cost: 0, unsettled: 0 },
    report: artifact('report'),
  };
}
