// Shapes a series of points for drawing: one point per interval, so that a silent hour is drawn as zero and not skipped.

interface Timed {
  time: string;
}

/** Longest series worth drawing point by point; beyond it the given points are kept as they are. */
const MOST_POINTS = 3_000;

/** Fills gaps of more than one interval between neighbours, and before the first and after the last, up to [from, to). */
export function fillGaps<P extends Timed>(
  points: readonly P[],
  intervalSeconds: number,
  range: { from: string; to: string },
  zero: (time: string) => P,
): P[] {
  const step = intervalSeconds * 1_000;
  const first = points[0];
  if (first === undefined || step <= 0) return [...points];
  const from = Date.parse(range.from);
  const to = Date.parse(range.to);
  if ((to - from) / step > MOST_POINTS) return [...points];

  const filled: P[] = [];
  const start = Date.parse(first.time);
  const missingBefore = Math.max(0, Math.floor((start - from) / step));
  for (let index = missingBefore; index > 0; index -= 1) {
    filled.push(zero(new Date(start - index * step).toISOString()));
  }
  let last = start - step;
  for (const point of points) {
    const time = Date.parse(point.time);
    // Half an interval of tolerance: days are 23 or 25 hours long twice a year.
    for (let gap = last + step; gap < time - step / 2; gap += step) filled.push(zero(new Date(gap).toISOString()));
    filled.push(point);
    last = time;
  }
  for (let gap = last + step; gap < to; gap += step) filled.push(zero(new Date(gap).toISOString()));
  return filled;
}

/** Which of `length` labels to write so that about `wanted` of them are shown, evenly, starting at the first. */
export function labelEvery(length: number, wanted: number): number {
  return Math.max(1, Math.ceil(length / wanted));
}
