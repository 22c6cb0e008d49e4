/** S4, S5, S13, S14: what was written before what, under which lease, and why. */
import type { AuditIntent, PoolHistory } from './audit-journal.ts'
import { isOf } from './audit-growth.ts'
import { intentName, maySent, type Finding, type Judge, type Verdict } from './audit-verdict.ts'
import type { AuditCall } from './audit-world.ts'

/** S4: every change that arrived has an intent of its own, made before it. */
export const writtenBefore: Judge = (pool, world): Verdict => {
  if (world === undefined)
    return { invariant: 'S4', judged: 0, findings: [], notChecked: 'the other side kept no record of the calls; a sandbox does' }
  const left = pool.intents.filter(maySent)
  let switches = [...pool.orderSentences].filter((text) => /(dis|en)ables/.test(text)).length
  const calls = world.calls.filter((call) => kindsOf(call, pool).length > 0)
  const findings = calls.flatMap((call): readonly Finding[] => {
    const found = left.findIndex((intent) => fits(intent, call, pool))
    const [intent] = found < 0 ? [] : left.splice(found, 1)
    if (intent !== undefined)
      return madeAt(intent) <= call.realMs
        ? []
        : [{ detail: 'a call came in before its intent was made', records: [intentName(intent), nameOf(call)] }]
    // A person's own switch of an agent is an order, not an intent.
    if (call.enabled !== undefined && switches-- > 0) return []
    return isBeforeJournal(pool, call) ? [] : [{ detail: 'a call has no intent of its own in the journal', records: [nameOf(call)] }]
  })
  return {
    invariant: 'S4',
    judged: calls.length,
    findings,
    ...(world.isCut && { notChecked: 'calls after the sandbox filled its history' }),
  }
}

const nameOf = ({ method, path, realMs }: AuditCall): string => `${method} ${path.split('?')[0]} at ${realMs}`

/** Old intents are dropped; a call from before the oldest one that is kept proves nothing. */
function isBeforeJournal({ intents }: PoolHistory, { realMs }: AuditCall): boolean {
  const [oldest] = intents
  return oldest !== undefined && intents.length >= journalKept && realMs < madeAt(oldest)
}
const journalKept = 5_000

/** The id of an intent begins with the milliseconds of its making, by the clock of the computer. */
export function madeAt({ id }: AuditIntent): number {
  return parseInt(id.replaceAll('-', '').slice(0, 12), 16)
}

/** The kinds of intent that a call may carry out; none for a call that is not about this pool. */
function kindsOf(call: AuditCall, { poolId, scaleSetId }: PoolHistory): readonly string[] {
  const [where = ''] = call.path.split('?')
  if (isOf(where, scaleSetId)) return kindsOnScaleSet(call, where)
  return new RegExp(`/pools/${poolId}(/agents/\\d+)?$`, 'i').test(where) ? kindsInPool(call, where) : []
}

function kindsOnScaleSet({ method, capacity }: AuditCall, where: string): readonly string[] {
  if (method === 'PATCH') return capacity === undefined ? [] : ['grow', 'ask-again']
  if (method !== 'POST') return []
  const [, verb = ''] = /\/(delete|reimage)$/i.exec(where) ?? []
  return verb === '' ? [] : [verb.toLowerCase()]
}

function kindsInPool({ method, enabled }: AuditCall, where: string): readonly string[] {
  if (method === 'DELETE') return /\/agents\/\d+$/i.test(where) ? ['unregister', 'unregister-orphan'] : ['delete-pool']
  if (method !== 'PATCH' || enabled === undefined) return []
  return enabled ? ['restore'] : ['drain', 'save']
}

function fits(intent: AuditIntent, call: AuditCall, pool: PoolHistory): boolean {
  if (!kindsOf(call, pool).includes(intent.kind)) return false
  const agent = /\/agents\/(\d+)$/i.exec(call.path.split('?')[0] ?? '')?.[1]
  if (agent !== undefined && intent.agentId !== Number(agent)) return false
  return call.instanceIds?.every((id) => intent.machines.some((machine) => machine.id === id)) !== false
}

/** S5: epochs only rise in the order of writing. */
export const risingEpochs: Judge = ({ intents }) => {
  const findings = intents.flatMap((intent, index): readonly Finding[] => {
    const before = intents[index - 1]
    return before === undefined || intent.epoch >= before.epoch
      ? []
      : [{ detail: `epoch ${intent.epoch} was written after epoch ${before.epoch}`, records: [intentName(before), intentName(intent)] }]
  })
  return { invariant: 'S5', judged: intents.length, findings, notChecked: 'which process sent a call is not in the record' }
}

/** What may lead to an action; a reason about something else explains nothing. */
const reasonsOf: Readonly<Record<string, readonly string[]>> = {
  grow: ['need', 'learn-capabilities'],
  'ask-again': ['owed'],
  drain: ['leaves'],
  restore: ['restored'],
  unregister: ['leaves'],
  'unregister-orphan': ['orphan'],
  delete: ['leaves', 'leave-together'],
  reimage: ['leaves', 'leave-together'],
  save: ['saved'],
  claim: ['upkeep'],
  'refresh-claim': ['upkeep'],
  'put-extension': ['upkeep'],
  release: ['upkeep'],
  'delete-pool': ['upkeep'],
  'add-placeholder': ['placeholder'],
  'update-placeholder': ['placeholder'],
}

export const everyReason: Judge = ({ intents, sentences }) => {
  const findings = intents.flatMap((intent): readonly Finding[] => {
    const { code = '' } = intent.reason
    const records = [intentName(intent)]
    if (reasonsOf[intent.kind]?.includes(code) !== true) return [{ detail: `${intent.kind} has the reason "${code}"`, records }]
    const sentence = sentences.get(intent.id)
    const isWorded = sentence === undefined || !/undefined|NaN|\[object|^\s*$/.test(sentence)
    return isWorded ? [] : [{ detail: `${intent.kind} is explained by "${sentence}"`, records }]
  })
  return { invariant: 'S13', judged: intents.length, findings }
}

/** S14: our own line goes on over restarts and clock changes; more of it no record can show. */
export const oneLine: Judge = ({ intents, passes }) => {
  const back = (what: string, rows: readonly { readonly at: number; readonly name: string }[]): readonly Finding[] =>
    rows.flatMap(({ at, name }, index) => {
      const before = rows[index - 1]
      return before === undefined || at >= before.at ? [] : [{ detail: `the ${what} go back in time`, records: [before.name, name] }]
    })
  const findings = [
    ...back(
      'intents',
      intents.map((intent) => ({ at: intent.writtenAt, name: intentName(intent) })),
    ),
    ...back(
      'passes',
      passes.map(({ at, id }) => ({ at, name: `pass ${id}` })),
    ),
  ]
  return {
    invariant: 'S14',
    judged: intents.length + passes.length,
    findings,
    notChecked: 'which clock a rule reads is not in the record; the linter and the soak hold that',
  }
}
