import { vectorScale, type LinearClassifier, type TextFeatures } from './linear-classifier';

export interface TrainingExample extends TextFeatures {
  readonly isPositive: boolean;
  readonly weight: number;
}

export interface TrainingPlan {
  readonly nGrams: number | null;
  readonly vector: number | null;
  /** Weight of the L2 penalty relative to the mean loss. */
  readonly penalty: number;
  readonly iterations: number;
}

/**
 * Minimises the weighted mean log-loss with an L2 penalty by limited-memory BFGS (D. C. Liu and J.
 * Nocedal, 1989). Deterministic: the same examples in the same order give the same weights.
 */
export function trainLinear(
  examples: readonly TrainingExample[],
  plan: TrainingPlan,
): LinearClassifier {
  const [grams, dimensions] = [plan.nGrams ?? 0, plan.vector ?? 0];
  const size = 1 + grams + dimensions;
  const total = examples.reduce((sum, { weight }) => sum + weight, 0);
  const of = (point: Float64Array): LinearClassifier => ({
    bias: point[0] ?? 0,
    nGrams: plan.nGrams === null ? null : Float32Array.from(point.subarray(1, 1 + grams)),
    vector: plan.vector === null ? null : Float32Array.from(point.subarray(1 + grams)),
  });
  const loss = (point: Float64Array, gradient: Float64Array): number => {
    let value = 0;
    for (let at = 0; at < size; at += 1) {
      const weight = at === 0 ? 0 : (point[at] ?? 0);
      gradient[at] = plan.penalty * weight;
      value += (plan.penalty / 2) * weight * weight;
    }
    for (const example of examples)
      value += addExample(example, point, gradient, {
        grams,
        dimensions,
        share: example.weight / total,
      });
    return value;
  };
  return of(minimise(loss, size, plan.iterations));
}

function addExample(
  { nGrams, vector, isPositive }: TrainingExample,
  point: Float64Array,
  gradient: Float64Array,
  {
    grams,
    dimensions,
    share,
  }: { readonly grams: number; readonly dimensions: number; readonly share: number },
): number {
  const each = 1 / Math.sqrt(Math.max(1, nGrams.length));
  let sum = point[0] ?? 0;
  if (grams > 0) for (const bucket of nGrams) sum += (point[1 + bucket] ?? 0) * each;
  if (vector)
    for (let at = 0; at < dimensions; at += 1)
      sum += (point[1 + grams + at] ?? 0) * (vector[at] ?? 0) * vectorScale;
  const margin = isPositive ? sum : -sum;
  const slope = ((isPositive ? -1 : 1) * share) / (1 + Math.exp(margin));
  gradient[0] = (gradient[0] ?? 0) + slope;
  if (grams > 0)
    for (const bucket of nGrams) gradient[1 + bucket] = (gradient[1 + bucket] ?? 0) + slope * each;
  if (vector) {
    for (let at = 0; at < dimensions; at += 1)
      gradient[1 + grams + at] =
        (gradient[1 + grams + at] ?? 0) + slope * (vector[at] ?? 0) * vectorScale;
  }
  // log(1 + e^-m) without overflow.
  return (
    share * (margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin)
  );
}

type Loss = (point: Float64Array, gradient: Float64Array) => number;

/** Number of stored steps; 5 to 20 are usual. */
const memory = 10;

function minimise(loss: Loss, size: number, iterations: number): Float64Array {
  let point = new Float64Array(size);
  let gradient = new Float64Array(size);
  let value = loss(point, gradient);
  const pairs: {
    readonly step: Float64Array;
    readonly change: Float64Array;
    readonly rho: number;
  }[] = [];
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    const direction = descent(gradient, pairs);
    const slope = dot(direction, gradient);
    let length = pairs.length === 0 ? 1 / Math.max(1e-12, Math.sqrt(dot(gradient, gradient))) : 1;
    let [next, nextGradient, nextValue] = [point, gradient, Infinity];
    // Backtracking line search with the Armijo condition.
    for (let tries = 0; tries < 30 && !(nextValue <= value + 1e-4 * length * slope); tries += 1) {
      if (tries > 0) length /= 2;
      const step = length;
      next = point.map((at, index) => at + step * (direction[index] ?? 0));
      nextGradient = new Float64Array(size);
      nextValue = loss(next, nextGradient);
    }
    if (!(nextValue < value)) return point;
    const [step, change] = [subtract(next, point), subtract(nextGradient, gradient)];
    const curvature = dot(step, change);
    if (curvature > 1e-12) pairs.push({ step, change, rho: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    const fell = (value - nextValue) / Math.max(1e-12, value);
    [point, gradient, value] = [next, nextGradient, nextValue];
    if (fell < 1e-6) return point;
  }
  return point;
}

/** The two-loop recursion of L-BFGS. */
function descent(
  gradient: Float64Array,
  pairs: readonly {
    readonly step: Float64Array;
    readonly change: Float64Array;
    readonly rho: number;
  }[],
): Float64Array {
  const direction = gradient.map((value) => -value);
  const alphas: number[] = [];
  for (const { step, change, rho } of pairs.toReversed()) {
    const alpha = rho * dot(step, direction);
    alphas.push(alpha);
    addScaled(direction, change, -alpha);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let at = 0; at < direction.length; at += 1) direction[at] = (direction[at] ?? 0) * scale;
  }
  for (const { step, change, rho } of pairs)
    addScaled(direction, step, (alphas.pop() ?? 0) - rho * dot(change, direction));
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}

function addScaled(to: Float64Array, what: Float64Array, by: number): void {
  for (let at = 0; at < to.length; at += 1) to[at] = (to[at] ?? 0) + by * (what[at] ?? 0);
}

function subtract(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, at) => value - (b[at] ?? 0));
}
