/** The year as a picture in SVG: three lines, and a mark for each decision. */
import type { YearMonth, YearSummary } from './report';

const [width, height] = [960, 460];
const margin = { top: 48, right: 210, bottom: 56, left: 60 };
const lines = [
  { name: 'served', colour: '#1d4ed8', of: ({ served }: YearMonth) => served },
  { name: 'never retrained', colour: '#b45309', of: ({ never }: YearMonth) => never },
  { name: 'every candidate', colour: '#6b7280', of: ({ every }: YearMonth) => every },
] as const;
const marks: Readonly<Record<string, { readonly sign: string; readonly colour: string }>> = {
  promoted: { sign: '▲', colour: '#15803d' },
  'rolled back': { sign: '▼', colour: '#b91c1c' },
  'undecided on traffic': { sign: '◆', colour: '#6b7280' },
  'stopped by the contract': { sign: '■', colour: '#b91c1c' },
};
const otherMark = { sign: '●', colour: '#6b7280' };

export function yearChart({ months, decisions }: YearSummary): string {
  const losses = months.flatMap((month) => lines.map(({ of }) => of(month)));
  const low = Math.floor(Math.min(...losses) * 20) / 20;
  const high = Math.ceil(Math.max(...losses) * 20) / 20;
  const x = (index: number): number =>
    margin.left + (index * (width - margin.left - margin.right)) / Math.max(1, months.length - 1);
  const y = (loss: number): number =>
    height - margin.bottom - ((loss - low) * (height - margin.top - margin.bottom)) / (high - low);
  const ticks = Array.from(
    { length: Math.round((high - low) / 0.05) + 1 },
    (_, index) => low + index * 0.05,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="24" font-size="16">Mean log loss of flight-delay by month of 2013</text>`,
    ...ticks.map(
      (tick) =>
        `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e5e7eb"/>` +
        `<text x="${margin.left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick.toFixed(2)}</text>`,
    ),
    ...months.map(
      ({ month }, index) =>
        `<text x="${x(index)}" y="${height - margin.bottom + 20}" text-anchor="middle">${month.slice(0, 3)}</text>`,
    ),
    ...lines.map(({ name, colour, of }, place) =>
      [
        `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${months
          .map((month, index) => `${x(index).toFixed(1)},${y(of(month)).toFixed(1)}`)
          .join(' ')}"/>`,
        `<rect x="${width - margin.right + 24}" y="${margin.top + place * 22}" width="16" height="3" fill="${colour}"/>`,
        `<text x="${width - margin.right + 46}" y="${margin.top + place * 22 + 6}">${name}</text>`,
      ].join(''),
    ),
    ...months.flatMap(({ month }, index) =>
      decisions
        .filter((decision) => decision.month === month)
        .map(({ outcome }, place) => {
          const { sign, colour } = marks[outcome] ?? otherMark;
          return `<text x="${x(index) - 8 + place * 12}" y="${height - margin.bottom + 40}" fill="${colour}">${sign}<title>${outcome}</title></text>`;
        }),
    ),
    ...Object.keys(marks).map((outcome, place) => {
      const { sign, colour } = marks[outcome] ?? otherMark;
      const top = margin.top + 90 + place * 20;
      return `<text x="${width - margin.right + 24}" y="${top}" fill="${colour}">${sign}</text><text x="${width - margin.right + 46}" y="${top}">${outcome}</text>`;
    }),
    '</svg>',
    '',
  ].join('\n');
}
