import type { Random } from '../../domain/statistics/random';
import type { Flight, Values } from './flights';

/** A change that is planted into real flights; null drops the flight from the stream. */
export interface PlantedShift {
  readonly shift: string;
  readonly size: string;
  /** The feature that changes; null if no feature is changed directly. */
  readonly feature: string | null;
  /** Whether a person would call it severe. */
  readonly isSevere: boolean;
  /** @param other any flight of the stream */
  readonly change: (flight: Flight, random: Random, other: Flight) => Flight | null;
}

/** Mean and standard deviation of the distance of a flight, in miles. */
const distance = { mean: 1040, sd: 733 };
const temperatureSd = 18;

const numberShift =
  (name: string, of: (value: number) => number): PlantedShift['change'] =>
  (flight) => {
    const value = flight.values[name];
    return typeof value === 'number' ? withValue(flight, { [name]: of(value) }) : flight;
  };

const someRows =
  (share: number, values: Values): PlantedShift['change'] =>
  (flight, random) =>
    random() < share ? withValue(flight, values) : flight;

/** As after a join by a wrong key: each feature keeps its distribution. */
const joinedFromOther =
  (...names: readonly string[]): PlantedShift['change'] =>
  (flight, _, { values }) =>
    withValue(flight, Object.fromEntries(names.map((name) => [name, values[name]])));

const labelShift =
  (dropped: number): PlantedShift['change'] =>
  (flight, random) =>
    flight.late === true || random() >= dropped ? flight : null;

const conceptShift =
  (share: number): PlantedShift['change'] =>
  (flight, random) =>
    flight.late !== null && random() < share ? { ...flight, late: !flight.late } : flight;

/** A temperature of the same weeks: no test finds it, so the share found is also said without it. */
export const strangeTemperature = 'temperature of another flight';

export const plantedShifts: readonly PlantedShift[] = [
  ...[0.5, 1, 2].map((sds) => ({
    shift: 'mean of distance',
    size: `+${sds} sd`,
    feature: 'distance',
    isSevere: sds >= 2,
    change: numberShift('distance', (value) => value + sds * distance.sd),
  })),
  {
    shift: 'mean of temperature',
    size: '+2 sd',
    feature: 'temp',
    isSevere: true,
    change: numberShift('temp', (value) => value + 2 * temperatureSd),
  },
  ...[1.5, 3].map((factor) => ({
    shift: 'scale of distance',
    size: `× ${factor}`,
    feature: 'distance',
    isSevere: factor >= 3,
    change: numberShift('distance', (value) => distance.mean + factor * (value - distance.mean)),
  })),
  ...[0.2, 0.5, 1].map((share) => ({
    shift: 'carrier becomes UA',
    size: `${100 * share} % of rows`,
    feature: 'carrier',
    isSevere: share >= 0.5,
    change: someRows(share, { carrier: 'UA' }),
  })),
  ...[0.03, 0.05, 0.2, 1].map((share) => ({
    shift: 'unseen carrier',
    size: `${100 * share} % of rows`,
    feature: 'carrier',
    isSevere: share >= 0.2,
    change: someRows(share, { carrier: 'ZZ' }),
  })),
  ...[0.05, 0.2, 1].map((share) => ({
    shift: 'distance missing',
    size: `${100 * share} % of rows`,
    feature: 'distance',
    isSevere: share >= 0.2,
    change: someRows(share, { distance: null }),
  })),
  {
    shift: 'temperature missing',
    size: '100 % of rows',
    feature: 'temp',
    isSevere: true,
    change: someRows(1, { temp: null }),
  },
  ...[
    ['kilometres', 1.609],
    ['metres', 1609],
  ].map(([size, factor]) => ({
    shift: 'unit of distance',
    size: String(size),
    feature: 'distance',
    isSevere: true,
    change: numberShift('distance', (value) => value * Number(factor)),
  })),
  {
    shift: 'unit of temperature',
    size: 'Celsius',
    feature: 'temp',
    isSevere: true,
    change: numberShift('temp', (value) => ((value - 32) * 5) / 9),
  },
  {
    shift: 'distance of another flight',
    size: '100 % of rows',
    feature: 'distance',
    isSevere: true,
    change: joinedFromOther('distance'),
  },
  {
    shift: 'carrier of another flight',
    size: '100 % of rows',
    feature: 'carrier',
    isSevere: true,
    change: joinedFromOther('carrier'),
  },
  {
    shift: strangeTemperature,
    size: '100 % of rows',
    feature: 'temp',
    isSevere: true,
    change: joinedFromOther('temp'),
  },
  ...[0.4, 0.8].map((dropped) => ({
    shift: 'label shift',
    size: `${100 * dropped} % of flights on time left out`,
    feature: null,
    isSevere: false,
    change: labelShift(dropped),
  })),
  ...[0.1, 0.3, 0.5].map((share) => ({
    shift: 'concept shift',
    size: `${100 * share} % of labels turned`,
    feature: null,
    isSevere: share >= 0.5,
    change: conceptShift(share),
  })),
];

function withValue(flight: Flight, values: Values): Flight {
  return { ...flight, values: { ...flight.values, ...values } };
}
