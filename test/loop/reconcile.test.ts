import { pass, type PassParts } from '../../backend/loop/reconcile.ts'
import type { BootReport } from '../../backend/loop/ports-boot.ts'
import { now } from '../support/build.ts'
import { aMemory, anAzureMachine, anAzureSet, anOutside, aRecord, aState } from '../support/loop.ts'
import { quietMetrics } from '../support/service.ts'

const line = 'enableagent failed in proof [name-resolution]: service.example could not be resolved.'

test('what a script could not report before its claim is in the timeline of its machine, once', async () => {
  const failure = { code: 'VMExtensionProvisioningError', message: `The extension failed. ${line}`, ours: true }
  const outside = anOutside({ scaleSet: anAzureSet({ capacity: 1 }), machines: [anAzureMachine(1, { failure })] })
  const state = aState(outside, { machines: [aMemory(1, { stage: 'starting' })] })
  const stored: BootReport[] = []
  const parts: PassParts = {
    clock: outside.clock,
    log: { info() {}, warn() {}, error() {} },
    metrics: quietMetrics,
    journal: { remembered: async () => ({ pool: undefined, machines: [], openIntents: [] }), commit: async () => {} },
    settings: { pools: async () => [7], pool: async () => aRecord(), forget: async () => {} },
    lease: () => ({ scope: 'service', epoch: 1, holder: 'me', leftMs: Infinity }) as const,
    boots: {
      add: async (report: BootReport) => void stored.push(report),
      of: async () => [],
      since: async (_pool: number, since: number) => stored.filter(({ at }) => at > since),
    },
    ownerId: 'owner',
    extension: () => ({ known: false as const, why: 'no package' }),
  }
  for (let passes = 0; passes < 3; passes += 1) {
    await pass(parts, state, aRecord(), new AbortController().signal)
    outside.clock.at += 12_000
  }
  expect(stored).toMatchObject([
    { poolId: 7, machine: 'm1', machineId: '1', generation: 1, phase: 'proof', result: 'failed', cause: 'name-resolution', detail: line },
  ])
  expect(stored[0]?.at).toBe(now)
  expect(state.machines.get('1')).toMatchObject({ bootFailure: { phase: 'proof' }, boot: { failed: 'name-resolution' } })
})
