/**
 * Topic limits with twenty examples each, tested on other texts of the topic and on all other
 * texts.
 */
import type { EmbedTexts } from '../../data/safety/classify';
import { readableWindows } from '../../data/safety/classify';
import { findTopics } from '../../data/safety/topics';
import type { ReadText } from '../../data/safety/training/read-texts';
import { wilsonBounds } from '../../domain/statistics/wilson';

const topics = { health: 'health-search', finance: 'fiqa', household: 'piqa' } as const;
const others = ['natural-questions', 'mt-bench', 'persist-bench'];
const similarities = [0.35, 0.4, 0.45, 0.5, 0.55];
const [examples, tried] = [40, 150];

export async function measureTopics(prompts: readonly ReadText[], embed: EmbedTexts) {
  const of = (source: string) =>
    prompts
      .filter((text) => text.source === source)
      .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  const known = new Map(
    prompts.flatMap(({ windows }) => windows.map(({ text, vector }) => [text, vector] as const)),
  );
  const vectors: EmbedTexts = async (texts) => {
    const kept = texts.map((text) => known.get(text) ?? null);
    return kept.every((vector) => vector !== null) ? kept : embed(texts);
  };
  const rows: unknown[] = [];
  for (const [name, source] of Object.entries(topics)) {
    const deny = [
      {
        name,
        examples: of(source)
          .slice(0, examples)
          .map(({ text }) => text),
      },
    ];
    for (const similarity of similarities) {
      const share = async (texts: readonly ReadText[]) => {
        const found = (text: string) =>
          findTopics(
            { kind: 'topics', allow: [], deny, similarity },
            {
              text,
              embed: vectors,
              readWindows: (most) => Promise.resolve(readableWindows(text).slice(0, most)),
            },
          );
        let events = 0;
        for (const { text } of texts) events += Number((await found(text)).length > 0);
        return {
          n: texts.length,
          share: events / texts.length,
          ...wilsonBounds({ events, n: texts.length }, 0.95),
        };
      };
      const own = await share(of(source).slice(examples, examples + tried));
      const foreign = await share(others.flatMap((other) => of(other).slice(0, tried / 3)));
      rows.push({ topic: name, similarity, own, foreign });
      process.stdout.write(
        `  topic ${name.padEnd(10)} from ${similarity}: ${(100 * own.share).toFixed(0)} % of its own texts, ${(100 * foreign.share).toFixed(1)} % of others\n`,
      );
    }
  }
  return rows;
}
