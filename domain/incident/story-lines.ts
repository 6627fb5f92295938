import type { Incident } from './incident';
import { describeNextStep, type LinkedIncident } from './link';

/** `flight-delay: 2 of 9 features drifted`; without a model only the title. */
export function incidentSubject({ model, title }: Pick<Incident, 'model' | 'title'>): string {
  return model === null ? title : `${model}: ${title}`;
}

/**
 * The story of an incident as label and text, without the parts that are unknown. Each text is one
 * line, because values of requests, such as the name of a slice, must not look like other lines of
 * the story.
 */
export function storyLines(
  incident: LinkedIncident,
): readonly { readonly label: string; readonly text: string }[] {
  const { what, since, howLarge, features, slice, dataVersion, engineDid, waitsFor } =
    incident.story;
  const named = features.map(({ name, effect }) =>
    effect === null ? name : `${name} (${effect.toPrecision(2)})`,
  );
  const lines: readonly (readonly [string, string | null])[] = [
    ['What changed', what],
    ['Since', since],
    ['How large', howLarge],
    ['Features', named.length === 0 ? null : named.join(', ')],
    ['Slice', slice],
    ['Data version', dataVersion],
    ['Perennial did', engineDid],
    ['Waits for', waitsFor],
    ['More', describeNextStep(incident)],
  ];
  return lines.flatMap(([label, text]) =>
    text === null ? [] : [{ label, text: text.replace(/\s+/g, ' ') }],
  );
}
