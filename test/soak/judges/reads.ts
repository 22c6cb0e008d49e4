/** S6: nothing is removed on a picture that could not be read. */
import type { Judge, Report } from '../history.ts'

const partOf: Readonly<Record<string, string>> = {
  jobs: 'jobs',
  agents: 'agents',
  'list-machines': 'machines',
  'read-scale-set': 'scale set',
}
/** What a removal looks at again, and how old that may be when the call leaves. */
const needed = {
  'delete-instances': ['machines', 'agents', 'scale set'],
  reimage: ['machines', 'agents', 'scale set'],
  'remove-agent': ['agents'],
} as const
const freshMsMax = 60_000
/** The rest of the picture is older: the service uses an answer for 75 seconds at most. */
const pictureMsMax = 120_000

type Read = { readonly failed: boolean; readonly goodAt: number }

export function readsJudge(report: Report): Judge {
  const reads = new Map<string, Read>()
  const epochs = new Map<string, number>()
  return (entry) => {
    if (entry.kind === 'lease') epochs.set(entry.process, entry.epoch)
    if (entry.kind === 'answered') {
      const part = partOf[entry.call.name]
      if (part === undefined) return
      const key = `${entry.call.process}/${part}`
      const { answer } = entry
      reads.set(key, answer.ok ? { failed: false, goodAt: entry.at } : { failed: true, goodAt: reads.get(key)?.goodAt ?? -Infinity })
    }
    if (entry.kind !== 'begun' || !(entry.call.name in needed)) return
    const { call, at } = entry
    // A process that was paused sends what was on its way; S5 allows one such call.
    if ((epochs.get(call.process) ?? 0) < Math.max(...epochs.values())) return
    for (const part of needed[call.name as keyof typeof needed]) {
      const read = reads.get(`${call.process}/${part}`)
      if (read === undefined || read.failed) report('S6', at, `${call.name} right after the ${part} could not be read`)
      else if (at - read.goodAt > freshMsMax)
        report('S6', at, `${call.name} on ${part} read ${Math.round((at - read.goodAt) / 1000)} s ago`)
    }
    const jobs = reads.get(`${call.process}/jobs`)
    if (jobs === undefined || at - jobs.goodAt > pictureMsMax) report('S6', at, `${call.name} without jobs read in the last two minutes`)
  }
}
