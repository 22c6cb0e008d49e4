/** @jest-environment jsdom */
import { fireEvent, screen } from '@testing-library/react'
import type { PoolSummary } from '../../backend/api/contract.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import type { BuiltInPoolView } from '../../backend/api/contract-look.ts'
import { AgentsTable } from '../../hub/agents/agents-table.tsx'
import { Lives } from '../../hub/agents/boot-timeline.tsx'
import { Machines } from '../../hub/agents/agents.tsx'
import { Ways } from '../../hub/agents/connect.tsx'
import { OtherAgents } from '../../hub/agents/other-agents.tsx'
import { Import } from '../../hub/create/import-card.tsx'
import { FindingList } from '../../hub/create/findings.tsx'
import { EntriesTable } from '../../hub/diagnostics/entries-table.tsx'
import { EntryPanel } from '../../hub/diagnostics/entry-panel.tsx'
import { FailuresCard } from '../../hub/diagnostics/failures-card.tsx'
import { DecisionCard } from '../../hub/overview/decision-card.tsx'
import { Jobs } from '../../hub/overview/jobs-card.tsx'
import { NowCard } from '../../hub/overview/now-card.tsx'
import { Problems } from '../../hub/overview/problems.tsx'
import { PoolsPage } from '../../hub/pools/pools-page.tsx'
import { PoolsTable } from '../../hub/pools/pools-table.tsx'
import { Changes } from '../../hub/settings/history-card.tsx'
import { SettingsForm } from '../../hub/settings/settings-form.tsx'
import { answer, detailOf, machineOf, poolOf, refuse, settled, show } from './support.tsx'

const text = (): string => document.body.textContent ?? ''

describe('the pools', () => {
  const nothing = (): void => undefined

  test('tell state, machines, jobs and what happens next', () => {
    show(<PoolsTable pools={[poolOf()]} again={nothing} />)
    for (const part of [
      'linux-agents',
      'Online',
      '3 running a job, 1 idle, 1 unhealthy',
      '4 waiting, 3 running',
      '75 s',
      '1 more machine needed.',
    ])
      expect(text()).toContain(part)
  })

  test.each<[string, Partial<PoolSummary>]>([
    ['Paused', { paused: true }],
    ['Being deleted', { deleting: true }],
    ['Needs attention', { state: 'unhealthy' }],
    ['Offline', { state: 'offline' }],
    ['New', { state: 'new' }],
  ])('are %s', (word, part) => {
    show(<PoolsTable pools={[poolOf(part)]} again={nothing} />)
    expect(screen.getByText(word)).toBeTruthy()
  })

  test('say when something is not known, instead of zero', () => {
    const { stages: _, waiting: __, ...pool } = poolOf()
    show(<PoolsTable pools={[pool]} again={nothing} />)
    expect(screen.getAllByText('not known')).toHaveLength(2)
  })

  test('are paused by those who may manage them, and the answer of the service is told', async () => {
    const { said } = show(<PoolsTable pools={[poolOf()]} again={nothing} />, {
      pause: () => answer({ message: 'Pool linux-agents is paused.' }),
    })
    fireEvent.click(screen.getByRole('button', { name: 'Pause linux-agents' }))
    await settled()
    expect(said).toEqual(['Pool linux-agents is paused.'])
  })

  test('are not changed by those who may only use them', () => {
    show(<PoolsTable pools={[poolOf()]} again={nothing} />, {}, { pools: { manage: [], use: [1] } })
    expect(screen.queryByRole('button', { name: 'Pause linux-agents' })).toBeNull()
  })

  test('none: whoever may create one is led there, others are told whom to ask', async () => {
    const { unmount, went } = show(<PoolsPage />, { pools: () => answer({ pools: [] }) })
    await settled()
    fireEvent.click(screen.getAllByRole('button', { name: 'New pool' }).at(-1)!)
    expect(went).toEqual([{ page: 'create' }])
    unmount()
    show(<PoolsPage />, { pools: () => answer({ pools: [] }) }, { mayCreate: false })
    await settled()
    expect(text()).toContain('There is no pool that you may use.')
    expect(screen.queryByRole('button', { name: 'New pool' })).toBeNull()
  })

  test('that cannot be read say why', async () => {
    show(<PoolsPage />, { pools: () => refuse('unreachable', 'The service did not answer.') })
    await settled()
    expect(screen.getByRole('alert').textContent).toContain('The service did not answer.')
  })
})

