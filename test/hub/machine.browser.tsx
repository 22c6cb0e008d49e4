/** @jest-environment jsdom */
import { fireEvent, screen } from '@testing-library/react'
import { Machines } from '../../hub/agents/agents.tsx'
import { Connect } from '../../hub/agents/connect.tsx'
import { OtherAgents } from '../../hub/agents/other-agents.tsx'
import { consequence, orderKinds } from '../../hub/agents/orders.ts'
import { SavedCard } from '../../hub/diagnostics/saved-card.tsx'
import { FailuresCard } from '../../hub/diagnostics/failures-card.tsx'
import { answer, machineOf, refuse, settled, show } from './support.tsx'

const text = (): string => document.body.textContent ?? ''
const nothing = (): void => undefined
const kindOf = (order: string) => orderKinds.find((kind) => kind.order === order)!

describe('the agent of a machine', () => {
  const busy = machineOf({ id: '8', name: 'linux000008', stage: 'busy', requestId: 12, agentId: 5 })

  test('is disabled after a confirmation that says what becomes of its job', async () => {
    const asked: unknown[] = []
    const { said } = show(<Machines poolId={1} machines={[busy]} again={nothing} />, {
      setEnabled: (...call) => {
        asked.push(call)
        return answer({ message: 'Agent linux000008 is disabled.' })
      },
    })
    fireEvent.click(screen.getByRole('checkbox', { name: 'Choose linux000008' }))
    fireEvent.click(screen.getByRole('button', { name: 'Disable' }))
    expect(text()).toContain('It runs a job: that job ends first.')
    fireEvent.click(screen.getAllByRole('button', { name: 'Disable' }).at(-1)!)
    await settled()
    expect([asked, said]).toEqual([[[1, 5, false]], ['Agent linux000008 is disabled.']])
  })

  test('is enabled by a person only when a person disabled it', () => {
    const agent = { id: 3, name: 'a', online: true, enabled: false }
    const part = { id: '7', name: 'a', generation: 1, since: 0, agent }
    const disabled = machineOf({ stage: 'disabled', facts: { ...part, stage: 'disabled' } })
    const draining = machineOf({ stage: 'draining', facts: { ...part, stage: 'draining', cause: 'surplus', next: 'delete' } })
    expect([disabled, draining, machineOf()].map(kindOf('enable').fits)).toEqual([true, false, false])
    expect([disabled, draining, machineOf()].map(kindOf('disable').fits)).toEqual([false, false, true])
    expect(consequence(kindOf('enable'), [disabled], false)).toBe('The agent takes jobs again.')
    expect(consequence(kindOf('disable'), [machineOf({ requestId: 4 })], false)).toBe(
      'The agent takes no more jobs; then its machine leaves the pool. It runs a job: that job ends first.',
    )
  })
})

describe('agents that are not ours', () => {
  const agents = [{ id: 40, name: 'build-box', online: true, enabled: true, busy: true, version: '4.255.0' }]

  test('are shown, and switched by those who may manage the pool', async () => {
    const asked: unknown[] = []
    show(<OtherAgents poolId={1} agents={agents} again={nothing} />, {
      setEnabled: (...call) => {
        asked.push(call)
        return answer({ message: 'Agent build-box is disabled.' })
      },
    })
    expect(text()).toContain('runs a job')
    fireEvent.click(screen.getByRole('button', { name: 'Disable build-box' }))
    await settled()
    expect(asked).toEqual([[1, 40, false]])
  })

  test('that the service does not switch say why', async () => {
    const { said } = show(<OtherAgents poolId={1} agents={agents} again={nothing} />, {
      setEnabled: () => refuse('refused', 'Agent build-box was not disabled: no right.'),
    })
    fireEvent.click(screen.getByRole('button', { name: 'Disable build-box' }))
    await settled()
    expect(said).toEqual(['Agent build-box was not disabled: no right.'])
  })

  test('are not spoken of where there are none, and only looked at without the right', () => {
    const { unmount } = show(<OtherAgents poolId={1} agents={[]} again={nothing} />)
    expect(text()).not.toContain('not ours')
    unmount()
    show(<OtherAgents poolId={1} agents={agents} again={nothing} />, {}, { pools: { manage: [], use: [1] } })
    expect(screen.queryByRole('button', { name: 'Disable build-box' })).toBeNull()
  })
})

describe('the way to a machine', () => {
  const way = {
    way: 'jumpHost' as const,
    sentence: 'Through the network.',
    steps: [{ sentence: 'Sign in.', command: 'ssh -J USER@JUMP-HOST azureuser@ADDRESS' }],
  }

  test('is read when a person wants it, and not before', async () => {
    let reads = 0
    show(<Connect poolId={1} machine="7" />, {
      connect: () => {
        reads += 1
        return answer({ poolId: 1, machine: 'linux000007', ways: [way] })
      },
    })
    expect(reads).toBe(0)
    fireEvent.click(screen.getByRole('button', { name: 'Show how to connect' }))
    await settled()
    expect(text()).toContain('ssh -J USER@JUMP-HOST azureuser@ADDRESS')
    expect(reads).toBe(1)
  })

  test('that cannot be read says why', async () => {
    show(<Connect poolId={1} machine="7" />, { connect: () => refuse('unavailable', 'Azure did not answer.') })
    fireEvent.click(screen.getByRole('button', { name: 'Show how to connect' }))
    await settled()
    expect(screen.getByRole('alert').textContent).toContain('Azure did not answer.')
  })

  test('is offered for each machine that is saved for investigation', async () => {
    const saved = machineOf({ stage: 'saved', why: 'It failed to start.' })
    show(<SavedCard poolId={1} />, {
      machines: () => answer({ machines: [saved], others: [], ageMs: 0 }),
      boot: () => answer({ poolId: 1, machine: 'linux000007', lives: [] }),
      connect: () => answer({ poolId: 1, machine: 'linux000007', ways: [way] }),
    })
    await settled()
    fireEvent.click(screen.getByRole('button', { name: 'Connect to linux000007' }))
    fireEvent.click(screen.getByRole('button', { name: 'Show how to connect' }))
    await settled()
    expect(text()).toContain('Through the network.')
  })
})

test('machines that failed for one cause are one line, with the fix', () => {
  const failure = { name: 'name resolution', cause: 'The machine could not resolve a host name.', fix: 'Check the DNS servers.' }
  const entry = { poolId: 1, level: 'warning' as const, operation: 'sizingJob' as const, atMs: 1, failure }
  const entries = ['a', 'b', 'c'].map((machine, id) => ({ ...entry, id, machine, message: `${machine} failed to start.` }))
  show(<FailuresCard entries={entries} />)
  for (const part of ['3 machines failed to start: name resolution', 'could not resolve a host name', 'Check the DNS servers.'])
    expect(text()).toContain(part)
})
