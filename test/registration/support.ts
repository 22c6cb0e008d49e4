/** A registrar over the real store and a scale set that answers what the test says. */
import { defaultSettings } from '../../backend/core/settings.ts'
import type { Reading } from '../../backend/core/snapshot.ts'
import type { AzureMachine, MachineMemory, NewLogEntry, PoolRecord } from '../../backend/loop/ports.ts'
import type { Verdict } from '../../backend/registration/attestation.ts'
import { createMachineLists } from '../../backend/registration/machine-lists.ts'
import type { Answer, RegistrationParts } from '../../backend/registration/parts.ts'
import { createRegistrar } from '../../backend/registration/registrar.ts'
import { createBoots } from '../../backend/store/boots.ts'
import type { Database } from '../../backend/store/database.ts'
import { createRegistrations } from '../../backend/store/registrations.ts'
import { machine, poolId } from '../store/support.ts'

export const subscriptionId = '11111111-2222-3333-4444-555555555555'
export const scaleSetId = `/subscriptions/${subscriptionId}/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/linux`
export const token = 'token-that-nobody-else-may-see'
export const key = 'a'.repeat(64)
export const genericError = 'This machine was not accepted. The reason is in Diagnostics of the pool.'

export const azureMachine = (id: string, change: Partial<AzureMachine> = {}): AzureMachine => ({
  id,
  vmId: `vm-${id}`,
  name: `vmss00000${id}`,
  createdAt: '2026-11-21T08:00:00Z',
  provisioning: 'updating',
  latestModel: true,
  protected: false,
  ...change,
})

export const memory = (id: string, change: Partial<MachineMemory> = {}): MachineMemory => machine(id, { stage: 'creating', ...change })

/** What a test may change at any time. */
export function scene() {
  const record: PoolRecord = {
    poolId,
    name: 'linux',
    scaleSetId,
    settings: { ...defaultSettings, tearDownAfterUse: true },
    version: 1,
    orders: [],
    replaceConfirmed: false,
  }
  return {
    nowMs: 1_000_000,
    record: record as PoolRecord | undefined,
    listed: [azureMachine('3')] as readonly AzureMachine[],
    listUnread: undefined as string | undefined,
    remembered: [memory('3')] as readonly MachineMemory[],
    credential: { known: true, value: token, at: 0 } as Reading<string>,
    package: {
      known: true,
      value: { version: '4.255.0', url: 'https://agents.example/a.tar.gz', sha256: 'f'.repeat(64) },
      at: 0,
    } as ReturnType<RegistrationParts['packages']['get']>,
    platforms: [] as string[],
    /** Proofs are written as `vmId nonce subscription`. */
    verify: ({ document }: { readonly document: string }): Verdict => {
      const [vmId = '', nonce = '', subscription = subscriptionId] = document.split(' ')
      if (vmId === 'forged') return { ok: false, reason: 'signature', detail: 'The signature does not fit.' }
      return { ok: true, document: { vmId, nonce, subscriptionId: subscription, createdOn: 0, expiresOn: 0 } as never }
    },
    lists: 0,
    told: [] as NewLogEntry[],
    logged: [] as string[],
    nudges: [] as number[],
    phases: [] as string[],
  }
}
export type Scene = ReturnType<typeof scene>

const neverStopped = new AbortController().signal

export function registrarOf(database: Database, state: Scene = scene(), change: Partial<RegistrationParts> = {}) {
  const clock = {
    now: () => state.nowMs,
    wallTimeMs: () => 1_700_000_000_000 + state.nowMs,
    async sleep(ms: number) {
      state.nowMs += ms
    },
    deadline: () => neverStopped,
    newId: () => 'id',
  }
  const note = (fields: object, message: string) => void state.logged.push(`${message} ${JSON.stringify(fields)}`)
  const scaleSet = {
    async machines(): Promise<Reading<readonly AzureMachine[]>> {
      state.lists += 1
      return state.listUnread === undefined
        ? { known: true, value: state.listed, at: state.nowMs }
        : { known: false, why: state.listUnread }
    },
  }
  const registrar = createRegistrar({
    clock,
    log: { info: note, warn: note, error: note },
    organizationUrl: 'https://dev.azure.com/fabrikam',
    pool: async (id) => (id === poolId ? state.record : undefined),
    registrations: createRegistrations(database, clock),
    boots: createBoots(database),
    remembered: async () => state.remembered,
    lists: createMachineLists(clock, () => scaleSet, neverStopped),
    scaleSet: async () => ({ known: true, value: { os: 'linux', skuName: 'Standard_D4ps_v5' }, at: 0 }),
    verify: (proof) => state.verify(proof),
    packages: {
      get(platform) {
        state.platforms.push(platform)
        return state.package
      },
    },
    credential: async () => state.credential,
    tell: async (_, entry) => void state.told.push(entry),
    scrub: (text) => text.replaceAll(token, '[token]'),
    metrics: { bootPhase: (_, phase, result, ms) => void state.phases.push(`${phase} ${result} ${ms}`) },
    nudge: (id) => void state.nudges.push(id),
    ...change,
  })
  return { registrar, state, clock }
}
export type Registrar = ReturnType<typeof registrarOf>['registrar']

type Asked = { machine?: string; key?: string; vmId?: string; nonce?: string; inDocument?: string; subscription?: string }

/** What a script does: a nonce, a document with it, a claim. */
export async function claim(registrar: Registrar, asked: Asked = {}, address = '10.0.0.3'): Promise<Answer> {
  const machine = asked.machine ?? 'vmss000003'
  const given = asked.nonce ?? (await nonceFor(registrar, machine, address))
  const document = [
    asked.vmId ?? 'vm-3',
    asked.inDocument ?? given,
    ...(asked.subscription === undefined ? [] : [asked.subscription]),
  ].join(' ')
  return registrar.claim({ poolId, machine, nonce: given, key: asked.key ?? key, document, certificates: [] }, address)
}

export async function nonceFor(registrar: Registrar, machine = 'vmss000003', address = '10.0.0.3'): Promise<string> {
  const answer = await registrar.nonce({ poolId, machine }, address)
  return answer.status === 200 ? answer.lines['nonce']! : `none: ${JSON.stringify(answer)}`
}
