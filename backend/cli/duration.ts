/** Spans of time as people write and read them. */

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `90s`, `30m`, `2h`, `1d`, `1h30m`; undefined when the text is not a span above zero. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)) ms += Number(amount) * (unitMs[unit ?? ''] ?? NaN)
  return ms > 0 && Number.isFinite(ms) ? Math.round(ms) : undefined
}

/** `850 ms`, `24 s`, `3 min 12 s`, `1 h 42 min`, `2 d 3 h`: at most two units, nothing that reads as false precision. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return twoUnits(seconds, 60, 'min', 1, 's')
  if (seconds < 86_400) return twoUnits(seconds, 3_600, 'h', 60, 'min')
  return twoUnits(seconds, 86_400, 'd', 3_600, 'h')
}

/** `07:42` of the day that `ms` falls in. */
export function clockTime(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return `${pad(Math.floor(minutes / 60) % 24)}:${pad(minutes % 60)}`
}

/** `2026-11-21 07:42:09` in the terminal's own time zone, from milliseconds since 1970. */
export function wallTime(ms: number): string {
  return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' }).format(ms)
}

function twoUnits(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small)
  const first = `${Math.floor(seconds / large)} ${largeName}`
  return rest === 0 ? first : `${first} ${rest} ${smallName}`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
