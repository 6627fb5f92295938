import {
  approvalWaits,
  approvalWaitText,
  type ApprovalWait,
} from '../../../domain/run/approval-wait';

const wait = (what: string, stage: string): ApprovalWait => ({
  what,
  role: 'approver',
  until: '2026-01-31T12:00:00.000Z',
  stage,
});

describe('the text of a run that waits for approvals', () => {
  test.each([
    [1, '1 approval of churn@7 (scope approver)'],
    [2, '2 approvals of churn@7 (scope approver)'],
  ])('names %i of them', (required, begin) => {
    const text = approvalWaitText({ ...wait('churn@7', 'promote'), required, runId: 'run_1' });
    expect(text).toBe(
      `${begin} until 2026-01-31T12:00:00.000Z; perennial run approve run_1 --stage promote`,
    );
  });

  test.each([
    ['a version', 'churn@7', 'promote'],
    ['a text with brackets', 'the budget (scope admin) of 2026', 'approve-2'],
    ['a text in another script', 'מודל <b>😀</b>', 'approve'],
  ])('names %s so that it can be read again', (_, what, stage) => {
    const text = approvalWaitText({ ...wait(what, stage), required: 1, runId: 'run_1' });
    expect(approvalWaits(text)).toEqual([wait(what, stage)]);
  });

  test('can contain several, and other waits', () => {
    const both = ['promote', 'approve-2']
      .map((stage) =>
        approvalWaitText({ ...wait(`at ${stage}`, stage), required: 1, runId: 'run_1' }),
      )
      .join('; also: ');
    expect(approvalWaits(`${both}; also: the event labels`).map(({ stage }) => stage)).toEqual([
      'promote',
      'approve-2',
    ]);
    expect(approvalWaits('paused by ada; perennial run resume run_1')).toEqual([]);
  });
});
