/** Symbols of the 118 chemical elements by atomic number, from 1. */
const symbols =
  'H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og'.split(
    ' ',
  );

const known = new Set(symbols);

/**
 * The composition of a formula, so that `CH3OH` and `CH4O` are equal: elements in alphabetical
 * order with their counts. Null for any other text, such as a word whose letters are not elements.
 */
export function parseComposition(formula: string): string | null {
  const counts = new Map<string, number>();
  const parts = [...formula.matchAll(/([A-Z][a-z]?)(\d*)|\(|\)(\d*)/g)];
  if (parts.map(([part]) => part).join('') !== formula) return null;
  const open: Map<string, number>[] = [counts];
  for (const [part, element, count, times] of parts) {
    const top = open.at(-1);
    if (top === undefined) return null;
    if (element !== undefined) {
      if (!known.has(element)) return null;
      top.set(element, (top.get(element) ?? 0) + Number(count === '' ? 1 : count));
    } else if (part === '(') open.push(new Map());
    else {
      open.pop();
      const outer = open.at(-1);
      if (outer === undefined) return null;
      for (const [each, of] of top)
        outer.set(each, (outer.get(each) ?? 0) + of * Number(times === '' ? 1 : times));
    }
  }
  if (open.length !== 1) return null;
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([element, count]) => `${element}${count}`)
    .join(' ');
}
