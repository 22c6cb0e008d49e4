/** @jest-environment jsdom */
import { screen } from '@testing-library/react'
import type { ReactElement } from 'react'
import Agents from '../../hub/agents/agents.tsx'
import { BootTimeline } from '../../hub/agents/boot-timeline.tsx'
import Diagnostics from '../../hub/diagnostics/diagnostics.tsx'
import HistoryCard from '../../hub/overview/history-card.tsx'
import { JobsCard } from '../../hub/overview/jobs-card.tsx'
import { PoolPage } from '../../hub/overview/pool-page.tsx'
import { PoolsPage } from '../../hub/pools/pools-page.tsx'
import type { Service } from '../../hub/service.ts'
import { HistoryCard as SettingsHistoryCard } from '../../hub/settings/history-card.tsx'
import SettingsPage from '../../hub/settings/settings-page.tsx'
import { answer, detailOf, refuse, settled, show } from './support.tsx'

type Call = keyof Service
type Place = {
  readonly page: ReactElement
  /** What is read for it, in words. */
  readonly what: string
  readonly read: Call
  readonly empty?: { readonly answer: unknown; readonly says: string }
}

const others: Partial<Service> = {
  machines: () => answer({ machines: [], others: [], ageMs: 0 }),
  events: () => new Promise(() => undefined),
  passes: () => answer({ passes: [] }),
}
const list = (name: string) => ({ [name]: [], ageMs: 0 })

const places: Readonly<Record<string, Place>> = {
  pools: { page: <PoolsPage />, what: 'the pools', read: 'pools', empty: { answer: list('pools'), says: 'No pools yet' } },
  pool: { page: <PoolPage poolId={1} tab="overview" />, what: 'the pool', read: 'detail' },
  jobs: {
    page: <JobsCard poolId={1} />,
    what: 'the jobs',
    read: 'jobs',
    empty: { answer: list('jobs'), says: 'No job of this pool waits or runs.' },
  },
  history: { page: <HistoryCard poolId={1} />, what: 'the passes', read: 'passes', empty: { answer: list('passes'), says: 'Nothing yet' } },
  agents: {
    page: <Agents detail={detailOf()} />,
    what: 'the machines',
    read: 'machines',
    empty: { answer: { machines: [], others: [], ageMs: 0 }, says: 'No machines' },
  },
  starts: {
    page: <BootTimeline poolId={1} machine="7" />,
    what: 'the starts',
    read: 'boot',
    empty: { answer: list('lives'), says: 'The machine has not told of a start.' },
  },
  diagnostics: {
    page: <Diagnostics poolId={1} />,
    what: 'the entries',
    read: 'log',
    empty: { answer: list('entries'), says: 'No entries' },
  },
  settings: { page: <SettingsPage detail={detailOf()} />, what: 'the settings', read: 'settings' },
  'history of the settings': {
    page: <SettingsHistoryCard poolId={1} version={1} />,
    what: 'the history',
    read: 'settingsHistory',
    empty: { answer: list('changes'), says: 'No changes' },
  },
}

const text = (): string => document.body.textContent ?? ''

describe.each(Object.entries(places))('%s', (_, { page, what, read, empty }) => {
  const reading = (call: () => Promise<unknown>): Partial<Service> => ({ ...others, [read]: call })

  test('say that they are loading', async () => {
    show(
      page,
      reading(() => new Promise(() => undefined)),
    )
    await settled()
    expect(text()).toContain(`Loading ${what}`)
  })

  test('that cannot be read say why, with a way to try again', async () => {
    show(
      page,
      reading(() => refuse('unavailable', 'Azure DevOps did not answer.')),
    )
    await settled()
    expect(screen.getAllByRole('alert').map((alert) => alert.textContent)).toEqual([
      expect.stringMatching(new RegExp(`Could not read ${what}.*Azure DevOps did not answer.`)),
    ])
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy()
  })

  test('that the person has no right to see say that, without a way to try again', async () => {
    show(
      page,
      reading(() => refuse('forbidden', 'You may not use pool 1. Ask its administrator.')),
    )
    await settled()
    expect(screen.getByRole('alert').textContent).toMatch(/You have no permission to see .*Ask its administrator\./)
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull()
  })

  if (empty !== undefined) {
    test('that are not there say so', async () => {
      show(
        page,
        reading(() => answer(empty.answer)),
      )
      await settled()
      expect(text()).toContain(empty.says)
      expect(screen.queryByRole('alert')).toBeNull()
    })
  }
})
