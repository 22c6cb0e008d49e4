/** The crash runs in small, and proof that they can fail. All boundaries: `npm run crash`. */
import type { ActionKind } from '../../backend/core/decision.ts'
import type { Journal, JournalChange } from '../../backend/loop/ports.ts'
import { databaseFaults, phases } from './boundary.ts'
import { runEveryCase, strikesAt } from './every-case.ts'
import { runCase } from './run-case.ts'
import { scripts } from './scripts.ts'

jest.setTimeout(120_000)

const scriptNamed = (name: string) => scripts.find((script) => script.name === name)!

test('undisturbed, the recorded runs hold, converge, and use every kind of action', async () => {
  const runs = await Promise.all(scripts.map((script) => runCase(script)))
  expect(runs.flatMap(({ violations }) => violations)).toEqual([])
  const kinds: Record<ActionKind, true> = {
    claim: true,
    'refresh-claim': true,
    'put-extension': true,
    grow: true,
    'ask-again': true,
    drain: true,
    restore: true,
    unregister: true,
    'unregister-orphan': true,
    delete: true,
    reimage: true,
    save: true,
    'add-placeholder': true,
    'update-placeholder': true,
    release: true,
    'delete-pool': true,
  }
  expect([...new Set(runs.flatMap(({ actions }) => [...actions.keys()]))].toSorted()).toEqual(Object.keys(kinds).toSorted())
})

test('a run is the same each time, so that a boundary has one number', async () => {
  const [first, second] = [await runCase(scriptNamed('one-job pool')), await runCase(scriptNamed('one-job pool'))]
  expect(second.boundaries).toEqual(first.boundaries)
})

test('a process may die at any boundary, and a database may fail where it is written', () => {
  const whats = (side: 'azure' | 'database', writes: boolean) => strikesAt({ side, name: 'x', writes }, 0).map(({ what }) => what)
  expect(whats('azure', true)).toEqual([...phases])
  expect(whats('database', false)).toEqual([...phases])
  expect(whats('database', true)).toEqual([...phases, ...databaseFaults])
})

test('a pool whose service dies at any change of its deletion is deleted all the same', async () => {
  const script = scriptNamed('pool that is deleted')
  const { boundaries } = await runCase(script)
  const changes = boundaries.flatMap((boundary, at) => (boundary.side !== 'database' && boundary.writes ? strikesAt(boundary, at) : []))
  expect(changes.length).toBeGreaterThan(20)
  for (const strike of changes)
    expect({ strike, violations: (await runCase(script, strike)).violations }).toEqual({ strike, violations: [] })
})

describe('a service that is broken on purpose is caught:', () => {
  const broken = async (name: string, breakage: Parameters<typeof runEveryCase>[1]): Promise<string> => {
    const report = await runEveryCase([scriptNamed(name)], breakage, (_done, failures) => failures.length === 0)
    return report.failures.flatMap(({ details }) => details).join('; ')
  }

  test('calls are sent before they are written down', async () => {
    expect(await broken('reusable pool', () => ({ journal: writesLate }))).toMatch(/S4: .* was sent without an intent/)
  })

  test('a restart forgets what it had begun', async () => {
    const forgets = (journal: Journal): Journal => ({
      ...journal,
      remembered: async () => ({ pool: undefined, machines: [], openIntents: [] }),
    })
    expect(await broken('one-job pool', () => ({ journal: forgets }))).toMatch(/S\d+|converges/)
  })

  test('a person is answered before the wish is stored', async () => {
    const answers = async () => 'ok' as const
    expect(await broken('one-job pool', () => ({ settings: (settings) => ({ ...settings, updateSettings: answers }) }))).toMatch(
      /converges: the setting standby is not what a person set/,
    )
  })

  test('what was begun on a pool that is gone by now is given up', async () => {
    const script = scriptNamed('pool that is deleted')
    const { boundaries } = await runCase(script)
    const at = boundaries.findIndex(({ name }) => name === 'deletePool')
    const gives = (journal: Journal): Journal => ({
      ...journal,
      remembered: async (poolId) => ({ ...(await journal.remembered(poolId)), openIntents: [] }),
    })
    const { violations } = await runCase(script, { at, what: 'answered' }, { journal: gives })
    expect(violations.map(({ detail }) => detail)).toEqual(['the deleted pool is still run'])
  })
})

/** The intents of a pass are stored with what became of them. */
function writesLate(journal: Journal): Journal {
  let held: JournalChange | undefined
  return {
    remembered: journal.remembered,
    async commit(poolId, lease, change) {
      if (change.newIntents !== undefined) return void (held = change)
      if (held !== undefined) await journal.commit(poolId, lease, held)
      held = undefined
      await journal.commit(poolId, lease, change)
    },
  }
}
