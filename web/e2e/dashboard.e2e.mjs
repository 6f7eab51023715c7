// The dashboard in a real browser against a running Tradewind.
//   TRADEWIND_URL          the whole start-up link, token included (required)
//   TRADEWIND_STALE_STORE  id of a store whose newest event is over a day old (optional)
//   SCREENSHOTS            folder for pictures (default: web/e2e/screenshots)
//   CHROMIUM               browser to use (default: /usr/bin/chromium)
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";

const START = process.env.TRADEWIND_URL;
// Empty when the file that it is made of is absent.
const STALE_STORE = process.env.TRADEWIND_STALE_STORE || undefined;
const PICTURES = process.env.SCREENSHOTS ?? path.join(import.meta.dirname, "screenshots");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 375, height: 812 };
// Phones, tablets and small windows.
const WIDTHS = [320, 360, 375, 390, 430, 600, 768, 912, 1024, 1180, 1366];
// A busy machine may need a while; a test that waits this long in vain tells what the page said instead.
const SETTLE_MS = 30_000;

if (START === undefined) {
  console.error("TRADEWIND_URL is missing: set it to the link that `tradewind demo` prints, token included.");
  process.exit(2);
}

mkdirSync(PICTURES, { recursive: true });

/** A page signed in through the start-up link; console errors and failed requests are collected. */
async function open(browser, { viewport = DESKTOP, colorScheme = "light", query = {} } = {}) {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(START).origin && !/^(data|blob):/.test(request.url())) {
      problems.push(`left the server: ${request.url()}`);
    }
  });
  await page.goto(START);
  if (Object.keys(query).length > 0) {
    const address = new URL("/", START);
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
    await page.goto(address.href);
  }
  return { page, problems, close: () => context.close() };
}

async function settled(page) {
  await page.locator('[data-connection="live"]').waitFor({ timeout: SETTLE_MS });
  await page.waitForFunction(
    () => {
      const bodies = [...document.querySelectorAll("[data-state]")];
      return bodies.length >= 8 && bodies.every((body) => body.getAttribute("data-state") !== "loading") && document.querySelector(".is-refreshing") === null;
    },
    undefined,
    { timeout: SETTLE_MS },
  );
}

/** Waits until something is visible, or fails with what the page says instead. */
async function visible(page, locator) {
  try {
    await locator.waitFor({ timeout: SETTLE_MS });
  } catch (error) {
    throw new Error(`${error.message}\nThe page says: ${(await page.locator("body").innerText()).slice(0, 2_000)}`, { cause: error });
  }
}

const figure = (page, name) => page.locator(`[data-figure="${name}"]`);
const figures = (page) => page.locator(".key-value").allInnerTexts();
async function picture(page, name) {
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
}