describe('Azure DevOps’ own pages', () => {
  const hrefs = (): readonly (string | null)[] => [...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))

  test('of the build of a job, where it has one', () => {
    const job = { requestId: 1, name: 'test', pipeline: 'ci', demands: [], state: 'waiting' as const, seenForMs: 1, why: [] }
    show(
      <Jobs
        jobs={[
          { ...job, build: { project: 'p', id: 94 } },
          { ...job, requestId: 2 },
        ]}
      />,
    )
    expect(hrefs()).toEqual(['https://dev.azure.com/contoso/p/build/94'])
  })

  test('of each agent are linked, with what it is there', () => {
    const agent = { id: 3, name: 'linux000007', online: true, enabled: false }
    const facts = { stage: 'disabled' as const, id: '7', name: 'linux000007', generation: 1, since: 0, agent }
    show(<Machines poolId={1} machines={[machineOf({ stage: 'disabled', facts })]} again={() => undefined} />)
    expect(screen.getByRole('link', { name: 'Agent linux000007 in Azure DevOps: online, disabled' })).toBeTruthy()
    expect(hrefs()).toEqual(['https://dev.azure.com/contoso/pool/1/agent/3'])
  })
})

describe('the machines', () => {
  const machines = [machineOf(), machineOf({ id: '8', name: 'linux000008', stage: 'busy', requestId: 12 })]

  test('are chosen and deleted after a confirmation that names the running job', async () => {
    const ordered: unknown[] = []
    show(<Machines poolId={1} machines={machines} again={() => undefined} />, {
      order: (_poolId, machine, body) => {
        ordered.push([machine, body])
        return answer({ message: 'It is deleted.' })
      },
    })
    fireEvent.click(screen.getByRole('checkbox', { name: 'Choose all that are shown' }))
    fireEvent.click(screen.getByRole('button', { name: 'Delete' }))
    expect(text()).toContain('1 of them runs a job: that job ends first, and no other is taken meanwhile.')
    fireEvent.click(screen.getAllByRole('button', { name: 'Delete' }).at(-1)!)
    await settled()
    expect(ordered).toEqual([
      ['7', { order: 'delete' }],
      ['8', { order: 'delete' }],
    ])
  })

  test('cannot be chosen by those who may only use the pool', () => {
    show(<Machines poolId={1} machines={machines} again={() => undefined} />, {}, { pools: { manage: [], use: [1] } })
    expect(screen.queryByRole('checkbox')).toBeNull()
  })
})

describe('the settings', () => {
  const present = { poolId: 1, version: 3, settings: { ...defaultSettings, machinesMax: 5 } }
  const standby = (): HTMLElement => screen.getByLabelText('Number of agents to keep on standby')
  const save = (): HTMLElement => screen.getByRole('button', { name: 'Save' })
  const service = { passes: () => answer({ passes: [] }) }
  const form = (version: number, machinesMax: number) => (
    <SettingsForm present={{ ...present, version, settings: { ...present.settings, machinesMax } }} onSaved={() => undefined} />
  )

  test('show a problem beside its field and cannot be saved with it', async () => {
    show(<SettingsForm present={present} onSaved={() => undefined} />, service)
    fireEvent.change(standby(), { target: { value: '9' } })
    expect(text()).toContain('standby is 9, above the maximum of 5 machines')
    expect(save().getAttribute('aria-disabled')).toBe('true')
  })

  test('send only what was changed, with the version that was read', async () => {
    const sent: unknown[] = []
    show(<SettingsForm present={present} onSaved={() => undefined} />, {
      ...service,
      changeSettings: (poolId, body) => {
        sent.push([poolId, body])
        return answer({ ...present, version: 4, settings: { ...present.settings, standby: 3 } })
      },
    })
    fireEvent.change(standby(), { target: { value: '3' } })
    fireEvent.click(save())
    await settled()
    expect(sent).toEqual([[1, { version: 3, settings: { standby: 3 } }]])
  })

  test('that somebody else saved first keep what was typed, and go on from theirs', async () => {
    const { update } = show(form(3, 5), service)
    fireEvent.change(standby(), { target: { value: '3' } })
    await settled()
    update(form(4, 8))
    expect(text()).toContain('Somebody else saved these settings while you changed them')
    expect(save().getAttribute('aria-disabled')).toBe('true')
    fireEvent.click(screen.getByRole('button', { name: 'Keep my changes and go on' }))
    expect(standby()).toHaveProperty('value', '3')
    expect(screen.getByLabelText('Maximum number of virtual machines in the scale set')).toHaveProperty('value', '8')
    expect(save().getAttribute('aria-disabled')).toBeNull()
  })

  test('that somebody else saved are simply shown when nothing was typed', () => {
    const { update } = show(form(3, 5), service)
    update(form(4, 8))
    expect(screen.getByLabelText('Maximum number of virtual machines in the scale set')).toHaveProperty('value', '8')
  })

  test('are read only for those who may only use the pool', () => {
    show(<SettingsForm present={present} whyReadOnly="You may look at these settings." onSaved={() => undefined} />, service)
    expect(text()).toContain('You may look at these settings.')
    expect(screen.queryByRole('button', { name: 'Save' })).toBeNull()
  })
})

