/** Numbers and times as people read them. */

export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '—';
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString('en');
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '—' : `${figure(share * 100)} %`;
}

/** US dollars. Small amounts keep their digits, because one request costs fractions of a cent. */
export function usd(value: number | null | undefined): string {
  return value === null || value === undefined ? '—' : `$${figure(value)}`;
}

export function interval(lower: number | null, upper: number | null): string {
  return lower === null || upper === null ? '' : `${figure(lower)} … ${figure(upper)}`;
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '—';
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${figure(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${figure(value / 3600)} h`;
  return `${figure(value / 86_400)} days`;
}

export function ago(at: string | null, now = Date.now()): string {
  if (at === null) return '—';
  const passed = (now - Date.parse(at)) / 1000;
  if (passed < 0) return `in ${seconds(-passed)}`;
  return passed < 5 ? 'now' : `${seconds(Math.round(passed))} ago`;
}

export function dateTime(at: string | null): string {
  return at === null
    ? '—'
    : new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${figure(size)} ${units[unit] ?? ''}`;
}

export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}
