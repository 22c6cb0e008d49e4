import { createMetrics } from '../../backend/adapters/metrics.ts'

test('every figure of the service has its documented name', async () => {
  const metrics = createMetrics()
  const counts = {
    waiting: 4,
    running: 2,
    idle: 1,
    busy: 2,
    starting: 3,
    leaving: 0,
    failed: 1,
    saved: 1,
    foreign: 0,
    unclear: 0,
    total: 8,
    capacity: 9,
  }
  metrics.pass(7, counts, 120)
  metrics.passFailed(7)
  metrics.call('azure', 'set capacity', 'throttled', 80)
  metrics.jobStarted(7, 45_000)
  metrics.booted(7, 90_000)
  metrics.assignmentsLost(7, 2)
  metrics.bootPhase(7, 'package', 'failed', 30_000)
  metrics.action(7, 'grow', 'settled')
  const text = await metrics.text()
  for (const line of [
    'scale_set_agents_machines{pool="7",stage="starting"} 3',
    'scale_set_agents_machines{pool="7",stage="saved"} 1',
    'scale_set_agents_queue{pool="7",state="waiting"} 4',
    'scale_set_agents_capacity{pool="7"} 9',
    'scale_set_agents_wait_seconds_sum{pool="7"} 45',
    'scale_set_agents_pass_seconds_sum{pool="7"} 0.12',
    'scale_set_agents_pass_failures_total{pool="7"} 1',
    'scale_set_agents_calls_total{api="azure",operation="set capacity",outcome="throttled"} 1',
    'scale_set_agents_call_seconds_sum{api="azure",operation="set capacity"} 0.08',
    'scale_set_agents_boot_seconds_sum{pool="7"} 90',
    'scale_set_agents_assignments_lost_total{pool="7"} 2',
    'scale_set_agents_boot_phase_seconds_sum{pool="7",phase="package",result="failed"} 30',
    'scale_set_agents_boot_phase_seconds_bucket{le="30",pool="7",phase="package",result="failed"} 1',
    'scale_set_agents_actions_total{pool="7",kind="grow",outcome="settled"} 1',
  ])
    expect(text.split('\n')).toContain(line)
  expect(metrics.contentType).toMatch(/^text\/plain/)
})

test('the series of a pool that was deleted are gone, those of others stay', async () => {
  const metrics = createMetrics()
  for (const pool of [7, 8]) {
    metrics.passFailed(pool)
    metrics.jobStarted(pool, 45_000)
    metrics.bootPhase(pool, 'online', 'ok', 900)
    metrics.action(pool, 'grow', 'settled')
  }
  metrics.call('azure', 'set capacity', 'ok', 80)
  await metrics.forget(7)
  const text = await metrics.text()
  expect(text).not.toContain('pool="7"')
  for (const line of ['wait_seconds_count{pool="8"} 1', 'pass_failures_total{pool="8"} 1', 'calls_total{api="azure"'])
    expect(text).toContain(`scale_set_agents_${line}`)
})

test('a pool that another replica holds by now leaves its counters here, and nothing that tells its state', async () => {
  const metrics = createMetrics()
  const counts = { waiting: 4, running: 2, idle: 1, busy: 2, starting: 3, leaving: 0, failed: 1, saved: 1, foreign: 0, unclear: 0 }
  for (const pool of [7, 8]) metrics.pass(pool, { ...counts, total: 8, capacity: 9 }, 120)
  metrics.left(7)
  await metrics.text()
  const text = await metrics.text()
  expect(text).not.toMatch(/_(machines|queue|capacity)\{pool="7"/)
  for (const line of ['pass_seconds_count{pool="7"} 1', 'queue{pool="8",state="waiting"} 4', 'capacity{pool="8"} 9'])
    expect(text).toContain(`scale_set_agents_${line}`)
})

test('two registries do not know each other', async () => {
  createMetrics().passFailed(1)
  expect(await createMetrics().text()).not.toContain('pass_failures_total{')
})
