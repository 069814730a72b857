/**
 * Edits between two names: insert, delete, replace, swap of neighbours (optimal string alignment distance).
 */
export function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const isSame = left[i - 1] === right[j - 1];
      const replaced = at(last, j - 1) + (isSame ? 0 : 1);
      let best = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1);
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        best = Math.min(best, at(beforeLast, j - 2) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

/** The candidate that was probably meant: few edits away, or the only one that begins or ends with the name. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  const limit = Math.min(3, Math.floor((name.length + 1) / 3));
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  const known = [...new Set(candidates)].sort();
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance <= limit && distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) {
      nearest = { name: candidate, distance };
    }
  }
  if (nearest !== undefined) return nearest.name;
  const longer = known.filter(
    (candidate) => candidate.toLowerCase().startsWith(wanted) || candidate.toLowerCase().endsWith(wanted),
  );
  return name.length >= 3 && longer.length === 1 ? longer[0] : undefined;
}

const shownNames = 12;

/** A hint: the name that was probably meant, or else the names there are. */
export function suggestName(name: string, candidates: Iterable<string>, kind: string): string {
  const known = [...new Set(candidates)].sort();
  const nearest = nearestName(name, known);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  if (known.length === 0) return `there are no ${kind} yet`;
  const more = known.length > shownNames ? ', …' : '';
  return `use one of the ${kind}: ${known.slice(0, shownNames).join(', ')}${more}`;
}
