import type { PointFigures } from './point';

export function pointRow(point: PointFigures): string {
  return JSON.stringify(point);
}
