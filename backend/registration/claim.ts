/**
 * A machine's claim of its one credential, in the order in which it is judged: nonce, document, subscription, the machine that
 * Azure lists, its state and life. The claim is committed before the credential is answered (S11).
 */
import { createHash } from 'node:crypto'
import type { BootPhase } from '../core/boot.ts'
import { parseScaleSetId } from '../core/scale-set-id.ts'
import type { AgentPackage, Life } from '../loop/ports-boot.ts'
import type { AzureMachine, MachineMemory, PoolRecord } from '../loop/ports.ts'
import type { AttestedDocument } from './attestation-content.ts'
import { later, refused, unready } from './parts.ts'
import type { RegistrationParts, Stop } from './parts.ts'
import { platformOf } from './platform.ts'

export type ClaimRequest = {
  readonly poolId: number
  /** The machine's computer name, as it says itself. */
  readonly machine: string
  readonly nonce: string
  /** Made by the script for this life of the machine: it repeats its own claim with it, and nobody else's. */
  readonly key: string
  readonly document: string
  readonly certificates: readonly string[]
}

/** What the machine is told, with the life it was told in. */
export type Accepted = { readonly life: Life; readonly isFirst: boolean; readonly lines: Readonly<Record<string, string>> }

/** The system that was there before a reimage may run on for this long after Azure accepted it. */
const oldSystemMs = 20_000
const notListedMs = 5_000
const unreadMs = 10_000

/** Judges one claim. Limits are the caller's. */
export async function claim(parts: RegistrationParts, record: PoolRecord, request: ClaimRequest): Promise<Accepted | Stop> {
  if (record.settings.deleting) return refused('the pool is being deleted; nothing needs to be done')
  // Otherwise a job on a machine could claim, because no script of ours did before it.
  if (record.settings.tokenInModel)
    return refused(
      'the setting tokenInModel is on, so new machines find their credential in the model; one that was made before that is replaced',
    )
  if (!(await parts.registrations.useNonce(nonceOf(request))))
    return refused(
      'its nonce was never given to it, was used already, or is older than five minutes. The script takes a new one when it is run again; if this repeats, somebody else sends its claims',
    )
  const proof = parts.verify(request)
  if (!proof.ok) return refused(`its proof of identity does not hold. ${proof.detail}`)
  const foreign = foreignDocument(proof.document, request, record)
  if (foreign !== undefined) return foreign
  const listed = await listedMachine(parts, record, request, proof.document.vmId)
  if ('stop' in listed) return listed
  const life = await lifeOf(parts, record, listed)
  if ('stop' in life) return life
  const agent = await packageFor(parts, record)
  if ('stop' in agent) return agent
  return issue(parts, record, { life, key: request.key, agent })
}

/** Names of computers are told in capitals by some systems. */
export function nonceOf({ poolId, machine, nonce }: Pick<ClaimRequest, 'poolId' | 'machine' | 'nonce'>) {
  return { poolId, machine: machine.toLowerCase(), nonce }
}

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

function foreignDocument(document: AttestedDocument, request: ClaimRequest, record: PoolRecord): Stop | undefined {
  if (document.nonce !== request.nonce)
    return refused(
      'its attested document holds another nonce than it was given: an older document was sent, or a recorded one. If this repeats, look at what answers 169.254.169.254 on the machine',
    )
  const subscriptionId = parseScaleSetId(record.scaleSetId)?.subscriptionId
  if (document.subscriptionId.toLowerCase() === subscriptionId?.toLowerCase()) return undefined
  return refused(
    `its attested document is of subscription ${document.subscriptionId}, and the scale set of the pool is in ${String(subscriptionId)}. Only machines of the pool's scale set may claim`,
  )
}

/** The machine of that computer name, in a list that Azure made after the claim came, if it is the one of the document. */
async function listedMachine(
  parts: RegistrationParts,
  record: PoolRecord,
  { machine }: ClaimRequest,
  vmId: string,
): Promise<AzureMachine | Stop> {
  const list = await parts.lists.next(record.scaleSetId)
  if (!list.known) return later(unreadMs, `the machines of the scale set could not be read: ${list.why}`)
  const isProven = (each: AzureMachine): boolean => each.vmId !== '' && each.vmId.toLowerCase() === vmId.toLowerCase()
  const found = list.value.find(({ name }) => name.toLowerCase() === machine.toLowerCase())
  if (found !== undefined && isProven(found)) return found
  const proven = list.value.find(isProven)
  if (proven !== undefined)
    return refused(
      `its attested document is that of machine ${proven.name}. A machine may only claim for itself, under the computer name that Azure gave it`,
    )
  if (found === undefined || found.vmId === '') return later(notListedMs, 'Azure does not list the machine yet')
  return refused(
    `its attested document is of a virtual machine with the id ${vmId}, and Azure lists ${found.vmId} under that name. Only machines of the pool's scale set may claim`,
  )
}

