/** A process of `main.ts`: quiet years of some splits, as one JSON line. */
import { readWeeks } from './flights';
import { quietYears } from './quiet-years';

const [first = 0, splits = 1, yearsPerSplit = 1] = process.argv.slice(2).map(Number);

async function main(): Promise<void> {
  const years = quietYears(await readWeeks(), { first, splits, yearsPerSplit });
  process.stdout.write(`${JSON.stringify(years)}\n`);
}

void main();
