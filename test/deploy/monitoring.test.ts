/** Dashboard and alert rules ask for figures that the service has, by labels that they have. */
import { createMetrics } from '../../backend/adapters/metrics.ts'
import type { Counts } from '../../backend/loop/ports.ts'
import { read } from './files.ts'

type Dashboard = {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] }
}
const dashboard = JSON.parse(read('deploy/monitoring/dashboard.json')) as Dashboard
const alerts = read('deploy/monitoring/alerts.yaml')
const counts = Object.fromEntries(
  ['waiting', 'running', 'idle', 'busy', 'starting', 'leaving', 'failed', 'saved', 'foreign', 'unclear', 'total', 'capacity'].map(
    (name) => [name, 1],
  ),
) as unknown as Counts

/** Label names by series, and the values that a label is seen with, after one of everything. */
let series: ReadonlyMap<string, ReadonlySet<string>>
let stages: readonly string[]

beforeAll(async () => {
  const metrics = createMetrics({ processFigures: true })
  metrics.pass(7, counts, 120)
  metrics.passFailed(7)
  for (const outcome of ['ok', 'refused', 'throttled', 'unknown'] as const) metrics.call('azure', 'list machines', outcome, 80)
  metrics.jobStarted(7, 45_000)
  metrics.booted(7, 90_000)
  metrics.bootPhase(7, 'package', 'failed', 30_000)
  metrics.bootPhase(7, 'package', 'ok', 30_000)
  metrics.action(7, 'grow', 'settled')
  const text = await metrics.text()
  const found = new Map<string, Set<string>>()
  for (const [, name, labels = ''] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? /gm)) {
    const known = found.get(name!) ?? new Set()
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!)
    found.set(name!, known)
  }
  series = found
  stages = [...text.matchAll(/scale_set_agents_machines\{[^}]*stage="(\w+)"/g)].map((match) => match[1]!)
})

/** What Prometheus itself puts on every series. */
const ofPrometheus = ['job', 'instance']

function problemsOf(expr: string): readonly string[] {
  const uses = [...expr.matchAll(/\b((?:scale_set_agents|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)]
  const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap((match) => match[1]!.split(', '))
  return uses.flatMap(([, name = '', selector = '']) => {
    const labels = series.get(name)
    if (labels === undefined) return [`${name} does not exist`]
    const asked = [...[...selector.matchAll(/(\w+)(?:=|!)/g)].map((match) => match[1]!), ...(uses.length === 1 ? grouped : [])]
    return asked.filter((label) => !labels.has(label) && !ofPrometheus.includes(label)).map((label) => `${name} has no ${label}`)
  })
}

test('a figure or a label that does not exist is found', () => {
  expect(problemsOf('sum by (le, zone) (rate(scale_set_agents_wait_seconds_bucket{pol="7"}[5m]))')).toEqual([
    'scale_set_agents_wait_seconds_bucket has no pol',
    'scale_set_agents_wait_seconds_bucket has no zone',
  ])
  expect(problemsOf('scale_set_agents_waits_bucket')).toEqual(['scale_set_agents_waits_bucket does not exist'])
})

test('every panel of the dashboard', () => {
  const exprs = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  expect(exprs.length).toBeGreaterThan(15)
  expect(exprs.flatMap(problemsOf)).toEqual([])
  expect(exprs.filter((expr) => !/(scale_set_agents|process|nodejs)_/.test(expr))).toEqual([])
  expect(dashboard.templating.list.slice(1).flatMap(({ query }) => problemsOf(query))).toEqual([])
  const used = [...exprs.join(' ').matchAll(/\$(\w+)/g)].map((match) => match[1]!)
  expect(dashboard.templating.list.map(({ name }) => name)).toEqual(expect.arrayContaining([...new Set(used)]))
})

test('every alert rule, which says what to do', () => {
  const rules = alerts.split(/^ {6}- alert: /m).slice(1)
  expect(rules.length).toBeGreaterThan(7)
  for (const rule of rules) {
    const name = rule.split('\n')[0]
    expect([name, problemsOf(rule)]).toEqual([name, []])
    for (const part of ['expr: ', 'labels: { severity: ', 'summary: ', 'description: '])
      expect([name, rule]).toEqual([name, expect.stringContaining(part)])
  }
})

test('stages and outcomes are ones that are counted', () => {
  const text = alerts + JSON.stringify(dashboard).replaceAll('\\"', '"')
  const named = [...text.matchAll(/stage=~?"([\w|]+)"/g)].flatMap((match) => match[1]!.split('|'))
  expect(named.length).toBeGreaterThan(4)
  expect(named.filter((stage) => !stages.includes(stage))).toEqual([])
  const outcomes = [...text.matchAll(/outcome="(\w+)"/g)].map((match) => match[1]!)
  expect(outcomes.filter((outcome) => !['ok', 'refused', 'throttled', 'unknown'].includes(outcome))).toEqual([])
})
