/** The service killed for real, again and again, under load, on a file database before a sandbox. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PoolCreated, SettingsInput } from '../../backend/api/contract.ts'
import { auditData, type Audit } from '../../backend/cli/audit.ts'
import { createClient, type Client } from '../../backend/cli/client.ts'
import { createSandboxControl, type SandboxControl } from '../../backend/cli/sandbox-control.ts'
import { sandboxConfiguration, startSandboxProcess } from '../../backend/cli/sandbox-process.ts'
import type { ServiceOptions } from '../../backend/cli/service.ts'
import { createRandom, type Random } from '../../backend/simulator/random.ts'
import { createAcknowledged, type Acknowledged } from './acknowledged.ts'
import { createVictims, type Address, type Victim, type Victims } from './victims.ts'

export type KillReport = {
  readonly kills: number
  /** Killed before it listened. */
  readonly whileStarting: number
  readonly intents: number
  readonly calls: number
  readonly jobs: number
  readonly acknowledged: { readonly settings: number; readonly entries: number }
  /** What was answered and is gone, and a database that is damaged. */
  readonly lost: readonly string[]
  readonly busyKills: number
  /** S4 and S9: a call without an intent of its own, or an effect that came twice. */
  readonly doubleEffects: number
  /** All that the audit found. */
  readonly breaches: readonly string[]
}

/** World seconds in a real second: several passes between two kills. */
const speed = 120
/** One in so many is killed while it starts, the others at work. */
const startsKilled = 4
const startMs = { least: 0, most: 400 }
const workMs = { least: 20, most: 900 }
/** Real time at the end in which nobody is killed. */
const calmMs = 8_000
const jobsMax = 24
const pools: readonly { readonly name: string; readonly settings: SettingsInput }[] = [
  { name: 'reusable', settings: { machinesMax: 10, standby: 2, idleDelayMinutes: 1 } },
  { name: 'onejob', settings: { machinesMax: 8, standby: 1, idleDelayMinutes: 1, tearDownAfterUse: true } },
]

type Site = {
  readonly data: string
  readonly control: SandboxControl
  readonly victims: Victims
  readonly options: Omit<ServiceOptions, 'log'>
  readonly known: Acknowledged
  readonly poolIds: readonly number[]
  readonly random: Random
}

export async function killService(wish: {
  readonly times: number
  readonly packageFolder: string
  readonly seed: number
}): Promise<KillReport> {
  const data = mkdtempSync(join(tmpdir(), 'scale-set-agents-kill-'))
  const sandbox = await startSandboxProcess({ packageFolder: wish.packageFolder, data: join(data, 'sandbox'), speed, seed: wish.seed })
  const control = createSandboxControl(sandbox.address)
  const victims = createVictims(join(wish.packageFolder, 'dist', 'kill-service.js'))
  try {
    const options = {
      configuration: sandboxConfiguration(sandbox.address, sandbox.credentials, data),
      packageFolder: wish.packageFolder,
      version: 'kill',
      speed,
    }
    const ground = { data, control, victims, options, known: createAcknowledged(), random: createRandom(wish.seed) }
    const site = { ...ground, poolIds: await makePools(ground) }
    const { whileStarting, lost } = await killAll(site, wish.times)
    await calmDown(site)
    const { pools: seen } = await control.state()
    const jobs = seen.reduce((sum, pool) => sum + Object.values(pool.finished).reduce((all, count) => all + count, 0), 0)
    return { kills: wish.times, whileStarting, jobs, acknowledged: site.known.count(), lost, ...judged(auditData(data)) }
  } finally {
    await victims.end()
    await control.close()
    await sandbox.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

async function makePools({ control, victims, options }: Omit<Site, 'poolIds'>): Promise<readonly number[]> {
  const victim = await victims.next(options)
  const client = clientOf(await victim.listens)
  const made: number[] = []
  for (const { name, settings } of pools) {
    const scaleSetId = await control.addScaleSet(name)
    made.push((await client.send<PoolCreated>('POST', '/pools', { poolName: name, scaleSetId, settings })).pool.poolId)
  }
  await victim.stop()
  return made
}

function clientOf(address: Address | undefined): Client {
  if (address === undefined) throw new Error('The service ended before it listened.')
  return createClient(address, fetch, () => AbortSignal.timeout(10_000))
}

async function killAll(site: Site, times: number) {
  const file = join(site.data, 'service.db')
  const lost: string[] = []
  let whileStarting = 0
  for (let kill = 0; kill < times; kill++) {
    const victim = await site.victims.next(site.options)
    // Whatever fails, no process is left behind.
    if (!(await oneLife(site, victim).finally(victim.kill))) whileStarting += 1
    lost.push(...site.known.missingIn(file))
    if (lost.length > 0) break
  }
  return { whileStarting, lost }
}

/** Under load until the moment of its death. True when it had come to listen. */
async function oneLife(site: Site, victim: Victim): Promise<boolean> {
  const { random, known, poolIds } = site
  let isDead = false
  let wasListening = false
  const load = (async () => {
    const address = await victim.listens
    if (address === undefined) return
    wasListening = true
    const client = clientOf(address)
    for (let turn = 0; !isDead; turn++) await known.work(client, poolIds[turn % poolIds.length] ?? 0)
  })().catch((error: unknown) => {
    // A call that its service did not outlive was not answered; any other failure is one.
    if (!isDead) throw error
  })
  const dead = (async () => {
    await queueJobs(site)
    const isEarly = random.below(startsKilled) === 0
    if (!isEarly) await victim.listens
    const { least, most } = isEarly ? startMs : workMs
    await sleep(random.between(least, most))
    isDead = true
    await victim.kill()
  })()
  await Promise.all([load, dead])
  return wasListening
}

async function queueJobs({ control, poolIds, random }: Site): Promise<void> {
  const { pools: seen } = await control.state()
  for (const { id, agents, waiting, running } of seen) {
    // Azure DevOps fails a job at once while its pool has no agent at all.
    if (!poolIds.includes(id) || agents === 0 || waiting + running >= jobsMax) continue
    for (let job = 0; job < 1 + random.below(3); job++)
      await control.queueJob({ poolId: id, durationMs: Math.round(random.between(20_000, 240_000)), jobName: 'load', definition: 'kill' })
  }
}

async function calmDown({ victims, options }: Site): Promise<void> {
  const victim = await victims.next(options)
  clientOf(await victim.listens)
  await sleep(calmMs)
  await victim.stop()
}

function judged({ intents, calls, pools: audited }: Audit) {
  const of = (...names: readonly string[]) =>
    audited.flatMap(({ verdicts }) => verdicts.filter(({ invariant }) => names.includes(invariant)).flatMap(({ findings }) => findings))
  const breaches = audited.flatMap(({ name, verdicts }) =>
    verdicts.flatMap(({ invariant, findings }) =>
      findings.map(({ detail, records }) => `${invariant} of pool ${name}: ${detail} (${records.join(', ')})`),
    ),
  )
  return { intents, calls, busyKills: of('S1').length, doubleEffects: of('S4', 'S9').length, breaches }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
