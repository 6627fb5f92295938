import type { z } from 'zod';
import { objectDocument } from '../../../../domain/document/document';
import { evaluationProblems } from '../../../../domain/language/dimension/checks';
import { dimensionSchema } from '../../../../domain/language/dimension/dimension.schema';
import { llmGateSchema } from '../../../../domain/language/evaluation/gate.schema';
import { searchSchema } from '../../../../domain/prompt-search/search.schema';
import { parseWithSchema } from '../../../../domain/document/schema-issues.schema';

const read = <S extends z.ZodType>(schema: S, value: unknown) =>
  parseWithSchema(schema, objectDocument(value, 'lifecycle.yaml'));
const value = <S extends z.ZodType>(schema: S, written: unknown) => {
  const found = read(schema, written);
  if (!found.ok) throw new Error(JSON.stringify(found.issues));
  return found.value;
};
const issues = (schema: z.ZodType, written: unknown) => {
  const found = read(schema, written);
  return found.ok ? [] : found.issues;
};

describe('an evaluation in a spec file', () => {
  test('gets its defaults', () => {
    expect(value(dimensionSchema, { name: 'steady', kind: 'consistency' })).toEqual({
      name: 'steady',
      kind: 'consistency',
      repeats: 3,
    });
    expect(value(dimensionSchema, { name: 'found', kind: 'retrieval' })).toMatchObject({
      metric: 'recall@5',
    });
    expect(
      value(llmGateSchema, { name: 'useful', kind: 'threshold', dimension: 'exact', min: 0.6 }),
    ).toMatchObject({
      confidence: 0.95,
      maxFailures: 0.02,
      minCases: 30,
    });
    expect(value(searchSchema, { quality: 'exact', proposers: [{ kind: 'fewShot' }] })).toEqual({
      quality: 'exact',
      proposers: [{ kind: 'fewShot', sizes: [2, 4, 8], draws: 8, pool: 32 }],
      variants: 64,
      halving: { firstCases: 8, eta: 3 },
      confirm: 0.4,
      budgetUsd: null,
      seed: 1,
    });
  });

  test.each<[string, z.ZodType, unknown, object]>([
    [
      'an unknown kind of dimension',
      dimensionSchema,
      { name: 'x', kind: 'exakt' },
      { pointer: '/kind', didYouMean: 'exact' },
    ],
    [
      'a key that the kind does not have',
      dimensionSchema,
      { name: 'x', kind: 'consistency', repeat: 3 },
      { pointer: '/repeat', didYouMean: 'repeats' },
    ],
    [
      'an absolute path of a judge prompt',
      dimensionSchema,
      { name: 'x', kind: 'judge', prompt: '/etc/judge.yaml', provider: 'p', model: 'm' },
      { pointer: '/prompt' },
    ],
    [
      'a minimum above 1',
      llmGateSchema,
      { name: 'x', kind: 'threshold', dimension: 'exact', min: 60 },
      { pointer: '/min' },
    ],
    [
      'a minimum of 0',
      llmGateSchema,
      { name: 'x', kind: 'threshold', dimension: 'exact', min: 0 },
      {
        pointer: '/min',
        detail: 'min is 0, which every score reaches, so the gate could never fail',
      },
    ],
    [
      'an invalid schema',
      dimensionSchema,
      { name: 'x', kind: 'json', schema: { type: 'nothing' } },
      {
        pointer: '/schema',
        detail: expect.stringContaining('schema is not a valid JSON Schema: ') as string,
      },
    ],
    [
      'a schema with an unknown reference',
      dimensionSchema,
      { name: 'x', kind: 'rules', rules: [{ kind: 'json', schema: { $ref: '#/$defs/none' } }] },
      { pointer: '/rules/0/schema' },
    ],
    [
      'a confidence that is too low',
      llmGateSchema,
      { name: 'x', kind: 'latency', maxMs: 5, confidence: 0.3 },
      { pointer: '/confidence' },
    ],
    [
      'a search without cases to confirm',
      searchSchema,
      { quality: 'exact', proposers: [{ kind: 'fewShot' }], confirm: 0 },
      { pointer: '/confirm' },
    ],
    [
      'a search with an eta of 1',
      searchSchema,
      { quality: 'exact', proposers: [{ kind: 'fewShot' }], halving: { eta: 1 } },
      { pointer: '/halving/eta' },
    ],
  ])('with %s is rejected with its place', (_name, schema, written, issue) => {
    expect(issues(schema, written)).toContainEqual(expect.objectContaining(issue));
  });

  test('is rejected with unknown or duplicate names', () => {
    const exact = value(dimensionSchema, { name: 'exact', kind: 'exact' });
    const steady = value(dimensionSchema, { name: 'steady', kind: 'consistency' });
    const sturdy = value(dimensionSchema, {
      name: 'sturdy',
      kind: 'robustness',
      of: 'steady',
      variable: 'q',
      perturbations: [{ kind: 'typos' }],
    });
    const gate = value(llmGateSchema, {
      name: 'useful',
      kind: 'threshold',
      dimension: 'exct',
      min: 0.6,
    });
    expect(evaluationProblems([exact, steady, sturdy, exact], [gate, gate])).toEqual([
      { path: ['dimensions', 3, 'name'], detail: 'exact is listed twice' },
      { path: ['gates', 1, 'name'], detail: 'useful is listed twice' },
      {
        path: ['dimensions', 2, 'of'],
        detail: 'steady cannot score a perturbed answer: it needs a judge or more answers',
      },
      {
        path: ['gates', 0, 'dimension'],
        detail: 'there is no dimension exct',
        didYouMean: 'exact',
      },
      {
        path: ['gates', 1, 'dimension'],
        detail: 'there is no dimension exct',
        didYouMean: 'exact',
      },
    ]);
  });
});
