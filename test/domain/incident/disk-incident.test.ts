import { diskIncident, type GatewayDiskFailure } from '../../../domain/incident/disk-incident';

const failure = (changes: Partial<GatewayDiskFailure> = {}): GatewayDiskFailure => ({
  url: 'http://10.0.0.5:8710',
  folder: '/srv/spool/predictions',
  error: 'ENOSPC: no space left on device, write',
  since: '2013-07-01T09:00:00Z',
  isFailing: true,
  rowsInMemory: 1_200,
  rowsLost: 0,
  ...changes,
});

test('the story names the gateway, the folder, the reason and what to do', () => {
  expect(diskIncident([failure()])).toEqual({
    severity: 'warning',
    title: 'A gateway cannot write predictions to disk',
    story: {
      what: 'The gateway http://10.0.0.5:8710 cannot write to /srv/spool/predictions: ENOSPC: no space left on device, write.',
      since: '2013-07-01T09:00:00Z',
      howLarge: 'predictions lost: 0; only in memory, so that a kill would lose them: 1,200',
      features: [],
      slice: null,
      dataVersion: null,
      engineDid:
        'Every request is answered, and PostgreSQL stores the predictions. While PostgreSQL is not reachable either, they wait in memory, and beyond a limit the oldest are lost.',
      waitsFor:
        'Free space on the disk of /srv/spool/predictions on 10.0.0.5. Or stop the gateway, move its state folder to another disk, and start it with that folder as PERENNIAL_STATE_DIR.',
    },
  });
});

test('processes of one machine share one incident, which is critical once predictions were lost', () => {
  const { severity, title, story } = diskIncident([
    failure({ since: '2013-07-01T09:00:05Z' }),
    failure({ url: 'http://10.0.0.5:40001', rowsLost: 30, isFailing: false }),
    failure({ url: 'http://10.0.0.6:8710', rowsLost: 4 }),
  ]);
  expect(severity).toBe('critical');
  expect(title).toBe('3 gateways cannot write predictions to disk');
  expect(story.since).toBe('2013-07-01T09:00:00Z');
  expect(story.howLarge).toMatch(/^predictions lost: 34; .*: 3,600$/);
  expect(story.what).toContain('http://10.0.0.5:40001 could not write for a time to');
  expect(story.waitsFor).toContain(
    'the disk of /srv/spool/predictions on 10.0.0.5 and of /srv/spool/predictions on 10.0.0.6.',
  );
});
