// How numbers, money and times are written: Intl with the store's currency and time zone. Money stays a decimal string.

/** A decimal string, as the API sends money. */
type Decimal = `${number}`;

export interface Format {
  /** Money to the cent; whole units from 100,000 on unless `exact`. */
  money: (value: string | null | undefined, exact?: boolean) => string;
  /** Short money for axes: 12K. Takes a plain number because it labels a drawn scale, not a fact. */
  moneyTick: (value: number) => string;
  count: (value: number | null | undefined) => string;
  /** How much of something: up to three places, none for pieces. */
  quantity: (value: number | null | undefined) => string;
  countTick: (value: number) => string;
  rate: (value: number | null | undefined) => string;
  perSecond: (value: number | null | undefined) => string;
  /** Time of day with seconds. */
  clock: (time: string) => string;
  /** Day and time, year included when it is not the current one of `now`. */
  dateTime: (time: string, now?: Date) => string;
  /** Label of a bucket of `intervalSeconds` on a time axis. */
  bucket: (time: string, intervalSeconds: number) => string;
  /** Hour of the day in the store's time zone, 0 to 23. */
  hour: (time: string) => number;
  country: (code: string) => string;
}

export const NOTHING = "–";
const WHOLE_UNITS_FROM = 100_000;
const DAY_S = 86_400;

function isDecimal(value: string): value is Decimal {
  return /^-?\d+(\.\d+)?$/.test(value);
}

function timeFormat(locale: string | undefined, timeZone: string, options: Intl.DateTimeFormatOptions) {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
  }
}

function currencyFormat(locale: string | undefined, currency: string, options: Intl.NumberFormatOptions) {
  try {
    return new Intl.NumberFormat(locale, { ...options, style: "currency", currency, currencyDisplay: "narrowSymbol" });
  } catch {
    return new Intl.NumberFormat(locale, options);
  }
}

export function createFormat(currency: string, timeZone: string, locale?: string): Format {
  const exactMoney = currencyFormat(locale, currency, {});
  const wholeMoney = currencyFormat(locale, currency, { maximumFractionDigits: 0 });
  const shortMoney = currencyFormat(locale, currency, { notation: "compact", maximumFractionDigits: 1, minimumFractionDigits: 0 });
  const counts = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const quantities = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  const shortCounts = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const rates = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const slow = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const clocks = timeFormat(locale, timeZone, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const minutes = timeFormat(locale, timeZone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const days = timeFormat(locale, timeZone, { day: "numeric", month: "short" });
  const daysAndMinutes = timeFormat(locale, timeZone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const yearsAndMinutes = timeFormat(locale, timeZone, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const years = timeFormat("en", timeZone, { year: "numeric" });
  const hours = timeFormat("en", timeZone, { hour: "2-digit", hourCycle: "h23" });
  const countries = new Intl.DisplayNames(locale ?? [], { type: "region", fallback: "code" });

  return {
    money(value, exact = false) {
      if (value == null || !isDecimal(value)) return NOTHING;
      const whole = !exact && Math.abs(Number(value)) >= WHOLE_UNITS_FROM;
      return (whole ? wholeMoney : exactMoney).format(value);
    },
    moneyTick: (value) => shortMoney.format(value),
    count: (value) => (value == null ? NOTHING : counts.format(value)),
    quantity: (value) => (value == null ? NOTHING : quantities.format(value)),
    countTick: (value) => shortCounts.format(value),
    rate: (value) => (value == null ? NOTHING : rates.format(value)),
    perSecond: (value) => (value == null ? NOTHING : (value < 100 ? slow : counts).format(value)),
    clock: (time) => clocks.format(new Date(time)),
    dateTime(time, now = new Date()) {
      const date = new Date(time);
      return (years.format(date) === years.format(now) ? daysAndMinutes : yearsAndMinutes).format(date);
    },
    bucket(time, intervalSeconds) {
      const date = new Date(time);
      if (intervalSeconds >= DAY_S) return days.format(date);
      return intervalSeconds < 60 ? clocks.format(date) : minutes.format(date);
    },
    hour: (time) => Number(hours.format(new Date(time))),
    country(code) {
      try {
        return countries.of(code) ?? code;
      } catch {
        return code;
      }
    },
  };
}
