/** @jest-environment jsdom */
import { fireEvent, screen, waitFor } from '@testing-library/react'
import type { BuiltInPoolView } from '../../backend/api/contract-look.ts'
import type { CheckReport } from '../../backend/api/contract.ts'
import CreatePage from '../../hub/create/create-page.tsx'
import { Import } from '../../hub/create/import-card.tsx'
import { Pick } from '../../hub/create/pick.tsx'
import type { Service } from '../../hub/service.ts'
import { answer, poolOf, refuse, settled, show } from './support.tsx'

const text = (): string => document.body.textContent ?? ''
const idOf = (name: string): string =>
  `/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`
const set = { id: idOf('linux'), name: 'linux', resourceGroup: 'ci', location: 'westeurope', size: 'Standard_D4ds_v5', capacity: 0 }
const ready: CheckReport = {
  ready: true,
  findings: [
    {
      id: 'vm-identity',
      severity: 'warning',
      cause: 'The machines have a managed identity.',
      effect: 'Every job can use it.',
      fix: 'az vmss identity remove',
    },
  ],
  problems: [],
  present: ['linux000001'],
}
const old: BuiltInPoolView = {
  poolId: 9,
  name: 'old-pool',
  scaleSetId: idOf('old'),
  settings: { machinesMax: 8, standby: 3, tearDownAfterUse: true, savedMax: 0, interactive: false, idleDelayMinutes: 15 },
  takeOver: [{ sentence: 'Delete the pool in Azure DevOps.', command: 'az rest --method delete' }],
  wayBack: [{ sentence: 'Make it again.', command: 'az rest --method post' }],
}

const service = (part: Partial<Service> = {}): Partial<Service> => ({
  scaleSets: () => answer({ scaleSets: [set] }),
  builtInPools: () => answer({ pools: [] }),
  check: () => answer(ready),
  ...part,
})

describe('a new pool', () => {
  test('begins with the first scale set that no pool has, is checked, reviewed in words, and made with what was typed', async () => {
    const sent: unknown[] = []
    const { went, said } = show(
      <CreatePage project="Fabrikam" />,
      service({
        scaleSets: () => answer({ scaleSets: [{ ...set, id: idOf('used'), usedBy: 'other' }, { ...set, id: idOf('old') }, set] }),
        builtInPools: () => answer({ pools: [old] }),
        create: (body) => {
          sent.push(body)
          return answer({
            pool: poolOf({ poolId: 12 }),
            agentPool: 'made' as const,
            findings: [],
            present: [],
            message: 'The agent pool linux was made.',
          })
        },
      }),
    )
    await settled()
    expect(screen.getByRole('button', { name: 'Create linux' }).getAttribute('aria-disabled')).toBe('true')
    await waitFor(() => expect(text()).toContain('An agent pool named linux is made in Azure DevOps, with your rights.'), {
      timeout: 3_000,
    })
    for (const part of [
      'The machines have a managed identity.',
      'Every job can use it.',
      'az vmss identity remove',
      '1 machine in the scale set now: linux000001.',
      'Project Fabrikam gets a queue',
      'When an agent takes a job, another machine starts at once, so that 1 is idle again; never more than 2 machines in all.',
    ])
      expect(text()).toContain(part)
    fireEvent.click(screen.getByRole('button', { name: 'Create linux' }))
    await settled()
    expect(sent).toEqual([
      {
        scaleSetId: set.id,
        poolName: 'linux',
        settings: {},
        project: 'Fabrikam',
        authorizeAllPipelines: false,
        existingPool: false,
        replaceMachines: false,
      },
    ])
    expect([went, said]).toEqual([[{ page: 'pool', poolId: 12, tab: 'overview' }], ['The agent pool linux was made.']])
  })

  test('that the check refuses cannot be made', async () => {
    const finding = {
      id: 'overprovisioning',
      severity: 'error' as const,
      cause: 'Overprovisioning is on.',
      effect: 'Azure deletes some again.',
      fix: 'az vmss update --set overprovision=false',
    }
    show(<CreatePage />, service({ check: () => answer({ ...ready, ready: false, findings: [finding] }) }))
    await waitFor(() => expect(text()).toContain('az vmss update --set overprovision=false'), { timeout: 3_000 })
    expect(text()).toContain('The check has to pass first.')
    expect(screen.getByRole('button', { name: 'Create linux' }).getAttribute('aria-disabled')).toBe('true')
  })

  test('that the service refuses keeps what was typed', async () => {
    show(<CreatePage />, service({ create: () => refuse('conflict', 'An agent pool named linux exists and has 2 agents.') }))
    await settled()
    fireEvent.change(screen.getByLabelText('Number of agents to keep on standby'), { target: { value: '2' } })
    await waitFor(() => expect(screen.getByRole('button', { name: 'Create linux' }).getAttribute('aria-disabled')).toBeNull(), {
      timeout: 3_000,
    })
    fireEvent.click(screen.getByRole('button', { name: 'Create linux' }))
    await settled()
    expect(screen.getAllByRole('alert').map((alert) => alert.textContent)).toContain('An agent pool named linux exists and has 2 agents.')
    expect(screen.getByLabelText('Number of agents to keep on standby')).toHaveProperty('value', '2')
    expect(screen.getByDisplayValue('linux (ci, westeurope, Standard_D4ds_v5)')).toBeTruthy()
  })

  test('asks for five things at most, each with a default; the others are behind a title', async () => {
    show(
      <CreatePage project="Fabrikam" />,
      service({ check: () => answer({ ...ready, present: [] }), builtInPools: () => answer({ pools: [old] }) }),
    )
    await waitFor(() => expect(text()).toContain('is made in Azure DevOps'), { timeout: 3_000 })
    const inputs = [...document.querySelectorAll('input, textarea, [role="checkbox"], [role="switch"]')]
    expect(inputs.map((input) => input.getAttribute('aria-label'))).toEqual([
      'Scale set',
      'Maximum number of virtual machines in the scale set',
      'Number of agents to keep on standby',
      'Automatically tear down virtual machines after every use',
      'Project',
    ])
    expect(inputs.map((input) => input.getAttribute('value') ?? input.getAttribute('aria-checked'))).not.toContain('')
    fireEvent.click(screen.getByRole('button', { name: 'More choices' }))
    for (const name of [
      'Name of the agent pool',
      'Delay in minutes before deleting excess idle agents',
      'Save an unhealthy agent for investigation',
    ])
      expect(screen.getByLabelText(name)).toBeTruthy()
  })

  test('of a scale set that is not listed takes its id', async () => {
    const checked: string[] = []
    show(
      <CreatePage />,
      service({
        scaleSets: () => answer({ scaleSets: [] }),
        check: ({ scaleSetId }) => {
          checked.push(scaleSetId)
          return answer(ready)
        },
      }),
    )
    await settled()
    fireEvent.change(screen.getByLabelText('Resource id of the scale set'), { target: { value: 'linux' } })
    expect(text()).toContain('This is no id of a scale set')
    fireEvent.change(screen.getByLabelText('Resource id of the scale set'), { target: { value: idOf('mine') } })
    await waitFor(() => expect(screen.getByRole('button', { name: 'Create mine' }).getAttribute('aria-disabled')).toBeNull(), {
      timeout: 3_000,
    })
    expect(checked).toEqual([idOf('mine')])
  })

  test('is not asked for by those who may not make one', () => {
    show(<CreatePage />, {}, { mayCreate: false })
    expect(text()).toContain('You have no permission to make a pool')
    expect(document.querySelector('input')).toBeNull()
  })
})

