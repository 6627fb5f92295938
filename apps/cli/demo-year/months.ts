/** The months of 2013, in UTC. */
export interface Month {
  /** 1 is January. */
  readonly number: number;
  readonly name: string;
  /** RFC 3339. */
  readonly from: string;
  readonly until: string;
}

const months: readonly Month[] = Array.from({ length: 12 }, (_, index) => {
  const from = new Date(Date.UTC(2013, index, 1));
  return {
    number: index + 1,
    name: from.toLocaleString('en', { month: 'long', timeZone: 'UTC' }),
    from: from.toISOString(),
    until: new Date(Date.UTC(2013, index + 1, 1)).toISOString(),
  };
});

export function readMonth(number: number): Month {
  const month = months[number - 1];
  if (month === undefined) throw new Error(`there is no month ${number}`);
  return month;
}
