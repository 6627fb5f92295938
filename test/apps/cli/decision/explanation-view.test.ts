import {
  describeExplanation,
  type ExplanationJson,
} from '../../../../apps/cli/decision/explanation-view';

const explanation = {
  model: 'flight-delay',
  version: 2,
  serves: true,
  run: null,
  rollout: null,
  decisions: [],
  approvals: [],
  digests: [],
  moves: [],
  lineage: [],
  record: {
    model: 'flight-delay',
    version: 2,
    status: 'promoted',
    runId: 'run_1',
    metrics: {},
    imported: null,
    manifest: { uri: 's3://b/m', digest: 'sha256:2', bytes: 1, mediaType: 'application/json' },
    signature: null,
    dataset: null,
    createdAt: '2013-07-01T00:00:00Z',
  },
  stages: [
    { name: 'ingest', status: 'succeeded', seconds: 2, reusedFrom: null, contracts: null },
    {
      name: 'validate',
      status: 'succeeded',
      seconds: 3,
      reusedFrom: null,
      contracts: [
        {
          source: 'flights',
          dataset: 'flight-delay.flights',
          verdict: 'passed',
          rows: 1_000,
          accepted: 997,
          quarantined: 3,
        },
        {
          source: 'weather',
          dataset: 'flight-delay.weather',
          verdict: 'passed',
          rows: 90,
          accepted: 90,
          quarantined: 0,
        },
      ],
    },
  ],
} as unknown as ExplanationJson;

describe('the explanation of a version', () => {
  test('names the file of an imported version, and who imported it', () => {
    const imported = {
      format: 'onnx',
      fileName: 'm.onnx',
      digest: 'sha256:3',
      actor: 'ada',
    } as const;
    const { record } = explanation;
    expect(describeExplanation({ ...explanation, record: { ...record, imported } })).toContain(
      '\nimported from m.onnx (onnx) by ada; digest sha256:3\n',
    );
  });

  test('names the contract of each source with its rows', () => {
    expect(describeExplanation(explanation).split('\n')).toEqual(
      expect.arrayContaining([
        'contract of flights: passed, 997 of 1000 rows accepted, 3 in quarantine',
        'contract of weather: passed, 90 of 90 rows accepted, 0 in quarantine',
      ]),
    );
  });
});
