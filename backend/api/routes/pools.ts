/** Pools: look, check, make, pause, confirm, delete. */
import type { CheckResult } from '../../loop/pool-check.ts'
import type { Created } from '../../loop/pool-create.ts'
import type { PoolRecord } from '../../loop/ports.ts'
import {
  accepted,
  checkReport,
  checkRequest,
  confirmation,
  poolCreated,
  poolCreation,
  poolDetail,
  poolList,
  type CheckReport,
  type PoolCreated,
  type PoolDetail,
  type PoolSummary,
} from '../contract.ts'
import { explain } from '../../core/explain.ts'
import { creatorOf, deadline, poolParams, recordOf, recordsFor } from '../lookup.ts'
import type { ApiParts, App, Latest } from '../parts.ts'
import { problemOf } from '../problems.ts'
import type { Asker } from '../rights.ts'
import { standbyOf } from '../standby.ts'
import { confirmCommand, decisionView, poolSummary } from '../views.ts'

const use = { right: 'use' } as const
const create = { right: 'create' } as const
const manage = { right: 'manage' } as const
const openActionsMax = 100

export function pools(app: App, parts: ApiParts): void {
  app.get('/pools', { config: { right: 'signedIn' }, schema: { response: { 200: poolList } } }, async ({ asker }) => ({
    pools: await summaries(parts, asker),
  }))
  app.get('/pools/:poolId', { config: use, schema: { params: poolParams, response: { 200: poolDetail } } }, async ({ params }) =>
    detail(parts, await recordOf(parts, params.poolId)),
  )
  checks(app, parts)
  app.post('/pools', { config: create, schema: { body: poolCreation, response: { 201: poolCreated } } }, async (request, reply) => {
    const created = await parts.pools.create(request.body, await creatorOf(parts, request), deadline(parts))
    if (!created.ok) throw problemOf(created)
    return reply.code(201).send(createdView(created.value, await summary(parts, created.value.record)))
  })
  app.delete(
    '/pools/:poolId',
    { config: manage, schema: { params: poolParams, response: { 202: accepted } } },
    async ({ params, asker }, reply) => {
      const asked = await parts.pools.remove(params.poolId, asker.by)
      if (!asked.ok) throw problemOf(asked)
      return reply
        .code(202)
        .send({ message: `Pool ${asked.value.name} is being deleted: its agents end their jobs, then its machines go, then the pool.` })
    },
  )
  for (const paused of [true, false]) {
    app.post(
      `/pools/:poolId/${paused ? 'pause' : 'resume'}`,
      { config: manage, schema: { params: poolParams, response: { 202: accepted } } },
      async ({ params, asker }, reply) => {
        const asked = await parts.pools.setPaused(params.poolId, paused, asker.by)
        if (!asked.ok) throw problemOf(asked)
        return reply
          .code(202)
          .send({ message: `Pool ${asked.value.name} is ${paused ? 'paused: nothing is changed until it is resumed' : 'resumed'}.` })
      },
    )
  }
  app.post(
    '/pools/:poolId/try-again',
    { config: manage, schema: { params: poolParams, response: { 202: accepted } } },
    async ({ params, asker }, reply) => {
      const asked = await parts.pools.tryAgain(params.poolId, asker.by)
      if (!asked.ok) throw problemOf(asked)
      return reply.code(202).send({ message: `Pool ${asked.value.name} tries one machine in the next pass, if it needs one.` })
    },
  )
  confirmations(app, parts)
}

function confirmations(app: App, parts: ApiParts): void {
  app.post(
    '/pools/:poolId/confirm',
    { config: manage, schema: { params: poolParams, body: confirmation, response: { 202: accepted } } },
    async ({ params, body, asker }, reply) => {
      const asked = await (body.what === 'takeOver'
        ? parts.pools.confirmTakeOver(params.poolId, asker.by, deadline(parts))
        : parts.pools.confirmReplace(params.poolId, asker.by))
      if (!asked.ok) throw problemOf(asked)
      const { name, takeOverFrom } = asked.value
      const then =
        body.what === 'takeOver'
          ? `the claim of ${takeOverFrom} is taken over once it has stood still for 10 minutes`
          : 'the next pass acts on it'
      return reply.code(202).send({ message: `Confirmed for pool ${name}: ${then}.` })
    },
  )
}

function checks(app: App, parts: ApiParts): void {
  app.post('/check', { config: create, schema: { body: checkRequest, response: { 200: checkReport } } }, async ({ body }) => {
    const checked = await parts.pools.check(body, deadline(parts))
    if (!checked.ok) throw problemOf(checked)
    return reportOf(checked.value)
  })
  app.get('/pools/:poolId/check', { config: use, schema: { params: poolParams, response: { 200: checkReport } } }, async ({ params }) => {
    const checked = await parts.pools.checkPool(params.poolId, deadline(parts))
    if (!checked.ok) throw problemOf(checked)
    return reportOf(checked.value)
  })
}

function reportOf({ ready, findings, problems, present }: CheckResult): CheckReport {
  return { ready, findings, problems, present: present.known ? present.value : [] }
}

function createdView({ how, findings, present }: Created, pool: PoolSummary): PoolCreated {
  const done = how === 'made' ? `The agent pool ${pool.name} was made.` : `The agent pool ${pool.name} was taken.`
  const named = present.length > 10 ? `${present.slice(0, 10).join(', ')} and ${present.length - 10} more` : present.join(', ')
  const next =
    present.length === 0
      ? ''
      : ` In the scale set already: ${named}. They are left alone until replacing them is confirmed: ${confirmCommand(pool.name)}`
  return { pool, agentPool: how, findings, present, message: done + next }
}

async function summaries(parts: ApiParts, asker: Asker): Promise<readonly PoolSummary[]> {
  return Promise.all((await recordsFor(parts, asker)).map((record) => summary(parts, record)))
}

async function summary({ loop, clock }: ApiParts, record: PoolRecord): Promise<PoolSummary> {
  return poolSummary(record, await loop.latest(record.poolId), loop.lastPassAt(record.poolId), clock.now())
}

function claimant(latest: Latest | undefined): string | undefined {
  return latest?.snapshot.scaleSet.known === true ? latest.snapshot.scaleSet.value.claimedBy : undefined
}

async function detail(parts: ApiParts, record: PoolRecord): Promise<PoolDetail> {
  const { poolId, settings, replaceConfirmed, takeOverFrom } = record
  const now = parts.clock.now()
  const latest = await parts.loop.latest(poolId)
  const [open, waits] = await Promise.all([parts.history.intents(poolId, { top: openActionsMax, open: true }), parts.history.waits(poolId)])
  const { jobs, p50Ms, p95Ms, startedJobs, lostToOnceRace } = waits
  return {
    pool: await summary(parts, record),
    settings,
    ...(latest && {
      decision: decisionView(latest.decision, now),
      boot: latest.snapshot.boot,
      ...standbyOf(latest.snapshot, settings, now),
    }),
    ...(p50Ms === undefined || p95Ms === undefined ? {} : { waits: { jobs, p50Ms, p95Ms, startedJobs } }),
    lostToOnceRace,
    openActions: open.map(({ id, action, state, reason, writtenAt }) => ({
      id,
      action,
      state,
      sentence: explain(reason, now),
      forMs: now - writtenAt,
    })),
    replaceConfirmed,
    takeOverConfirmed: takeOverFrom !== undefined && takeOverFrom === claimant(latest),
  }
}
