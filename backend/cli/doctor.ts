/** `doctor`: the check of a scale set, each finding with its fix. */
import type { CheckReport, PoolList } from '../api/contract.ts'
import type { Client } from './client.ts'
import { exitCodes, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { findPool } from './pools.ts'
import { harmless, type Colour, type Paint } from './text.ts'

type Checked = { readonly subject: string; readonly report: CheckReport }

/** Checks one pool, one scale set before it has a pool, or every pool. Exit 1 unless everything checked is ready. */
export async function doctor(client: Client, io: Io, what: { readonly pool?: string; readonly scaleSet?: string }): Promise<ExitCode> {
  const checked = what.scaleSet === undefined ? await checkPools(client, what.pool) : [await checkScaleSet(client, what.scaleSet)]
  answer(
    io,
    checked,
    () =>
      checked.map((each) => inWords(each, io.paint)).join('\n\n') ||
      'No pool yet. Check a scale set with scale-set-agents doctor --scale-set ID.',
  )
  return checked.every((each) => each.report.ready) ? exitCodes.ok : exitCodes.no
}

async function checkScaleSet(client: Client, scaleSetId: string): Promise<Checked> {
  return { subject: scaleSetId, report: await client.send<CheckReport>('POST', '/check', { scaleSetId }) }
}

async function checkPools(client: Client, poolName: string | undefined): Promise<readonly Checked[]> {
  const pools = poolName === undefined ? (await client.get<PoolList>('/pools')).pools : [await findPool(client, poolName)]
  const checked: Checked[] = []
  for (const pool of pools)
    checked.push({ subject: `${pool.name} on ${pool.scaleSetId}`, report: await client.get<CheckReport>(`/pools/${pool.poolId}/check`) })
  return checked
}

type Severity = CheckReport['findings'][number]['severity']
const marks: Readonly<Record<Severity, readonly [string, Colour]>> = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  error: ['error', 'red'],
  unknown: ['unknown', 'magenta'],
}

function inWords({ subject, report }: Checked, paint: Paint): string {
  const findings = report.findings.flatMap((finding) => {
    const [mark, colour] = marks[finding.severity]
    const below = [finding.effect, finding.fix === '' ? '' : `Fix: ${finding.fix}`].filter((text) => text !== '')
    return [`${paint(mark.padEnd(8), colour)} ${harmless(finding.cause)}`, ...below.map((text) => `         ${harmless(text)}`)]
  })
  const problems = report.problems.map((problem) => `${paint('error'.padEnd(8), 'red')} ${problem.field}: ${harmless(problem.message)}`)
  const present = report.present.length === 0 ? [] : [`Machines in it now: ${report.present.map(harmless).join(', ')}.`]
  const verdict = report.ready ? paint('Ready.', 'green') : paint('Not ready: see the errors above.', 'red')
  return [paint(harmless(subject), 'bold'), ...findings, ...problems, ...present, verdict].join('\n')
}
