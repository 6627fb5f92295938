import { mergeMetrics } from '../../../../apps/gateway/processes/merge-metrics';

test('each metric has its help once, followed by the series of all processes', () => {
  const of = (process: number, value: number) => `# HELP a Requests.
# TYPE a counter
a{process="${process}"} ${value}

# HELP b_seconds Time.
# TYPE b_seconds histogram
b_seconds_bucket{le="1",process="${process}"} ${value}
b_seconds_count{process="${process}"} ${value}
`;
  const more = '# HELP c Processes.\n# TYPE c gauge\nc 2\n';
  expect(mergeMetrics([of(1, 5), of(2, 7), more])).toBe(`# HELP a Requests.
# TYPE a counter
a{process="1"} 5
a{process="2"} 7

# HELP b_seconds Time.
# TYPE b_seconds histogram
b_seconds_bucket{le="1",process="1"} 5
b_seconds_count{process="1"} 5
b_seconds_bucket{le="1",process="2"} 7
b_seconds_count{process="2"} 7

# HELP c Processes.
# TYPE c gauge
c 2
`);
});
