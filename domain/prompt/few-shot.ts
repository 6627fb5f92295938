import type { FewShot, FewShotExample } from './prompt';

/** A cycle of includes, such as `a → b → a`; null if there is none. */
export function fewShotCycle(sets: FewShot['sets']): readonly string[] | null {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): readonly string[] | null => {
    const met = path.indexOf(name);
    if (met >= 0) return [...path.slice(met), name];
    if (done.has(name)) return null;
    for (const included of findSet(sets, name)?.include ?? []) {
      const cycle = visit(included, [...path, name]);
      if (cycle) return cycle;
    }
    done.add(name);
    return null;
  };
  for (const name of Object.keys(sets)) {
    const cycle = visit(name, []);
    if (cycle) return cycle;
  }
  return null;
}

/** The examples of the used set, included sets first. The sets must have no cycle. */
export function listExamples({ use, sets }: FewShot): readonly FewShotExample[] {
  const met = new Set<string>();
  const collect = (name: string): readonly FewShotExample[] => {
    const set = met.has(name) ? undefined : findSet(sets, name);
    met.add(name);
    return set === undefined ? [] : [...set.include.flatMap(collect), ...set.examples];
  };
  return collect(use);
}

function findSet(sets: FewShot['sets'], name: string) {
  return Object.hasOwn(sets, name) ? sets[name] : undefined;
}
