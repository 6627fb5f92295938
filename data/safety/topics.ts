import type { Finding, Topic, TopicsKind } from '../../domain/safety/policy';
import { memoizeUnlessFailed } from '../share-in-flight';
import type { EmbedTexts } from './classify';

/** The number of windows of a text to compare; its beginning shows the topic. */
const maxWindows = 4;

export interface TopicalText {
  readonly text: string;
  readonly embed: EmbedTexts;
  /** The first windows of the text. */
  readonly readWindows: (max: number) => Promise<readonly string[]>;
}

/** Find denied topics in the text, or report it as off topic when no allowed one matches. */
export async function findTopics(
  spec: TopicsKind,
  { text, embed, readWindows }: TopicalText,
): Promise<readonly Finding[]> {
  const windows = await readWindows(maxWindows);
  if (windows.length === 0) return [];
  const [vectors, deny, allow] = await Promise.all([
    embed(windows),
    embedExamples(spec.deny, embed),
    embedExamples(spec.allow, embed),
  ]);
  const isOnTopic = ({ examples }: EmbeddedTopic) =>
    vectors.some((vector) =>
      examples.some((example) => cosine(vector, example) >= spec.similarity),
    );
  const whole = (what: string): Finding => ({ from: 0, to: text.length, what });
  const denied = deny.filter(isOnTopic).map(({ name }) => whole(name));
  return allow.length > 0 && !allow.some(isOnTopic) ? [...denied, whole('off topic')] : denied;
}

interface EmbeddedTopic {
  readonly name: string;
  readonly examples: readonly Float32Array[];
}

const embedded = new WeakMap<readonly Topic[], Promise<readonly EmbeddedTopic[]>>();

/** The examples of a policy, embedded once. */
function embedExamples(
  topics: readonly Topic[],
  embed: EmbedTexts,
): Promise<readonly EmbeddedTopic[]> {
  return memoizeUnlessFailed(embedded, topics, () =>
    Promise.all(
      topics.map(async ({ name, examples }) => ({ name, examples: await embed(examples) })),
    ),
  );
}

/** The cosine of two vectors of length one. */
function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
