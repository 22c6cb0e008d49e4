/**
 * `npm run bench:loop -- --pools 50 --machines 100 --json`: what one service process costs at production pace, and what it
 * asks of Azure DevOps and Azure. Every second pool is busy with jobs, the others are quiet.
 */
import { loadavg } from 'node:os'
import { createClient, type Client } from '../backend/cli/client.ts'
import { createRandom } from '../backend/simulator/random.ts'
import type { Ask, ProcessFigures } from './service.ts'
import { readFleet, type FleetOptions } from './support/options.ts'
import { packageFolder, startChild, type Child } from './support/children.ts'
import { bucketsOf, difference, histogramQuantile, observations, type Buckets } from './support/histogram.ts'
import type { CallCount } from '../sandbox/journal.ts'
import { createTraffic, readsPerMinute, type Traffic } from './support/reads.ts'
import { addPool, openWorld, sleep, until, type BenchPool, type BenchWorld } from './support/world.ts'

/** Reads are per pool and minute. */
const bounds = {
  passP99Ms: 250,
  residentMb: 300,
  stallMs: 100,
  quiet: { devOps: 6, azure: 3 },
  active: { devOps: 12, azure: 4 },
  throttled: 0,
} as const
/** Machines come online within seconds, so that the warm-up is short. What is measured waits for none of them. */
const shortLives = {
  list: { p50: 500, p95: 1_000 },
  create: { p50: 1_000, p95: 2_000 },
  enable: { p50: 1_000, p95: 2_000 },
}
/** Making a pool and its first pass read some thirty times; the subscription's limit is 25 reads a second. */
const newPoolMs = 1_500
const jobMs = 120_000
/** About half of an active pool's machines run a job. */
const busyShare = 0.5
const feedMs = 200
/** Until the machines' last reading says that they are idle. */
const settleMs = 75_000
const lookMs = 5_000
const bootSecondsMax = 600

type Service = Child<{ readonly url: string; readonly operatorKey: string }>

async function main(options: FleetOptions): Promise<void> {
  const say = (text: string): void => void (options.json || console.error(text))
  const world = await openWorld(shortLives)
  const service: Service = await startChild('service', { configuration: world.configuration, packageFolder, version: 'bench' })
  try {
    const client = createClient(service.address, fetch, () => AbortSignal.timeout(60_000))
    const pools = await warmUp(world, client, options, say)
    const feeding = feed(
      world,
      pools.filter((_, index) => index % 2 === 1),
      options,
    )
    await sleep(settleMs)
    say(`Measuring for ${options.minutes} minutes.`)
    const result = await measure(world, service, pools, options)
    clearInterval(feeding)
    console.log(JSON.stringify(result, undefined, options.json ? 0 : 2))
    process.exitCode = result.holds ? 0 : 1
  } finally {
    await service.stop()
    await world.stop()
  }
}

/** All pools with all of their machines online and seen. */
async function warmUp(
  world: BenchWorld,
  client: Client,
  options: FleetOptions,
  say: (text: string) => void,
): Promise<readonly BenchPool[]> {
  const pools: BenchPool[] = []
  for (let number = 1; number <= options.pools; number += 1) {
    pools.push(await addPool(world, client, `pool${number}x`, { machinesMax: options.machines, standby: options.machines }))
    await sleep(newPoolMs)
  }
  say(`${pools.length} pools are made; their machines boot.`)
  // And the placeholder of each pool.
  const wanted = options.pools * (options.machines + 1)
  await until(`${wanted} agents online`, bootSecondsMax, async () => {
    const { pools: truths } = await world.control.state()
    return truths.reduce((sum, pool) => sum + pool.agents, 0) >= wanted
  })
  return pools
}

/** Jobs arrive by chance, at the rate that keeps the share of machines busy. */
function feed(world: BenchWorld, pools: readonly BenchPool[], { machines }: FleetOptions): NodeJS.Timeout {
  const random = createRandom(1)
  const chance = (machines * busyShare * feedMs) / jobMs
  return setInterval(() => {
    for (const { poolId } of pools) {
      if (!random.chance(chance)) continue
      const job = { poolId, durationMs: Math.round(random.between(jobMs / 2, jobMs * 1.5)), jobName: 'job', definition: 'ci' }
      world.control.queueJob(job).catch((error: unknown) => console.error(`A job was not queued: ${String(error)}`))
    }
  }, feedMs)
}

async function measure(world: BenchWorld, service: Service, pools: readonly BenchPool[], options: FleetOptions) {
  const traffic = createTraffic(pools)
  const passesBefore = await passesOf(service)
  let { next } = await world.calls(Number.MAX_SAFE_INTEGER)
  service.tell('begin' satisfies Ask)
  const startedAt = performance.now()
  while (performance.now() - startedAt < options.minutes * 60_000) {
    await sleep(lookMs)
    const calls = await world.calls(next)
    next = calls.next
    traffic.add(calls)
  }
  const minutes = (performance.now() - startedAt) / 60_000
  const figures = await service.ask<ProcessFigures>('figures' satisfies Ask)
  const passes = difference(await passesOf(service), passesBefore)
  const { counts } = await world.calls(next)
  const throttled = counts.filter((call) => call.status === 429)
  return judge(options, figures, passes, { pools, minutes, throttled, traffic: traffic.traffic })
}

async function passesOf({ address }: Service): Promise<Buckets> {
  const answer = await fetch(`${address.url}/metrics`, {
    headers: { authorization: `Basic ${Buffer.from(`:${address.operatorKey}`).toString('base64')}` },
  })
  return bucketsOf(await answer.text(), 'scale_set_agents_pass_seconds')
}

type Counted = {
  readonly pools: readonly BenchPool[]
  readonly minutes: number
  readonly throttled: readonly CallCount[]
  readonly traffic: Traffic
}

function judge(options: FleetOptions, figures: ProcessFigures, passes: Buckets, { pools, minutes, throttled, traffic }: Counted) {
  const readsOf = (isActive: boolean) => {
    const some = pools.filter((_, index) => (index % 2 === 1) === isActive)
    const of = (api: 'azure-devops' | 'resource-manager') => readsPerMinute(traffic, api, some, pools.length, minutes)
    return { devOps: of('azure-devops'), azure: of('resource-manager') }
  }
  const msAt = (share: number): number => Math.round(histogramQuantile(passes, share) * 1_000)
  const reads = { quiet: readsOf(false), active: readsOf(true) }
  const pass = { passes: observations(passes), p50Ms: msAt(0.5), p99Ms: msAt(0.99) }
  const holds =
    pass.passes > 0 &&
    pass.p99Ms <= bounds.passP99Ms &&
    figures.residentMb <= bounds.residentMb &&
    figures.stallMs <= bounds.stallMs &&
    (['quiet', 'active'] as const).every((load) => reads[load].devOps <= bounds[load].devOps && reads[load].azure <= bounds[load].azure) &&
    throttled.length <= bounds.throttled
  const { pools: poolCount, machines } = options
  return {
    pools: poolCount,
    machines,
    minutes: Number(minutes.toFixed(2)),
    pass,
    ...figures,
    reads,
    throttled,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    bounds,
    holds,
  }
}

await main(readFleet({ pools: 50, machines: 100, minutes: 3 }))
