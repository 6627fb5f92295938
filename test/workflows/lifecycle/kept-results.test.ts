import type { DecisionRef, Verdict } from '../../../domain/verdict';
import { keptEvaluations } from '../../../workflows/lifecycle/kept-results';
import { digest, failed, passed } from '../../support/fake-activities';

interface Evaluated {
  readonly decision: DecisionRef;
  readonly verdict: Verdict;
}

const decision: DecisionRef = {
  id: 'decision_1',
  policy: digest('policy'),
  evidence: digest('evidence'),
  verdict: failed,
};

test('a changed evaluation is the one that was kept', () => {
  const evaluations = keptEvaluations<Evaluated>();
  const evaluated = evaluations.keep({ decision, verdict: failed });
  expect(evaluations.own('run.release', { ...evaluated, verdict: passed } as Evaluated)).toEqual({
    decision,
    verdict: failed,
  });
});

test('an evaluation that was changed in place is the one that was kept', () => {
  const evaluations = keptEvaluations<Evaluated>();
  const evaluated = evaluations.keep({ decision, verdict: { ...failed } });
  Object.assign(evaluated.verdict, passed);
  Object.assign(evaluations.own('run.release', { decision }).verdict, passed);
  expect(evaluations.own('run.release', { decision }).verdict.kind).toBe('failed');
});

test('an evaluation that was not kept is refused with the next step', () => {
  const evaluations = keptEvaluations<Evaluated>();
  expect(() => evaluations.own('run.release', { decision })).toThrow(
    'run.release got the decision decision_1, which is not an evaluation of this run',
  );
});
