/** What machines told of their boots, also those that are gone. */
import { bootFix } from '../../core/boot.ts'
import type { BootReport } from '../../loop/ports-boot.ts'
import { bootView, type BootPhaseView, type BootView } from '../contract.ts'
import { recordOf } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { notFound } from '../problems.ts'
import { machineName, machineParams } from './machines.ts'

export function boots(app: App, parts: ApiParts): void {
  app.get(
    '/pools/:poolId/machines/:machine/boot',
    { config: { right: 'use' }, schema: { params: machineParams, response: { 200: bootView } } },
    async ({ params }) => {
      const record = await recordOf(parts, params.poolId)
      const name = await machineName(parts, record, params.machine)
      const reports = await parts.boots.of(record.poolId, name ?? params.machine)
      if (name === undefined && reports.length === 0)
        throw notFound(`Pool ${record.name} has no machine ${params.machine}, and had none that is remembered.`)
      return { poolId: record.poolId, machine: name ?? params.machine, lives: livesOf(reports) }
    },
  )
}

/** The reports are oldest first; the lives are newest first. */
function livesOf(reports: readonly BootReport[]): BootView['lives'] {
  const lives = new Map<string, BootReport[]>()
  for (const report of reports) {
    const life = JSON.stringify([report.machineId, report.createdAt, report.generation])
    lives.set(life, [...(lives.get(life) ?? []), report])
  }
  return [...lives.values()].reverse().flatMap((told) => {
    const [first] = told
    return first === undefined
      ? []
      : { machineId: first.machineId, createdAt: first.createdAt, generation: first.generation, phases: told.map(phaseView) }
  })
}

function phaseView({ phase, result, durationMs, wallTimeMs, detail, cause }: BootReport): BootPhaseView {
  const words = cause && { cause, causeText: bootFix[cause].cause, fix: bootFix[cause].fix }
  return { phase, result, durationMs, atMs: wallTimeMs, detail, ...words }
}
