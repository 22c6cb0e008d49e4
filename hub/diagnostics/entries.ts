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

export type FailureGroup = {
  /** The cause by its short name, or the sentence of a failure that has none; begins small where it goes on from a number of machines. */
  readonly title: string
  /** What happened and what to do; empty when the title says all. */
  readonly cause: string
  readonly fix: string
  readonly machines: readonly string[]
  readonly times: number
  readonly lastAtMs: number
}

/** Failures with the same cause, or that read the same but for the machine's name; those that happened most first. Entries are newest first. */
export function failureGroups(entries: readonly LogView[]): readonly FailureGroup[] {
  const groups = new Map<string, FilledGroup>()
  for (const entry of entries) {
    const title = titleOf(entry)
    if (title === undefined) continue
    const group = groups.get(title) ?? newGroup(title, entry)
    if (entry.machine !== undefined) group.machines.add(entry.machine)
    group.times += 1
    groups.set(title, group)
  }
  return [...groups.values()]
    .map((group) => ({ ...group, machines: [...group.machines] }))
    .toSorted((left, right) => right.machines.length - left.machines.length || right.times - left.times)
}

type FilledGroup = Omit<FailureGroup, 'machines' | 'times'> & { readonly machines: Set<string>; times: number }

/** Undefined for what is no failure. */
function titleOf({ level, machine, message, failure }: LogView): string | undefined {
  if (level === 'info') return undefined
  if (failure !== undefined) return /failed to start/.test(message) ? `failed to start: ${failure.name}` : failure.name
  return machine === undefined ? undefined : capitalized(message.replaceAll(machine, 'the machine'))
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}

function newGroup(title: string, { failure, atMs }: LogView): FilledGroup {
  return { title, cause: failure?.cause ?? '', fix: failure?.fix ?? '', machines: new Set(), times: 0, lastAtMs: atMs }
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
