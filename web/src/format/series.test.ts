// Silent intervals are drawn as zero.
import { describe, expect, it } from "vitest";
import { fillGaps, labelEvery } from "./series";

const zero = (time: string) => ({ time, value: 0 });
const at = (minute: number, value: number) => ({ time: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(), value });
const range = (from: number, to: number) => ({ from: at(from, 0).time, to: at(to, 0).time });

describe("fillGaps", () => {
  it("fills between, before and after", () => {
    const filled = fillGaps([at(2, 5), at(5, 7)], 60, range(0, 7), zero);
    expect(filled.map((point) => point.value)).toEqual([0, 0, 5, 0, 0, 7, 0]);
    expect(filled[0]?.time).toBe(at(0, 0).time);
  });
  it("keeps a whole series as it is", () => {
    const whole = [at(0, 1), at(1, 2), at(2, 3)];
    expect(fillGaps(whole, 60, range(0, 3), zero)).toEqual(whole);
  });
  it("keeps an empty series empty", () => {
    expect(fillGaps([], 60, range(0, 3), zero)).toEqual([]);
  });
  it("adds no day where the clocks change", () => {
    const days = [{ time: "2026-10-24T22:00:00Z", value: 1 }, { time: "2026-10-25T23:00:00Z", value: 2 }];
    expect(fillGaps(days, 86_400, { from: "2026-10-24T22:00:00Z", to: "2026-10-26T23:00:00Z" }, zero)).toEqual(days);
  });
});

describe("labelEvery", () => {
  it("spreads about the wanted number of labels", () => {
    expect(labelEvery(24, 6)).toBe(4);
    expect(labelEvery(3, 6)).toBe(1);
  });
});