/** Texts that would be code if anything took them for more than text. */
const corpus = [
  '<script>globalThis.hacked = 1</script>',
  '<img src=x onerror="globalThis.hacked = 1">',
  '"><svg onload=globalThis.hacked=1>',
  "'-globalThis.hacked=1-'",
  'javascript:globalThis.hacked=1',
  '{{constructor.constructor("globalThis.hacked=1")()}}',
  '</title><iframe srcdoc="<script>parent.hacked=1</script>">',
  '&lt;b&gt; \u202Etxt.exe \u0000 \uD800',
]

const hostile = (evil: string): BuiltInPoolView => ({
  poolId: 1,
  name: evil,
  scaleSetId: evil,
  settings: { machinesMax: 1, standby: 1, tearDownAfterUse: true, savedMax: 1, interactive: false, idleDelayMinutes: 1 },
  takeOver: [{ sentence: evil, command: evil }],
  wayBack: [{ sentence: `${evil} back`, command: evil }],
})

describe.each(corpus)('the text %j is shown as it is', (evil) => {
  test('wherever a name or a message of others is shown', () => {
    const step = { reason: { code: 'paused' as const }, sentence: evil }
    const entry = {
      id: 1,
      poolId: 1,
      level: 'error' as const,
      operation: 'reimage' as const,
      message: evil,
      atMs: 1,
      machine: evil,
      raw: evil,
      correlationId: evil,
    }
    const phase = { phase: 'proof' as const, result: 'failed' as const, durationMs: 1, atMs: 1, detail: evil, causeText: evil, fix: evil }
    const detail = detailOf({
      pool: poolOf({ name: evil, next: evil, problems: [evil] }),
      decision: { wanted: 1, steps: [], reasons: [step], lookAgainInMs: 1 },
    })
    show(
      <>
        <PoolsTable pools={[detail.pool]} again={() => undefined} />
        <Problems detail={detail} again={() => undefined} />
        <NowCard detail={detail} />
        <DecisionCard detail={detail} />
        <Jobs jobs={[{ requestId: 1, name: evil, pipeline: evil, demands: [evil], state: 'waiting', seenForMs: 1, why: [evil] }]} />
        <AgentsTable
          poolId={1}
          machines={[machineOf({ name: evil, why: evil })]}
          order={{ by: 'name', down: false }}
          onOrder={() => undefined}
          chosen={new Set()}
          onChoose={undefined}
          onOpen={() => undefined}
        />
        <Lives lives={[{ machineId: evil, createdAt: evil, generation: 1, phases: [phase] }]} />
        <EntriesTable entries={[entry]} onOpen={() => undefined} />
        <FailuresCard entries={[{ ...entry, machine: 'other' }]} />
        <EntryPanel entry={entry} onClose={() => undefined} />
        <Ways ways={[{ way: 'jumpHost', sentence: evil, steps: [{ sentence: evil, command: evil }] }]} />
        <OtherAgents
          poolId={1}
          agents={[{ id: 1, name: evil, online: true, enabled: true, busy: false, version: evil }]}
          again={() => undefined}
        />
        <Import pools={[hostile(evil)]} chosen={hostile(evil)} onChoose={() => undefined} />
        <FailuresCard entries={[{ ...entry, failure: { name: evil, cause: evil, fix: evil } }]} />
        <FindingList findings={[{ id: evil, severity: 'error', cause: evil, effect: evil, fix: evil }]} />
        <Changes changes={[{ version: 1, by: evil, changedAtMs: 1, settings: defaultSettings }]} />
      </>,
    )
    expect(document.querySelectorAll('script, iframe, img, [onerror], [onload], [srcdoc]')).toHaveLength(0)
    expect([...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))).not.toContain(evil)
    expect(text().split(evil).length).toBeGreaterThan(20)
    expect(globalThis).not.toHaveProperty('hacked')
  })
})