/** The life in which the machine starts now, if it is one in which no agent was online. */
async function lifeOf(parts: RegistrationParts, { poolId }: PoolRecord, listed: AzureMachine): Promise<Life | Stop> {
  const memory = (await parts.remembered(poolId)).find(({ id }) => id === listed.id)
  if (memory === undefined || memory.createdAt !== listed.createdAt) return later(notListedMs, 'the pool has not taken the machine in yet')
  const unfit = unfitState(listed, memory)
  if (unfit !== undefined) return refused(unfit)
  const reimagedMs = memory.reimagingSince === undefined ? oldSystemMs : parts.clock.now() - memory.reimagingSince
  if (reimagedMs < oldSystemMs) return later(oldSystemMs - Math.max(0, reimagedMs), 'the system from before the reimage may still run')
  const life = { poolId, machineId: memory.id, machine: memory.name, createdAt: memory.createdAt, generation: memory.generation }
  return (await isRegistered(parts, life)) ? refused(seenAlready) : life
}

function unfitState(listed: AzureMachine, memory: MachineMemory): string | undefined {
  if (memory.saved !== undefined) return 'it is saved for investigation and starts no agent. Take it out of that state, or delete it'
  if (listed.provisioning === 'deleting' || memory.stage === 'deleting') return 'it is being deleted; nothing needs to be done'
  if (memory.leaving !== undefined || memory.asked !== undefined) return 'it is about to leave the pool; nothing needs to be done'
  return memory.onlineAt === undefined ? undefined : seenAlready
}

const seenAlready =
  'its agent was seen already since it was created or reimaged, so a job on it may have asked. If it was reimaged outside this service, order its reimage here'

/**
 * The script reports each phase before the next begins, and starts the agent only after `configure`: this closes the door before the
 * first job, where the passes of the loop may be too slow. An agent that is registered and was never online does not close it: the
 * script may have been killed in the middle of its registration, or another machine had the name.
 */
async function isRegistered({ boots }: RegistrationParts, life: Life): Promise<boolean> {
  const reports = await boots.of(life.poolId, life.machine)
  return reports.some(
    ({ machineId, createdAt, generation, phase, result }) =>
      machineId === life.machineId &&
      createdAt === life.createdAt &&
      generation === life.generation &&
      (afterRegistration.has(phase) || (phase === 'configure' && result === 'ok')),
  )
}

const afterRegistration: ReadonlySet<BootPhase> = new Set<BootPhase>(['start', 'online', 'finished'])

async function packageFor(parts: RegistrationParts, { scaleSetId, settings }: PoolRecord): Promise<AgentPackage | Stop> {
  const scaleSet = await parts.scaleSet(scaleSetId)
  if (!scaleSet.known) return later(unreadMs, `the scale set could not be read: ${scaleSet.why}`)
  if (scaleSet.value === undefined) return refused('its scale set does not exist any more. Delete the pool, or make the scale set anew')
  const found = parts.packages.get(platformOf(scaleSet.value), settings.agentVersion)
  return found.known ? found.value : unready(found.why)
}

async function issue(
  parts: RegistrationParts,
  record: PoolRecord,
  { life, key, agent }: { readonly life: Life; readonly key: string; readonly agent: AgentPackage },
): Promise<Accepted | Stop> {
  const outcome = await parts.registrations.claim(life, hashOf(key))
  if (outcome === 'taken')
    return refused(
      'a credential was handed out already since it was created or reimaged, to another caller on it or too often to this one. If nothing else on it could ask, order its reimage',
    )
  // The same key may ask again, so a credential that cannot be had now is not lost.
  const credential = await parts.credential()
  if (!credential.known) return unready(`there is no credential to hand out: ${credential.why}`)
  return { life, isFirst: outcome === 'issued', lines: linesFor(parts, record, life, agent, credential.value) }
}

function linesFor(
  { organizationUrl }: RegistrationParts,
  { name, settings }: PoolRecord,
  life: Life,
  agent: AgentPackage,
  token: string,
): Accepted['lines'] {
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no')
  return {
    organizationUrl,
    pool: name,
    agent: life.machine,
    token,
    packageUrl: agent.url,
    packageSha256: agent.sha256,
    packageVersion: agent.version,
    runMode: settings.tearDownAfterUse ? 'once' : 'service',
    proxy: settings.proxy,
    sudo: yesNo(settings.sudo),
    holdUpgrades: yesNo(settings.holdUpgrades),
    interactive: yesNo(settings.interactive),
  }
}
