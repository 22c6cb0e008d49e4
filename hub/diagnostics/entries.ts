/** Which entries are shown, how failures are grouped, and what an export holds. Pure. */
import type { LogView } from '../../backend/api/contract.ts'
import { instantText } from '../clock.ts'

export type EntryFilter = {
  /** Part of a sentence, of Azure's words or of a correlation id. */
  readonly text: string
  /** '' for all. */
  readonly operation: string
  /** Only entries at or after it; 0 for all. */
  readonly sinceMs: number
}

export function shownEntries(entries: readonly LogView[], { text, operation, sinceMs }: EntryFilter): readonly LogView[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return entries.filter((entry) => {
    if (entry.atMs < sinceMs || (operation !== '' && entry.operation !== operation)) return false
    const all = `${entry.message} ${entry.machine ?? ''} ${entry.raw ?? ''} ${entry.correlationId ?? ''}`.toLowerCase()
    return words.every((word) => all.includes(word))
  })
}

export type FailureGroup = { readonly sentence: string; readonly machines: readonly string[]; readonly lastAtMs: number }

/** Failures of machines that read the same but for the machine's name, those with the most machines first. */
export function failureGroups(entries: readonly LogView[]): readonly FailureGroup[] {
  const groups = new Map<string, { machines: Set<string>; lastAtMs: number }>()
  for (const { level, machine, message, atMs } of entries) {
    if (level === 'info' || machine === undefined) continue
    const sentence = message.replaceAll(machine, '…')
    const group = groups.get(sentence) ?? { machines: new Set(), lastAtMs: atMs }
    group.machines.add(machine)
    groups.set(sentence, group)
  }
  return [...groups]
    .map(([sentence, { machines, lastAtMs }]) => ({ sentence, machines: [...machines], lastAtMs }))
    .toSorted((left, right) => right.machines.length - left.machines.length)
}

export function jsonOf(entries: readonly LogView[]): string {
  return JSON.stringify(
    entries.map(({ atMs, ...entry }) => ({ at: instantText(atMs), ...entry })),
    null,
    2,
  )
}

const fields = ['level', 'operation', 'machine', 'message', 'correlationId', 'intentId', 'raw'] as const

export function csvOf(entries: readonly LogView[]): string {
  const rows = entries.map((entry) => [instantText(entry.atMs), ...fields.map((field) => entry[field] ?? '')])
  return [['at', ...fields], ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n')
}

/** A text that a spreadsheet would calculate is kept a text. Source: OWASP, CSV injection. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