async function violations(page) {
  // Evaluated, not added as a script element: the page's content security policy would refuse that.
  await page.evaluate(AXE);
  const result = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return result.violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).join(" | ")}`);
}

describe("dashboard", () => {
  let browser;

  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });

  after(async () => {
    await browser?.close();
  });

  test("loads, shows its key figures, talks to its own server only, and logs no error", async () => {
    const { page, problems, close } = await open(browser);
    await settled(page);
    const shown = await figures(page);
    assert.equal(shown.length, 5);
    for (const text of shown) assert.match(text, /\d/, `a key figure shows no number: ${shown.join(", ")}`);
    assert.match(await figure(page, "Events per second").innerText(), /\d/);
    assert.equal(await page.locator('[data-state="error"]').count(), 0, "a card shows an error");
    assert.ok((await page.locator("canvas").count()) >= 4, "fewer charts than expected");
    assert.doesNotMatch(page.url(), /token/, "the token stayed in the address");
    await picture(page, "desktop-light");
    assert.deepEqual(problems, []);
    await close();
  });

  test("figures change by themselves within 10 s", async () => {
    const { page, close } = await open(browser);
    await settled(page);
    const watched = async () => [await figure(page, "Net revenue").innerText(), ...(await page.locator(".supporting dd").allInnerTexts())].join(" ");
    const first = await watched();
    const speed = await figure(page, "Events per second").innerText();
    const until = Date.now() + 10_000;
    let changed = false;
    let moved = false;
    while (Date.now() < until && !(changed && moved)) {
      await page.waitForTimeout(250);
      changed ||= (await watched()) !== first;
      moved ||= (await figure(page, "Events per second").innerText()) !== speed;
    }
    assert.ok(changed, `the figures stayed at ${first}`);
    assert.ok(moved, `events per second stayed at ${speed}`);
    await close();
  });

  test("another window shows other figures, and the address remembers it", async () => {
    const { page, close } = await open(browser);
    await settled(page);
    const period = () => page.locator(".period").innerText();
    const before = await period();
    const answered = page.waitForRequest((request) => request.url().includes("window=1h"));
    await page.getByRole("radio", { name: "Last hour" }).check();
    await answered;
    await settled(page);
    await page.waitForFunction((old) => document.querySelector(".period")?.innerText !== old, before, { timeout: SETTLE_MS });
    assert.match(page.url(), /window=1h/);
    await page.reload();
    await settled(page);
    assert.ok(await page.getByRole("radio", { name: "Last hour" }).isChecked());
    await close();
  });

  test("theme switch changes the colours and is remembered", async () => {
    const { page, close } = await open(browser);
    await settled(page);
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.getByRole("radio", { name: "Dark" }).check();
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.reload();
    await settled(page);
    assert.equal(await ground(), dark);
    await picture(page, "desktop-dark");
    await page.getByRole("radio", { name: "As the system" }).check();
    assert.equal(await ground(), light);
    await close();
  });

  test("every chart can be read as a table", async () => {
    const { page, problems, close } = await open(browser);
    await settled(page);
    const toggles = page.getByRole("button", { name: /^Show as table/ });
    const count = await toggles.count();
    const canvases = await page.locator("canvas").count();
    assert.ok(count >= 6, `only ${count} toggles`);
    for (let index = 0; index < count; index += 1) {
      const toggle = toggles.nth(index);
      const card = toggle.locator("xpath=ancestor::section");
      if ((await card.locator('[data-state="ready"]').count()) === 0) continue;
      await toggle.click();
      assert.equal(await toggle.getAttribute("aria-pressed"), "true");
      assert.ok((await card.locator("tbody tr").count()) > 0, `no rows: ${await toggle.getAttribute("aria-label")}`);
    }
    await picture(page, "desktop-tables");
    assert.deepEqual(await violations(page), []);
    for (let index = 0; index < count; index += 1) {
      if ((await toggles.nth(index).getAttribute("aria-pressed")) === "true") await toggles.nth(index).click();
    }
    await page.waitForFunction((charts) => document.querySelectorAll("canvas").length === charts, canvases, { timeout: SETTLE_MS });
    assert.deepEqual(problems, []);
    await close();
  });

  test("funnel counts by sessions, visitors and events", async () => {
    const { page, close } = await open(browser);
    await settled(page);
    await page.getByRole("radio", { name: "Events", exact: true }).check();
    assert.match(await page.locator(".area-funnel .unit").innerText(), /events/);
    assert.match(await figure(page, "funnel view").innerText(), /\d/);
    await close();
  });

  test("map zooms by button", async () => {
    const { page, problems, close } = await open(browser);
    await settled(page);
    const map = page.locator(".area-map canvas").first();
    await map.waitFor({ timeout: SETTLE_MS });
    const shot = async () => (await page.locator(".map").screenshot()).toString("base64");
    const before = await shot();
    await page.getByRole("button", { name: "Zoom in" }).click();
    await page.waitForTimeout(500);
    assert.notEqual(await shot(), before);
    await page.getByRole("button", { name: "Show all cities" }).click();
    assert.deepEqual(problems, []);
    await close();
  });

  test("keyboard reaches the controls and shows where it is", async () => {
    const { page, close } = await open(browser);
    await settled(page);
    const reached = [];
    for (let step = 0; step < 6; step += 1) {
      await page.keyboard.press("Tab");
      reached.push(
        await page.evaluate(() => {
          const active = document.activeElement;
          const marked = active?.nextElementSibling && active.matches("input") ? active.nextElementSibling : active;
          const style = marked === null || marked === undefined ? null : getComputedStyle(marked);
          return { name: active?.getAttribute("aria-label") ?? active?.tagName ?? "", outline: style?.outlineStyle ?? "none" };
        }),
      );
    }
    assert.ok(reached.some((stop) => stop.name === "Store"), JSON.stringify(reached));
    assert.ok(reached.some((stop) => /^Last /.test(stop.name)), JSON.stringify(reached));
    for (const stop of reached) assert.notEqual(stop.outline, "none", `no visible focus on ${stop.name}`);
    await close();
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`phone (${colorScheme}) has no horizontal scroll and no serious accessibility violation`, async () => {
      const { page, close } = await open(browser, { viewport: PHONE, colorScheme });
      await settled(page);
      await picture(page, `phone-${colorScheme}`);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: PHONE.height });
        // Charts are drawn anew a moment after the window has changed.
        const fits = (limit) => document.documentElement.scrollWidth <= limit;
        const fitted = await page.waitForFunction(fits, width, { timeout: 5_000 }).catch(() => null);
        const taken = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(fitted !== null, `at ${width} px the page is ${taken} px wide`);
        const stretched = await page.evaluate(() => {
          const texts = [...document.querySelectorAll(".supporting dd")].map((value) => value.firstChild).filter((text) => text !== null);
          const before = texts.map((text) => text.nodeValue);
          for (const text of texts) text.nodeValue = "€1,234,567.89";
          const wide = document.documentElement.scrollWidth;
          texts.forEach((text, index) => (text.nodeValue = before[index]));
          return texts.length === 0 ? Infinity : wide;
        });
        assert.ok(stretched <= width, `at ${width} px the page of a large shop is ${stretched} px wide`);
      }
      await page.setViewportSize(PHONE);
      assert.deepEqual(await violations(page), []);
      await close();
    });

    test(`desktop (${colorScheme}) has no serious accessibility violation`, async () => {
      const { page, close } = await open(browser, { colorScheme });
      await settled(page);
      assert.deepEqual(await violations(page), []);
      await close();
    });
  }

  test("says when the connection is lost, and finds back", async () => {
    const { page, close } = await open(browser);
    await settled(page);
    await page.route("**/v1/**", (route) => route.abort());
    // Another window opens a new stream, which now fails.
    await page.getByRole("radio", { name: "Last hour" }).check();
    await page.locator('[data-connection="reconnecting"]').waitFor({ timeout: SETTLE_MS });
    await page.unroute("**/v1/**");
    await settled(page);
    await close();
  });

  test("without a session it says how to get in", async () => {
    const context = await browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    await page.goto(new URL("/", START).href);
    await page.getByRole("heading", { name: "Open the link printed in the terminal" }).waitFor({ timeout: SETTLE_MS });
    await picture(page, "signed-out");
    assert.deepEqual(await violations(page), []);
    await context.close();
  });

  test("a quiet shop says how old its newest event is", { skip: STALE_STORE === undefined ? "TRADEWIND_STALE_STORE is not set" : false }, async () => {
    const { page, close } = await open(browser, { query: { store: STALE_STORE, window: "24h" } });
    const notice = page.locator(".notice");
    await visible(page, notice);
    assert.match(await notice.innerText(), /Newest event is from .*\d.*; showing .*\d.* – .*\d/);
    for (const text of await figures(page)) assert.match(text, /\d|–/);
    await picture(page, "stale");
    assert.deepEqual(await violations(page), []);
    await close();
  });
});
