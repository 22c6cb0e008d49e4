/**
 * `npm run bench:reaction -- --json`: seconds from a job queued to the capacity write, at real speed over HTTPS. Each kind
 * is measured on several pools at once. Worlds with a service of its own each stay within one organization's rate limit.
 */
import { parseArgs } from 'node:util'
import { createLog } from '../backend/adapters/log.ts'
import { createClient } from '../backend/cli/client.ts'
import { quantile } from '../backend/cli/quantile.ts'
import { startService } from '../backend/cli/service.ts'
import { createRandom } from '../backend/simulator/random.ts'
import { positive } from './support/options.ts'
import { packageFolder } from './support/children.ts'
import { active, deleting, queueJob, quiet, type Load, type Site } from './support/loads.ts'
import { createReactions, type Reactions } from './support/reactions.ts'
import { addPool, openWorld, sleep, type BenchPool } from './support/world.ts'

type Bound = { readonly p50Ms: number; readonly p99Ms: number }
const bounds = { polling: { p50Ms: 8_000, p99Ms: 20_000 }, nudge: { p50Ms: 1_000, p99Ms: 1_000 } } as const satisfies Record<string, Bound>

/** A kind of the result; several groups of pools may add to one. */
type Group = { readonly kind: string; readonly load: Load; readonly pools: number; readonly nudge: boolean }
const quietGroups: readonly Group[] = [
  { kind: 'quiet', load: quiet, pools: 12, nudge: false },
  { kind: 'nudge', load: quiet, pools: 2, nudge: true },
]
/** One world each: enough pools for a hundred jobs of each kind in six minutes. */
const worlds: readonly (readonly Group[])[] = [
  quietGroups,
  quietGroups,
  [
    { kind: 'active', load: active, pools: 10, nudge: false },
    { kind: 'nudge', load: active, pools: 8, nudge: true },
  ],
  [
    { kind: 'whileDeleting', load: deleting, pools: 10, nudge: false },
    { kind: 'nudgeWhileDeleting', load: deleting, pools: 10, nudge: true },
  ],
]
const lookMs = 500
const staggerMs = 20_000

type Options = { readonly samples: number; readonly minutes: number; readonly json: boolean }
type Measured = { readonly group: Group; readonly site: Site; readonly pools: readonly BenchPool[]; readonly reactions: Reactions }
type Ends = (() => Promise<void>)[]

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      samples: { type: 'string', default: '100' },
      minutes: { type: 'string', default: '6' },
      json: { type: 'boolean', default: false },
    },
  })
  return { samples: positive('samples', values.samples), minutes: positive('minutes', values.minutes), json: values.json }
}

async function main(options: Options): Promise<void> {
  const say = (text: string): void => void (options.json || console.error(text))
  const ends: Ends = []
  try {
    say('Bringing the pools into their states.')
    const measured = (await Promise.all(worlds.map((groups, number) => openGroups(groups, number, ends)))).flat()
    say(`Measuring until each kind has ${options.samples} samples, for ${options.minutes} minutes at most.`)
    await measure(measured, options)
    const result = judge(measured)
    console.log(JSON.stringify(result, undefined, options.json ? 0 : 2))
    process.exitCode = result.holds ? 0 : 1
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

/** A sandbox, a service and the pools of these groups, each in its state. */
async function openGroups(groups: readonly Group[], number: number, ends: Ends): Promise<readonly Measured[]> {
  const world = await openWorld(groups[0]?.load.latencies ?? {})
  ends.push(world.stop)
  const service = await startService({
    configuration: world.configuration,
    log: createLog({ level: 'error' }),
    packageFolder,
    version: 'bench',
  })
  ends.push(service.stop)
  const client = createClient(service, fetch, () => AbortSignal.timeout(60_000))
  const site: Site = { world, client, random: createRandom(number + 1) }
  const reactions = createReactions(world)
  const measured: Measured[] = []
  for (const [at, group] of groups.entries()) {
    const pools: BenchPool[] = []
    await group.load.open(site)
    for (let each = 1; each <= group.pools; each += 1) pools.push(await addPool(world, client, `g${at}p${each}x`, group.load.settings))
    measured.push({ group, site, pools, reactions })
  }
  await Promise.all(measured.map(({ group, pools }) => group.load.prepare(site, pools)))
  for (const group of groups) await group.load.settle(site)
  return measured
}

/** Queues jobs until there are samples enough, and gives the last of them the time to be answered. */
async function measure(measured: readonly Measured[], { samples, minutes }: Options): Promise<void> {
  const over = new AbortController()
  const looks = [...new Set(measured.map(({ reactions }) => reactions))]
  for (const { reactions, pools } of measured) {
    await reactions.look()
    pools.forEach(reactions.watch)
  }
  const feeding = Promise.all(measured.flatMap((each) => each.pools.map((pool) => feed(each, pool, over.signal))))
  const untilMs = performance.now() + minutes * 60_000
  const watching = (async () => {
    while (performance.now() < untilMs && [...samplesByKind(measured).values()].some((each) => each.length < samples)) {
      await sleep(lookMs)
      for (const reactions of looks) await reactions.look()
    }
  })()
  await Promise.race([feeding, watching])
  over.abort()
  await feeding
  await sleep(bounds.polling.p99Ms)
  for (const reactions of looks) await reactions.look()
}

/** The jobs of one pool. The pools begin at different moments. */
async function feed({ group, site }: Measured, pool: BenchPool, over: AbortSignal): Promise<void> {
  await sleep(site.random.between(0, staggerMs))
  while (!over.aborted) {
    await group.load.next(site, pool, over)
    if (over.aborted) return
    await queueJob(site, pool.poolId, group.load.jobMs)
    if (group.nudge) await site.client.send('POST', `/nudge?poolId=${pool.poolId}`)
  }
}

function samplesByKind(measured: readonly Measured[]): ReadonlyMap<string, readonly number[]> {
  const byKind = new Map<string, number[]>()
  for (const { group, pools, reactions } of measured) {
    const own = pools.flatMap((pool) => reactions.of(pool))
    byKind.set(group.kind, [...(byKind.get(group.kind) ?? []), ...own])
  }
  return byKind
}

function judge(measured: readonly Measured[]) {
  const kinds = Object.fromEntries(
    [...samplesByKind(measured)].map(([kind, samples]) => {
      const at = (share: number): number | null => quantile(samples, share) ?? null
      const bound: Bound = kind.startsWith('nudge') ? bounds.nudge : bounds.polling
      const holds = samples.length > 0 && (at(0.5) ?? Infinity) <= bound.p50Ms && (at(0.99) ?? Infinity) <= bound.p99Ms
      return [kind, { samples: samples.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), holds }]
    }),
  )
  const unanswered = measured.flatMap(({ pools, reactions }) => pools.map((pool) => reactions.unanswered(pool))).reduce((a, b) => a + b, 0)
  return { kinds, unanswered, bounds, holds: unanswered === 0 && Object.values(kinds).every((kind) => kind.holds) }
}

await main(readOptions())
