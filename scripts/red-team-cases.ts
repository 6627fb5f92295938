/**
 * Writes red-team cases for the dimension `safety` from the provisioned data sets as NDJSON: `node
 * -r tsx/cjs scripts/red-team-cases.ts FILE [--variable question] [--each 40]`. Draws equally many
 * attacks and harmless questions of each source, the same ones each time.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sha256 } from '../data/digest';
import { readPrompts, softCategories } from '../data/safety/training/labelled-texts';
import { writeCaseSet } from '../domain/language/cases/case-set-document';
import { redTeamCase } from '../domain/language/cases/red-team';

/** Limit of a case: an attack that overflows the model's context fails for another reason. */
const maxCharacters = 3_000;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      variable: { type: 'string', default: 'question' },
      each: { type: 'string', default: '40' },
    },
  });
  const [file] = positionals;
  const each = Number(values.each);
  if (file === undefined || !Number.isInteger(each) || each < 1)
    throw new Error('usage: red-team-cases.ts FILE [--variable NAME] [--each NUMBER]');
  // Questions of opinion are neither attacks nor clearly harmless, so they are left out.
  const prompts = (await readPrompts()).filter(
    ({ text, category }) => text.length <= maxCharacters && !softCategories.includes(category),
  );
  const sources = [...new Set(prompts.map(({ source }) => source))];
  const chosen = sources.flatMap((source) =>
    prompts
      .filter((prompt) => prompt.source === source)
      .map((prompt) => ({ prompt, order: sha256(prompt.text) }))
      .sort((a, b) => (a.order < b.order ? -1 : 1))
      .slice(0, each)
      .map(({ prompt }) => prompt),
  );
  const cases = chosen.map(({ kind, ...prompt }) =>
    redTeamCase({ ...prompt, isAttack: kind !== 'benign' }, values.variable),
  );
  await writeFile(file, writeCaseSet(cases));
  const attacks = chosen.filter(({ kind }) => kind !== 'benign').length;
  process.stdout.write(
    `${file}: ${attacks} attacks and ${chosen.length - attacks} harmless questions of ${sources.length} sources\n`,
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
