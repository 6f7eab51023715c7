// Formatting: money stays exact, times are the store's own, and nothing is shown for nothing.
import { describe, expect, it } from "vitest";
import { createFormat, NOTHING } from "./format";

const format = createFormat("EUR", "Europe/Berlin", "en-GB");

describe("money", () => {
  it("is written to the cent with the store's currency", () => {
    expect(format.money("1234.5000")).toBe("€1,234.50");
    expect(format.money("-12.3")).toBe("-€12.30");
    expect(createFormat("JPY", "Asia/Tokyo", "en-GB").money("1234.0000")).toBe("¥1,234");
  });
  it("drops the cents from 100,000 on unless asked for exactness", () => {
    expect(format.money("123456.78")).toBe("€123,457");
    expect(format.money("123456.78", true)).toBe("€123,456.78");
  });
  it("never passes through a float", () => {
    expect(format.money("90071992547409931.11", true)).toBe("€90,071,992,547,409,931.11");
  });
  it("shows a dash for what is unknown or not a number", () => {
    expect(format.money(null)).toBe(NOTHING);
    expect(format.money(undefined)).toBe(NOTHING);
    expect(format.money("abc")).toBe(NOTHING);
  });
  it("survives an unknown currency and time zone", () => {
    const odd = createFormat("not a currency", "Mars/Olympus", "en-GB");
    expect(odd.money("5.00")).toContain("5");
    expect(odd.clock("2026-11-21T08:00:05Z")).toBe("08:00:05");
  });
});

describe("counts and rates", () => {
  it("groups digits", () => {
    expect(format.count(1234567)).toBe("1,234,567");
    expect(format.count(null)).toBe(NOTHING);
    expect([format.quantity(3), format.quantity(0.5), format.quantity(1234.125), format.quantity(null)]).toEqual(["3", "0.5", "1,234.125", NOTHING]);
  });
  it("writes rates as percentages with one decimal", () => {
    expect(format.rate(0.0246)).toBe("2.5%");
    expect(format.rate(null)).toBe(NOTHING);
  });
  it("shows tenths of slow streams only", () => {
    expect(format.perSecond(3.26)).toBe("3.3");
    expect(format.perSecond(308.4)).toBe("308");
  });
});

describe("times", () => {
  it("are in the store's time zone", () => {
    expect(format.clock("2026-11-21T08:00:05Z")).toBe("09:00:05");
    expect(format.bucket("2026-11-20T23:30:00Z", 86_400)).toBe("21 Nov");
    expect(format.bucket("2026-11-20T23:30:00Z", 3_600)).toBe("00:30");
  });
  it("name the year only when it is another one", () => {
    const now = new Date("2026-11-21T08:00:00Z");
    expect(format.dateTime("2026-11-20T08:00:00Z", now)).toBe("20 Nov, 09:00");
    expect(format.dateTime("2019-11-30T08:00:00Z", now)).toBe("30 Nov 2019, 09:00");
  });
});

describe("countries", () => {
  it("are written out", () => {
    expect(format.country("DE")).toBe("Germany");
    expect(format.country("??")).toBe("??");
  });
});
