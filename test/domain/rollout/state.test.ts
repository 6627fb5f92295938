import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import {
  addObservations,
  emptyRolloutState,
  type AnswerCounts,
  type ArmCounts,
  type RolloutState,
  type RolloutObservations,
  type ObservedPair,
  type RolloutPosition,
} from '../../../domain/rollout/state';
import { policyWith } from '../../support/rollout/policies';

const startMs = Date.parse('2013-08-01T00:00:00Z');
const at = (hours: number) => new Date(startMs + hours * 3_600_000).toISOString();
const position: RolloutPosition = {
  champion: 'm@1',
  challenger: 'm@2',
  step: 0,
  extendedSeconds: 0,
};
const noAnswers: AnswerCounts = { streamed: 0, late: 0, costly: 0, blocked: 0, malformed: 0 };
const none: ArmCounts = {
  requests: 0,
  errors: 0,
  assigned: 0,
  fallbacks: 0,
  slow: 0,
  ripe: 0,
  labelled: 0,
};
const nobody = { champion: none, challenger: none };
const seenAt = (hours: number, over: Partial<RolloutObservations> = {}): RolloutObservations => ({
  eventNow: at(hours),
  ripeUntil: at(hours - 6),
  step: nobody,
  total: nobody,
  answers: noAnswers,
  pairs: [],
  ...over,
});
const pairAt = (hours: number, over: Partial<ObservedPair> = {}): ObservedPair => ({
  eventTime: at(hours),
  label: 1,
  champion: 0.5,
  challenger: 0.5,
  assigned: 'champion',
  step: 0,
  ...over,
});
const readQuality = ({ evidence }: RolloutState) => evidence?.quality;

describe('the state of a rollout', () => {
  const policy = policyWith();
  const begun = addObservations(policy, emptyRolloutState, position, seenAt(10));

  test('is empty until there is traffic, which sets event time', () => {
    expect(
      addObservations(
        policy,
        emptyRolloutState,
        position,
        seenAt(10, { eventNow: null, ripeUntil: null }),
      ),
    ).toBe(emptyRolloutState);
    expect(begun.evidence).toMatchObject({ startedAt: at(10), asOf: at(10), step: 0 });
  });

  test('advances to the event time of due labels, and never goes back', () => {
    const later = addObservations(policy, begun, position, seenAt(20));
    expect(later.evidence).toMatchObject({ startedAt: at(10), asOf: at(14) });
    expect(
      addObservations(policy, later, position, seenAt(20, { ripeUntil: at(12) })).evidence,
    ).toMatchObject({ asOf: at(14) });
  });

  test('in shadow takes over the registry’s count of requests that the challenger scored', () => {
    const step = { champion: none, challenger: { ...none, requests: 40, errors: 1 } };
    const once = addObservations(policy, begun, position, seenAt(12, { step }));
    expect(once.evidence).toMatchObject({
      requestsInStep: 40,
      guardrails: { errors: { n: 40, events: 1 }, latency_ms: { n: 0, events: 0 } },
    });
    expect(addObservations(policy, once, position, seenAt(12, { step })).evidence).toEqual(
      once.evidence,
    );
  });

  test('in a serving step counts only requests that are assigned to the challenger', () => {
    const step = {
      champion: none,
      challenger: { ...none, requests: 400, errors: 3, assigned: 20, fallbacks: 2, slow: 4 },
    };
    const grown = addObservations(policy, begun, { ...position, step: 1 }, seenAt(12, { step }));
    expect(grown.evidence).toMatchObject({
      requestsInStep: 20,
      guardrails: { errors: { n: 20, events: 2 }, latency_ms: { n: 20, events: 4 } },
    });
    const verdict = grown.evidence && decideRollout(policy, grown.evidence);
    expect(verdict?.reasons.map(({ message }) => message).join('\n')).toContain(
      'the challenger was assigned 20 requests in this step; 200 are required',
    );
  });

  test('counts the requests whose due label is missing', () => {
    const total = {
      champion: { ...none, ripe: 50, labelled: 45 },
      challenger: { ...none, ripe: 10, labelled: 8 },
    };
    expect(
      readQuality(addObservations(policy, begun, position, seenAt(30, { total }))),
    ).toMatchObject({
      unlabelled: 7,
    });
  });

  test('keeps the end of judging only while it is given, because judging may resume', () => {
    const noMoreLabels = { after: at(10), why: 'the budget is spent' };
    const ended = addObservations(policy, begun, { ...position, noMoreLabels }, seenAt(20));
    expect(ended.evidence?.noMoreLabels).toEqual(noMoreLabels);
    expect(ended.evidence && decideRollout(policy, ended.evidence)).toMatchObject({
      kind: 'expired',
    });
    const resumed = addObservations(policy, ended, position, seenAt(21));
    expect(resumed.evidence).not.toHaveProperty('noMoreLabels');
    expect(resumed.evidence && decideRollout(policy, resumed.evidence)).toMatchObject({
      kind: 'continue',
    });
  });

  test('adds a chart point for each new number of pairs', () => {
    const one = addObservations(
      policy,
      begun,
      position,
      seenAt(30, { pairs: [pairAt(11), pairAt(12)] }),
    );
    const same = addObservations(policy, one, position, seenAt(31));
    const more = addObservations(policy, same, position, seenAt(32, { pairs: [pairAt(25)] }));
    expect(more.history.map(({ n }) => n)).toEqual([2, 3]);
  });

  test('does not change once its evidence shows harm', () => {
    const step = { champion: none, challenger: { ...none, requests: 30, errors: 30 } };
    const harmed = addObservations(policy, begun, position, seenAt(12, { step }));
    if (harmed.evidence === null) throw new Error('seen');
    expect(decideRollout(policy, harmed.evidence).kind).toBe('harm');
    const healed = { champion: none, challenger: { ...none, requests: 100_000, errors: 30 } };
    expect(
      addObservations(
        policy,
        harmed,
        position,
        seenAt(500, { step: healed, pairs: [pairAt(100)] }),
      ),
    ).toBe(harmed);
  });
});

describe('the arms of a rollout', () => {
  const policy = policyWith({ comparison: 'arms', canary: { steps: [10, 50] } });
  const begun = addObservations(policy, emptyRolloutState, position, seenAt(10));

  test('count a request that the challenger failed for the challenger, not the champion', () => {
    const failed = pairAt(12, { assigned: 'challenger', challenger: null });
    const served = pairAt(13, { assigned: 'challenger', champion: null });
    expect(
      readQuality(
        addObservations(
          policy,
          begun,
          position,
          seenAt(30, { pairs: [failed, served, pairAt(14)] }),
        ),
      ),
    ).toMatchObject({
      champion: { n: 1 },
      challenger: { n: 1 },
      unscored: { champion: 0, challenger: 1 },
    });
  });

  test('cover all serving steps, and the current step alone', () => {
    const first = addObservations(policy, begun, position, seenAt(30, { pairs: [pairAt(11)] }));
    const second = addObservations(
      policy,
      first,
      { ...position, step: 1 },
      seenAt(40, { pairs: [pairAt(20), pairAt(33, { step: 1 })] }),
    );
    expect(readQuality(second)).toMatchObject({
      champion: { n: 3 },
      step: { champion: { n: 1 }, challenger: { n: 0 } },
    });
  });
});
