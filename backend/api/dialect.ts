/**
 * Azure DevOps answers in two dialects, chosen in the Accept header: texts, ISO times and `{count, value}` for most clients;
 * numbers, `/Date(ms)/` and bare lists for the browser client.
 */

export type Dialect = {
  enumOf<T extends string>(values: readonly T[], value: T): T | number
  /** Flags join with a comma as text, and add up as a number: the nth is 2^n. */
  flags(names: readonly string[], set: readonly boolean[]): string | number
  /** Of milliseconds since 1970. */
  time(wallTimeMs: number): string
  list<T>(values: readonly T[]): readonly T[] | { readonly count: number; readonly value: readonly T[] }
}

export function dialectOf(accept: string | undefined): Dialect {
  const asked = (option: string) => new RegExp(`;\\s*${option}\\s*=\\s*true`, 'i').test(accept ?? '')
  const [numbers, msDates, bare] = [asked('enumsAsNumbers'), asked('msDateFormat'), asked('noArrayWrap')]
  return {
    enumOf: (values, value) => (numbers ? values.indexOf(value) : value),
    flags: (names, set) =>
      numbers ? set.reduce((sum, on, at) => sum + (on ? 2 ** at : 0), 0) : names.filter((_, at) => set[at]).join(', ') || 'none',
    time: (wallTimeMs) => (msDates ? `/Date(${Math.round(wallTimeMs)})/` : isoTime(wallTimeMs)),
    list: (values) => (bare ? values : { count: values.length, value: values }),
  }
}

/** An enumeration's value as clients send it: its name without regard to case, or its number. */
export function enumFrom<T extends string>(values: readonly T[], sent: string | number): T | undefined {
  const text = String(sent).toLowerCase()
  return /^\d+$/.test(text) ? values[Number(text)] : values.find((value) => value.toLowerCase() === text)
}

const parts = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

/** By Intl, because `Date` belongs to the clock adapter. */
export function isoTime(wallTimeMs: number): string {
  const of = Object.fromEntries(parts.formatToParts(wallTimeMs).map(({ type, value }) => [type, value]))
  return `${of['year']}-${of['month']}-${of['day']}T${of['hour']}:${of['minute']}:${of['second']}.${of['fractionalSecond']}Z`
}
