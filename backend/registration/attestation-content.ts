/** The JSON inside an attested document. Source of the fields: the attested data of Azure's instance metadata service. */
import { refuse } from './attestation-refusal.ts'

export type AttestedDocument = {
  /** Whatever the machine asked with; the caller knows which nonce it gave out. */
  readonly nonce: string
  /** In lower case, like `subscriptionId`. */
  readonly vmId: string
  readonly subscriptionId: string
  /** Milliseconds since 1970 by Azure's clock. */
  readonly createdOn: number
  readonly expiresOn: number
}

/** How far the service's clock may be from Azure's. The nonce limits the age of a proof, not this. */
const skewMs = 5 * 60_000

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Throws Refused when a field is missing or of another form. Fields that are not needed are not read. */
export function readContent(content: Uint8Array): AttestedDocument {
  const fields = parseObject(content)
  const time = asRecord(fields['timeStamp'])
  const [createdOn, expiresOn] = [parseTime(time['createdOn']), parseTime(time['expiresOn'])]
  const { nonce, vmId, subscriptionId } = fields
  if (typeof nonce !== 'string' || nonce === '') return malformed('nonce')
  if (typeof vmId !== 'string' || !guid.test(vmId)) return malformed('vmId')
  if (typeof subscriptionId !== 'string' || !guid.test(subscriptionId)) return malformed('subscriptionId')
  if (createdOn === undefined || expiresOn === undefined || expiresOn < createdOn) return malformed('timeStamp')
  return { nonce, vmId: vmId.toLowerCase(), subscriptionId: subscriptionId.toLowerCase(), createdOn, expiresOn }
}

/** Throws Refused unless the document is in force at `nowMs`. */
export function checkTime({ createdOn, expiresOn }: AttestedDocument, nowMs: number): void {
  if (nowMs < createdOn - skewMs)
    refuse('not-yet-valid', `The document was made ${minutes(createdOn - nowMs)} in the future. Set the clock of the service.`)
  if (nowMs > expiresOn + skewMs)
    refuse(
      'expired',
      `The document expired ${minutes(nowMs - expiresOn)} ago. Set the clock of the service; if it is right, the machine sent an old document.`,
    )
}

function minutes(durationMs: number): string {
  return `${Math.ceil(durationMs / 60_000)} minutes`
}

function parseObject(content: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return asRecord(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content)))
  } catch {
    return refuse('content', `The content of the document is not JSON. ${advice}`)
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function malformed(field: string): never {
  return refuse('content', `The content of the document has no valid ${field}. ${advice}`)
}

const advice = 'Azure signed it, so its form has changed: update this service.'

const timeForm = /^(0[1-9]|1[0-2])\/(0[1-9]|[12]\d|3[01])\/(\d\d) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) -0000$/
const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365]
const from1970To2000Ms = 946_684_800_000

/** `MM/DD/YY HH:MM:SS -0000`, in this century, as milliseconds since 1970; undefined when it is not such a time. */
export function parseTime(text: unknown): number | undefined {
  const parts = typeof text === 'string' ? timeForm.exec(text) : null
  if (parts === null) return undefined
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number)
  const start = firstOfMonth(year, month)
  if (day > firstOfMonth(year, month + 1) - start) return undefined
  return from1970To2000Ms + (((start + day - 1) * 24 + hour) * 60 + minute) * 60_000 + second * 1000
}

/** Days from 1 January 2000. Month 13 is the next January. */
function firstOfMonth(year: number, month: number): number {
  const leapDay = year % 4 === 0 && month > 2 ? 1 : 0
  return year * 365 + Math.ceil(year / 4) + (daysBefore[month - 1] ?? 0) + leapDay
}
