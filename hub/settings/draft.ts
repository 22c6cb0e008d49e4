/** The form's content as it is typed, and the settings that it stands for. */
import { defaultSettings, type PoolSettings } from '../../backend/core/settings.ts'

/** What a person sets. `paused` has its own button, and `deleting` is the service's. */
export const editable = [
  'machinesMax',
  'standby',
  'idleDelayMinutes',
  'tearDownAfterUse',
  'savedMax',
  'interactive',
  'standbyWindows',
  'timeZone',
  'startMinutesMax',
  'saveCreationFailed',
  'agentVersion',
  'sudo',
  'holdUpgrades',
  'proxy',
  'capabilities',
  'tokenInModel',
] as const
export type Editable = (typeof editable)[number]
export type EditedSettings = Pick<PoolSettings, Editable>

/** Numbers as they are typed: a field that is being emptied is no zero. */
export type Draft = { readonly [Field in Editable]: EditedSettings[Field] extends number ? string : EditedSettings[Field] }

export const numberFields = ['machinesMax', 'standby', 'idleDelayMinutes', 'savedMax', 'startMinutesMax'] as const
export type NumberField = (typeof numberFields)[number]

export function draftOf(settings: PoolSettings): Draft {
  const fields = Object.fromEntries(editable.map((field) => [field, settings[field]]))
  return { ...fields, ...Object.fromEntries(numberFields.map((field) => [field, String(settings[field])])) } as Draft
}

/** As they would be sent; what is no number goes as it was typed, for the rule book to name. */
export function settingsOf(draft: Draft): Readonly<Record<Editable, unknown>> {
  return { ...draft, ...Object.fromEntries(numberFields.map((field) => [field, numberOf(draft[field])])) }
}

/** Only the fields that differ: what somebody else changed meanwhile stays. To be saved once `checkSettings` has no problem. */
export function changesOf(draft: Draft, base: PoolSettings): Partial<EditedSettings> {
  const wanted = settingsOf(draft)
  return Object.fromEntries(editable.filter((field) => !same(wanted[field], base[field])).map((field) => [field, wanted[field]]))
}

/** The fields of two versions that differ, with both values in words. */
export function differences(before: PoolSettings | undefined, after: PoolSettings): readonly Difference[] {
  const fields = Object.keys(defaultSettings) as readonly (keyof PoolSettings)[]
  return fields
    .filter((field) => before === undefined || !same(before[field], after[field]))
    .map((field) => ({ field, before: before === undefined ? '' : textOf(before[field]), after: textOf(after[field]) }))
}
export type Difference = { readonly field: keyof PoolSettings; readonly before: string; readonly after: string }

/** One on each line, as `name=value`. */
export function linesOf(capabilities: Draft['capabilities']): string {
  return Object.entries(capabilities)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}

export function capabilitiesOf(text: string): Draft['capabilities'] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=')
      return at === -1 ? [line.trim(), ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    }),
  )
}

function numberOf(text: string): unknown {
  return /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
