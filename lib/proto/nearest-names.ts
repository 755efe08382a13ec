/**
 * The known names that someone who wrote `wanted` may have meant, best first.
 *
 * A name is near when one ends in the other (`HeroService` for `hero.v1.HeroService`), or when few
 * letters differ: in the whole name or in its last part, ignoring case.
 *
 * @param max - how many to give at most
 */
export function nearestNames(wanted: string, known: Iterable<string>, max = 3): string[] {
  const scored: { name: string; score: number }[] = [];
  for (const name of new Set(known)) {
    const score = distance(wanted.toLowerCase(), name.toLowerCase());
    if (score !== undefined) scored.push({ name, score });
  }
  scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return scored.slice(0, max).map(({ name }) => name);
}

/**
 * The end of a message about an unknown name: `; did you mean a or b?`, or what there is when
 * nothing is near.
 */
export function suggestNames(wanted: string, known: readonly string[]): string {
  const near = nearestNames(wanted, known);
  if (near.length > 0) return `; did you mean ${near.join(' or ')}?`;
  if (known.length === 0) return '; there are none';
  const some = known.slice(0, 5).join(', ');
  return `; known: ${some}${known.length > 5 ? `, and ${known.length - 5} more` : ''}`;
}

/** Lower is nearer; `undefined` when the names have nothing to do with each other. */
function distance(wanted: string, name: string): number | undefined {
  if (wanted === name) return 0;
  if (wanted === '') return undefined;
  if (name.endsWith(`.${wanted}`)) return 0.5;
  const whole = edits(wanted, name);
  // Another package with the same mistake in the last part: hero.HeroServise, v2.hero.HeroService.
  const last = edits(lastPart(wanted), lastPart(name)) + 1;
  const score = Math.min(whole, last);
  return score <= 1 + lastPart(wanted).length / 4 ? score : undefined;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Insertions, deletions and replacements that turn one string into the other (Levenshtein). */
function edits(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[to.length]!;
}
