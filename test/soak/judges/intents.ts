/** S4, S5, S9, S13: every change has one intent, written before, under the current lease, with a reason, and happens once. */
import type { Call, Judge, Report } from '../history.ts'
import type { Ledger } from '../ledger.ts'

export function intentsJudge(ledger: Ledger, report: Report): Judge {
  let newestEpoch = 0
  const epochOf = new Map<string, number>()
  /** Changes that a process began after another had taken over: one may have been on its way already. */
  const late = new Map<string, number>()
  const effects = new Set<string>()
  return (entry) => {
    switch (entry.kind) {
      case 'lease':
        newestEpoch = Math.max(newestEpoch, entry.epoch)
        epochOf.set(entry.process, entry.epoch)
        late.delete(entry.process)
        return
      case 'committed':
        if (entry.epoch < newestEpoch)
          report('S5', entry.at, `${entry.process} committed under epoch ${entry.epoch}; the current one is ${newestEpoch}`)
        for (const intent of entry.intents) {
          if (isWorded(intent.sentence)) continue
          report('S13', entry.at, `the intent ${intent.id} (${intent.kind}) has no reason in words: "${intent.sentence}"`)
        }
        return
      case 'begun':
        if (entry.call.change && (epochOf.get(entry.call.process) ?? 0) < newestEpoch)
          beganLate(entry.call.process, entry.call.name, entry.at)
        return
      case 'arrived':
        if (entry.call.change) hasOneIntent(entry.call.name, entry.at)
        return
      case 'answered':
        if (entry.call.name === 'reimage' && entry.answer.ok) onceForEachLife(entry.call, entry.at)
        return
      default:
    }
  }

  function beganLate(process: string, name: string, at: number): void {
    const count = (late.get(process) ?? 0) + 1
    late.set(process, count)
    if (count > 1) report('S5', at, `${process} began ${name} although another process holds the lease`)
  }

  function hasOneIntent(name: string, at: number): void {
    const found = ledger.intentOfCall()
    if (found === 'none') report('S4', at, `${name} was sent without an intent in the journal`)
    if (found === 'sent') report('S9', at, `${name} was sent again for an intent that was sent before`)
  }

  function onceForEachLife(call: Call, at: number): void {
    for (const { id, generation } of ledger.current()?.machines ?? []) {
      if (call.target.machines?.includes(id) !== true) continue
      const life = `${id}/${ledger.lifeOf(id)}/${generation}`
      if (effects.has(life)) report('S9', at, `machine ${id} was reimaged twice in life ${generation}`)
      effects.add(life)
    }
  }
}

function isWorded(sentence: string): boolean {
  return sentence.trim() !== '' && !/undefined|NaN|\[object/.test(sentence)
}