test('whoever has no scale set finds the commands, the template and the Bicep file for one', async () => {
  show(<CreatePage />, service())
  await settled()
  expect(text()).not.toContain('az vmss create')
  fireEvent.click(screen.getByRole('button', { name: 'No scale set yet? Make one' }))
  expect(text()).toContain('az vmss create')
  expect(screen.getByLabelText('Ephemeral disk')).toBeTruthy()
})

describe('the scale sets to pick from', () => {
  const pick = (part: Partial<Service>) =>
    show(<Pick scaleSetId={set.id} taken={[]} disabled={false} onPick={() => undefined} onDefault={() => undefined} />, part)

  test('are named with where they are, and with the pool that has them', async () => {
    pick({ scaleSets: () => answer({ scaleSets: [{ ...set, usedBy: 'linux-agents' }] }) })
    await settled()
    expect(screen.getByDisplayValue('linux (ci, westeurope, Standard_D4ds_v5), used by pool linux-agents')).toBeTruthy()
  })

  test.each<[string, Partial<Service>, string]>([
    ['being looked for', { scaleSets: () => new Promise(() => undefined) }, 'Looking for scale sets'],
    ['none', { scaleSets: () => answer({ scaleSets: [] }) }, 'may read no scale set. Paste the id'],
    ['not readable', { scaleSets: () => refuse('unavailable', 'Azure did not answer.') }, 'Azure did not answer. Paste the id instead.'],
    ['not allowed', { scaleSets: () => refuse('forbidden', 'You may not make pools.') }, 'You may not make pools. Paste the id instead.'],
  ])('%s: the id can be pasted', async (_, part, says) => {
    pick(part)
    await settled()
    expect(text()).toContain(says)
  })
})

describe('a pool of Azure DevOps', () => {
  test('shows what comes first, and the way back, with their commands', () => {
    show(<Import pools={[old]} chosen={old} onChoose={() => undefined} />)
    for (const part of ['Delete the pool in Azure DevOps.', 'az rest --method delete', 'The way back', 'az rest --method post'])
      expect(text()).toContain(part)
  })

  test('is not spoken of where there is none', async () => {
    show(<CreatePage />, service())
    await settled()
    expect(text()).not.toContain('Take over a scale set pool')
  })

  test('that cannot be read says so, and the form stays', async () => {
    show(<CreatePage />, service({ builtInPools: () => refuse('unavailable', 'Azure DevOps did not answer.') }))
    await settled()
    expect(screen.getByRole('alert').textContent).toContain('Azure DevOps did not answer.')
    expect(screen.getByLabelText('Scale set')).toBeTruthy()
  })
})
