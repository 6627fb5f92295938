import { resolve } from 'node:path';
import { trainerIssues } from '../../../data/lifecycle/trainer-issues';
import { openTrainerCatalog } from '../../../data/training/catalog';
import { objectDocument } from '../../../domain/document/document';
import type { NamedTrainer } from '../../../domain/lifecycle/parts';

const trainers = openTrainerCatalog(resolve('trainers'));
const { issueAt } = objectDocument({}, 'lifecycle.yaml');
const listIssues = (trainer: NamedTrainer) =>
  trainerIssues(trainers, { trainer, space: null, pruner: null }, issueAt);
const model = { params: {}, at: ['spec', 'train'], makes: 'model' } as const;
const adapter = { params: {}, at: ['spec', 'fineTune'], makes: 'adapter' } as const;

test.each([
  [{ ...model, trainer: 'torch', nodes: 2 }],
  [{ ...model, trainer: 'lightgbm', nodes: 1 }],
  [{ ...adapter, trainer: 'lora', nodes: 1 }],
])('%j is accepted', (trainer) => {
  expect(listIssues(trainer)).toEqual([]);
});

test('fine-tuning on several nodes is refused, because no trainer for it can use them', () => {
  expect(listIssues({ ...adapter, trainer: 'lora', nodes: 2 })).toMatchObject([
    {
      pointer: '/spec/fineTune/compute/nodes',
      detail:
        'spec.fineTune.compute.nodes is at most 1: the trainer lora cannot train on several nodes',
      expected: '1',
    },
  ]);
});
