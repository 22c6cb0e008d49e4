/** Weekly standby windows. The one place that is given wall time. */
import type { PoolSettings, StandbyWindow } from './settings.ts'

/** How many agents to keep idle at this wall time (ms since 1970). Overlapping windows: the highest wins. */
export function standbyAt(settings: PoolSettings, wallTimeMs: number): number {
  if (settings.deleting) return 0
  if (settings.standbyWindows.length === 0) return settings.standby
  const { day, minute } = localTime(settings.timeZone, wallTimeMs)
  const open = settings.standbyWindows.filter((window) => isOpen(window, day, minute))
  return open.length === 0 ? settings.standby : Math.max(...open.map((window) => window.standby))
}

function isOpen(window: StandbyWindow, day: number, minute: number): boolean {
  const from = minuteOf(window.from)
  const to = minuteOf(window.to)
  const yesterday = (day + 6) % 7
  if (from < to) return window.days.includes(day) && minute >= from && minute < to
  return (window.days.includes(day) && minute >= from) || (window.days.includes(yesterday) && minute < to)
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** Formats are costly to make and pure to keep: one for each zone. */
const formats = new Map<string, Intl.DateTimeFormat>()

function localTime(zone: string, wallTimeMs: number): { day: number; minute: number } {
  const parts = formatFor(zone).formatToParts(wallTimeMs)
  const { weekday, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, value])) as Record<
    'weekday' | 'hour' | 'minute',
    string
  >
  return { day: weekdays.indexOf(weekday), minute: Number(hour) * 60 + Number(minute) }
}

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  formats.set(zone, made)
  return made
}
