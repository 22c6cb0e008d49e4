/** S2, S7: how far the capacity was raised, and that it was only raised. */
import { decided, intentName, maySent, passName, pruned, type Finding, type Judge } from './audit-verdict.ts'

const growth = ['grow', 'ask-again']

export const withinMaximum: Judge = (pool, world) => {
  const { decisions, without } = decided(pool, growth)
  const findings = decisions.flatMap(({ intent, pass }) => {
    const machinesMax = pool.settingsAt(pass.settingsVersion)?.machinesMax ?? intent.machinesMax ?? Infinity
    const records = [intentName(intent), passName(pass)]
    const { machines, asked } = pass.snapshot
    const after = (machines.known ? machines.value.length : 0) + asked + (intent.by ?? 0)
    const to = intent.capacity?.to ?? 0
    return [
      ...(to > machinesMax ? [{ detail: `capacity ${to} above the maximum of ${machinesMax}`, records }] : []),
      ...(after > machinesMax && intent.kind === 'grow'
        ? [{ detail: `${after} machines above the maximum of ${machinesMax}`, records }]
        : []),
    ]
  })
  const most = Math.max(...pool.allSettings.map(({ machinesMax }) => machinesMax), 0)
  const inTruth = patches(pool.scaleSetId, world).filter(({ to }) => to > most)
  return {
    invariant: 'S2',
    judged: decisions.length,
    findings: [
      ...findings,
      ...inTruth.map(({ to, at }): Finding => ({
        detail: `capacity ${to} above the largest maximum of ${most}`,
        records: [`capacity at ${at}`],
      })),
    ],
    ...pruned(without),
  }
}

export const onlyRaised: Judge = (pool, world) => {
  const intents = pool.intents.filter((intent) => growth.includes(intent.kind) && maySent(intent))
  const lowered = intents.flatMap((intent): readonly Finding[] => {
    const { from, to } = intent.capacity ?? { from: 0, to: 0 }
    const isLess = to < from || (intent.kind === 'grow' && (intent.by ?? 0) <= 0)
    return isLess ? [{ detail: `capacity from ${from} to ${to}`, records: [intentName(intent)] }] : []
  })
  const inTruth = patches(pool.scaleSetId, world)
    .filter(({ from, to }) => to < from)
    .map(({ from, to, at }): Finding => ({ detail: `capacity lowered from ${from} to ${to}`, records: [`capacity at ${at}`] }))
  const blind = (world?.calls ?? [])
    .filter(({ capacity, path, ifMatch }) => capacity !== undefined && ifMatch === undefined && isOf(path, pool.scaleSetId))
    .map(({ path, realMs }): Finding => ({ detail: 'capacity written without If-Match', records: [`PATCH ${path} at ${realMs}`] }))
  return { invariant: 'S7', judged: intents.length, findings: [...lowered, ...inTruth, ...blind] }
}

export function isOf(path: string, scaleSetId: string): boolean {
  return path.toLowerCase().startsWith(scaleSetId.toLowerCase())
}

function patches(scaleSetId: string, world: Parameters<Judge>[1]) {
  return (world?.events ?? []).flatMap((event) =>
    event.kind === 'capacity' && event.by === 'patch' && event.scaleSetId.toLowerCase() === scaleSetId.toLowerCase() ? [event] : [],
  )
}
