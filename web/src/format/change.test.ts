// Change against the period before.
import { describe, expect, it } from "vitest";
import { percentChange, pointChange } from "./change";

describe("percentChange", () => {
  it("tells direction and one decimal", () => {
    expect(percentChange("110.00", "100.00", "en")).toEqual({ text: "+10%", direction: "up" });
    expect(percentChange("87.6", "100", "en")).toEqual({ text: "-12.4%", direction: "down" });
    expect(percentChange(300, 100, "en")).toEqual({ text: "+200%", direction: "up" });
  });
  it("is flat when nothing visible changed", () => {
    expect(percentChange("100.001", "100.000", "en")).toEqual({ text: "0%", direction: "flat" });
  });
  it("measures against the size of a negative base, so that less loss is up", () => {
    expect(percentChange("-50", "-100", "en")).toEqual({ text: "+50%", direction: "up" });
  });
  it("has no answer without a base", () => {
    expect(percentChange("10", "0", "en")).toBeNull();
    expect(percentChange("10", null, "en")).toBeNull();
    expect(percentChange(null, "10", "en")).toBeNull();
    expect(percentChange("x", "10", "en")).toBeNull();
  });
});

describe("pointChange", () => {
  it("is the difference in percentage points", () => {
    expect(pointChange(0.412, 0.4, "en")).toEqual({ text: "+1.2 pp", direction: "up" });
    expect(pointChange(0.39, 0.4, "en")).toEqual({ text: "-1 pp", direction: "down" });
    expect(pointChange(0.4, 0.4, "en")).toEqual({ text: "0 pp", direction: "flat" });
    expect(pointChange(0.4, null, "en")).toBeNull();
  });
});
