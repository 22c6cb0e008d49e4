/** S6: nothing is removed on a picture that could not be read. */
import type { Entry, Judge, Report } from '../history.ts'

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
    if (entry.kind === 'answered') answered(entry)
    if (entry.kind === 'begun' && isRemoval(entry.call.name)) removes(entry.call.name, entry.call.process, entry.at)
  }

  function answered({ call, answer, at }: Extract<Entry, { kind: 'answered' }>): void {
    const part = partOf[call.name]
    if (part === undefined) return
    const key = `${call.process}/${part}`
    reads.set(key, answer.ok ? { failed: false, goodAt: at } : { failed: true, goodAt: reads.get(key)?.goodAt ?? -Infinity })
  }

  function removes(name: keyof typeof needed, process: string, at: number): void {
    // A process that was paused sends what was on its way; S5 allows one such call.
    if ((epochs.get(process) ?? 0) < Math.max(...epochs.values())) return
    for (const part of needed[name]) {
      const read = reads.get(`${process}/${part}`)
      if (read === undefined || read.failed) report('S6', at, `${name} right after the ${part} could not be read`)
      else if (at - read.goodAt > freshMsMax) report('S6', at, `${name} on ${part} read ${Math.round((at - read.goodAt) / 1000)} s ago`)
    }
    const jobs = reads.get(`${process}/jobs`)
    if (jobs === undefined || at - jobs.goodAt > pictureMsMax) report('S6', at, `${name} without jobs read in the last two minutes`)
  }
}

function isRemoval(name: string): name is keyof typeof needed {
  return name in needed
}
