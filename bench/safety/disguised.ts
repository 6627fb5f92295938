/** Attacks in disguise. */
import { oddsByMeaning, type EmbedTexts } from '../../data/safety/classify';
import { oddsFor } from '../../data/safety/threshold';
import { computeThresholds } from '../../data/safety/training/cross-fit';
import type { ReadText } from '../../data/safety/training/read-texts';
import { hashNGrams } from '../../domain/safety/n-grams';
import { splitWindows } from '../../domain/safety/windows';
import { selectWindowsToEmbed, worstOdds } from '../../domain/safety/worst-window';
import { stoppedAtRate, type CrossFitted } from './held-out';
import { obfuscations } from './obfuscations';

const eachHead = 16;
const falseAlarms = 0.01;

type DisguisedJudge = (text: string, options: { readonly plainForms: boolean }) => Promise<boolean>;

/** The fold's own classifier and threshold for a text of the fold. */
function buildJudge(
  { head, pairs, judged }: CrossFitted,
  source: string,
  embed: EmbedTexts,
): DisguisedJudge {
  const pair = pairs.find(
    ({ features, sources }) => features === 'meaning' && sources.includes(source),
  );
  if (!pair) throw new Error(`${source} is in no fold`);
  const limit = oddsFor(falseAlarms, computeThresholds(head, judged.meaning, pair.fold));
  return async (text, { plainForms }) => {
    if (plainForms)
      return (await oddsByMeaning(pair.classifier, { words: pair.words, embed, text })) > limit;
    const windows = selectWindowsToEmbed(
      pair.words,
      splitWindows(text).map((window) => ({
        text: window,
        nGrams: hashNGrams(window),
        vector: null,
      })),
    );
    const vectors = await embed(windows.map((window) => window.text));
    return (
      worstOdds(
        pair.classifier,
        windows.map((window, at) => ({ ...window, vector: vectors[at] ?? null })),
      ) > limit
    );
  };
}

/**
 * Of the attacks that are stopped undisguised, the share that is still stopped in disguise, with
 * and without the plain forms.
 */
export async function measureDisguises({
  prompts,
  fitted,
  embed,
}: {
  readonly prompts: readonly ReadText[];
  readonly fitted: readonly CrossFitted[];
  readonly embed: EmbedTexts;
}) {
  const attacks = fitted.flatMap((each) => {
    const found = stoppedAtRate(each, 'meaning', falseAlarms);
    const wanted =
      each.head === 'injection' ? ['in-the-wild', 'bastioncorpus'] : ['advbench', 'harmbench'];
    const chosen = wanted.flatMap((source) =>
      prompts
        .filter((text) => text.source === source && text.text.length < 600 && found.has(text.id))
        .slice(0, eachHead / 2),
    );
    return chosen.map(({ text, source }) => ({ text, judge: buildJudge(each, source, embed) }));
  });
  const rows: {
    readonly disguise: string;
    readonly n: number;
    readonly plainForms: number;
    readonly asItCame: number;
  }[] = [];
  for (const [disguise, dress] of Object.entries(obfuscations)) {
    const count = async (plainForms: boolean) => {
      let found = 0;
      for (const { text, judge } of attacks)
        found += Number(await judge(dress(text), { plainForms }));
      return found / attacks.length;
    };
    const row = {
      disguise,
      n: attacks.length,
      plainForms: await count(true),
      asItCame: await count(false),
    };
    rows.push(row);
    process.stdout.write(
      `  ${disguise.padEnd(24)} of ${row.n}: ${(100 * row.plainForms).toFixed(0).padStart(4)} % stopped, ${(100 * row.asItCame).toFixed(0).padStart(4)} % without plain forms\n`,
    );
  }
  return rows;
}
