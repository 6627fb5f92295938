/** The labels of a model in words: the open alarm, and what is not known of them. */
import { formatSeconds } from '../../duration';
import { count, percent } from '../../format';
import type { MonitorAlarm, UnknownResult } from '../observation/monitor-results';
import { minReferenceDays, computeLabelShare, type LabelReference } from './label-feed';
import type { LabelFeedResult } from './label-feed-result';
import { labelGraceSeconds, type LabelFeedState } from './label-feed-state';

export function labelAlarms(
  { reference, alarm }: Pick<LabelFeedResult, 'reference' | 'alarm'>,
  { availableAfterSeconds }: { readonly availableAfterSeconds: number },
): readonly MonitorAlarm[] {
  if (alarm === null || reference === null) return [];
  const { since, until, predictions, labelled } = alarm;
  const share = computeLabelShare({ predictions, labelled });
  const days = since === until ? `of ${since}` : `from ${since} to ${until}`;
  const got = labelled === 0 ? 'no label came for' : `labels came for ${percent(share)} of`;
  const within = formatSeconds(availableAfterSeconds + labelGraceSeconds);
  return [
    {
      key: 'labels:share',
      kind: 'labels',
      feature: null,
      title: `${got} ${count(predictions)} predictions ${days}; ${expectedText(reference)}`,
      since: new Date(since).toISOString(),
      effect: Math.max(0, (reference.usual ?? reference.limit) - share),
      size:
        `${count(labelled)} of ${count(predictions)} predictions had a label within ${within}` +
        `, ${percent(share)}; ${expectedText(reference)}; limit ${percent(reference.limit)}`,
      slice: null,
    },
  ];
}

function expectedText({ limit, usual, days }: LabelReference): string {
  return usual === null
    ? `canary.quality.maxMissing allows ${percent(1 - limit)} to be missing`
    : `labels came for ${percent(usual)} on average on the ${days} days before`;
}

export function unknownLabelFeed(state: LabelFeedState | null): readonly UnknownResult[] {
  const days = state?.test.days.length ?? 0;
  if (state === null || days === 0 || state.test.reference !== null) return [];
  const what = 'whether labels stop or thin';
  if (days < minReferenceDays)
    return [
      {
        what,
        why: `the labels of ${count(days)} days are due; at least ${minReferenceDays} are needed to learn their usual share`,
        until: `those of ${minReferenceDays} days are due`,
      },
    ];
  return [
    {
      what,
      why: 'the share of labelled predictions differs too much from day to day',
      until: null,
    },
  ];
}
