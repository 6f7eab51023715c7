// Where the city map opens.
import { describe, expect, it } from "vitest";
import { frameAll, frameMost, MERCATOR } from "./worldMap";

const EUROPE = [
  { lon: 13.4, lat: 52.5 },
  { lon: 10, lat: 53.5 },
  { lon: 2.3, lat: 48.9 },
  { lon: 4.9, lat: 52.4 },
];
const NEW_YORK = { lon: -74, lat: 40.7 };
const TOKYO = { lon: 139.7, lat: 35.7 };

describe("frames", () => {
  it("hold every place with air around it", () => {
    expect(frameAll([...EUROPE, NEW_YORK])).toEqual([
      [-77, 56.5],
      [16.4, 37.7],
    ]);
  });
  it("open on the region of most places", () => {
    expect(frameMost([...EUROPE, NEW_YORK])).toEqual(frameAll(EUROPE));
  });
  it("open on the world when places are all over it", () => {
    const everywhere = [EUROPE[0], NEW_YORK, TOKYO, { lon: -46.6, lat: -23.5 }, { lon: 151.2, lat: -33.9 }].filter((place) => place !== undefined);
    expect(frameMost(everywhere)).toEqual(frameAll(everywhere));
  });
  it("are never closer than a country", () => {
    const [[west, north], [east, south]] = frameAll([{ lon: 10, lat: 50 }]);
    expect(east - west).toBe(14);
    expect(north - south).toBe(7);
  });
  it("show the world when there is no place", () => {
    expect(frameMost([])).toEqual(frameAll([]));
  });
});

describe("MERCATOR", () => {
  it("comes back to where it started", () => {
    const [lon, lat] = MERCATOR.unproject(MERCATOR.project([13.4, 52.5]));
    expect(lon).toBeCloseTo(13.4);
    expect(lat).toBeCloseTo(52.5);
  });
});
