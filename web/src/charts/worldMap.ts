// The world map, bundled with the page and loaded only when the city map is first shown. No network beyond our own server.
import type { FeatureCollection } from "geojson";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { registerMap } from "./echarts";

export const WORLD = "world";

/** Antarctica: no shops, and in Mercator it would take half the picture. */
const LEFT_OUT = "010";
const STEEPEST_LATITUDE = 84;

let loading: Promise<void> | null = null;

async function load(): Promise<void> {
  const { default: topology } = await import("world-atlas/countries-50m.json");
  const atlas = topology as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;
  const countries = feature(atlas, atlas.objects.countries);
  const shown: FeatureCollection = {
    type: "FeatureCollection",
    features: countries.features.filter((country) => country.id !== LEFT_OUT),
  };
  registerMap(WORLD, shown as unknown as Parameters<typeof registerMap>[1] & object);
}

export function loadWorldMap(): Promise<void> {
  loading ??= load().catch((failure: unknown) => {
    loading = null;
    throw failure;
  });
  return loading;
}

const RADIANS = Math.PI / 180;

/** Web Mercator in degrees, the projection people know from street maps. */
export const MERCATOR = {
  project([longitude, latitude]: number[]): [number, number] {
    const clamped = Math.max(-STEEPEST_LATITUDE, Math.min(STEEPEST_LATITUDE, latitude ?? 0));
    const y = Math.log(Math.tan(Math.PI / 4 + (clamped * RADIANS) / 2)) / RADIANS;
    return [longitude ?? 0, -y];
  },
  unproject([x, y]: number[]): [number, number] {
    const latitude = (2 * Math.atan(Math.exp(-(y ?? 0) * RADIANS)) - Math.PI / 2) / RADIANS;
    return [x ?? 0, latitude];
  },
};

export interface Place {
  lat: number;
  lon: number;
}

type Corner = [longitude: number, latitude: number];

/** Air around the places, and the smallest frame (about a country), in degrees. */
const AIR = 3;
const SMALLEST = 14;
const WHOLE_WORLD: Frame = [
  [-130, 68],
  [150, -42],
];

export type Frame = [northWest: Corner, southEast: Corner];

/** The part of the world that shows all places, with some air around them. */
export function frameAll(places: readonly Place[]): Frame {
  if (places.length === 0) return WHOLE_WORLD;
  const longitudes = places.map((place) => place.lon);
  const latitudes = places.map((place) => place.lat);
  const [west, east] = [Math.min(...longitudes) - AIR, Math.max(...longitudes) + AIR];
  const [south, north] = [Math.min(...latitudes) - AIR, Math.max(...latitudes) + AIR];
  const widen = Math.max(0, SMALLEST - (east - west)) / 2;
  const heighten = Math.max(0, SMALLEST / 2 - (north - south)) / 2;
  return [
    [Math.max(-180, west - widen), Math.min(78, north + heighten)],
    [Math.min(180, east + widen), Math.max(-58, south - heighten)],
  ];
}

/** How many leading places decide the opening frame, and the part of them it must hold. */
const LEADING = 16;
const HELD = 0.75;

function middle(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/**
 * The part of the world to open on: where most of the leading places are. A few far ones must not shrink all others
 * to dots, so they are left out of the frame when that makes it less than half as wide.
 */
export function frameMost(ranked: readonly Place[]): Frame {
  const leading = ranked.slice(0, LEADING);
  const lon = middle(leading.map((place) => place.lon));
  const lat = middle(leading.map((place) => place.lat));
  const distance = (place: Place) => Math.hypot(place.lon - lon, place.lat - lat);
  const nearest = [...leading].sort((a, b) => distance(a) - distance(b)).slice(0, Math.ceil(leading.length * HELD));
  const most = frameAll(nearest);
  const all = frameAll(leading);
  return most[1][0] - most[0][0] < (all[1][0] - all[0][0]) / 2 ? most : all;
}
