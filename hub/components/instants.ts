/** How a point in time is written, in the person's own zone and manner. */
import { instantText, isInstant } from '../clock.ts'

const dayMs = 86_400_000

/** `14:05:12`, with the day before it when that is not today. */
export function shortTime(atMs: number, nowMs: number, locale?: string): string {
  const isToday = Math.abs(nowMs - atMs) < dayMs && dayOf(atMs, locale) === dayOf(nowMs, locale)
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
  return write(atMs, isToday ? time : { day: 'numeric', month: 'short', ...time }, locale)
}

/** With milliseconds, zone, and the same in UTC: what one compares with a log. */
export function exactInstant(atMs: number, locale?: string): string {
  return `${write(atMs, { dateStyle: 'full', timeStyle: 'long' }, locale)} (${instantText(atMs)})`
}

function dayOf(atMs: number, locale?: string): string {
  return write(atMs, { dateStyle: 'short' }, locale)
}

function write(atMs: number, options: Intl.DateTimeFormatOptions, locale?: string): string {
  return isInstant(atMs) ? new Intl.DateTimeFormat(locale, options).format(atMs) : 'unknown'
}
