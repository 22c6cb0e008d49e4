/** The registration of machines over the real parts. */
import { readFileSync } from 'node:fs'
import type { AgentPackageSource } from '../adapters/agent-packages.ts'
import type { ServiceClock } from '../adapters/clock.ts'
import { scrub } from '../adapters/scrub.ts'
import type { MetricsRegistry } from '../adapters/metrics.ts'
import type { Configuration } from '../environment.ts'
import type { Boots } from '../loop/ports-boot.ts'
import type { Log, Settings } from '../loop/ports.ts'
import { signerNames, verifyDocument } from '../registration/attestation.ts'
import { createMachineLists } from '../registration/machine-lists.ts'
import type { RegistrationParts } from '../registration/parts.ts'
import { createRegistrar, type Registrar } from '../registration/registrar.ts'
import { attestationRoots } from '../registration/roots.ts'
import { createScaleSetFacts } from '../registration/scale-set-facts.ts'
import type { Database } from '../store/database.ts'
import { createHistory } from '../store/history.ts'
import { createNotes } from '../store/notes.ts'
import { createRegistrations } from '../store/registrations.ts'
import type { Outside } from './outside.ts'

export type RegistrationGround = {
  readonly configuration: Configuration
  readonly database: Database
  readonly clock: ServiceClock
  readonly log: Log
  readonly metrics: MetricsRegistry
  readonly outside: Outside
  readonly settings: Settings
  readonly packages: AgentPackageSource
  readonly boots: Boots
  readonly nudge: (poolId: number) => void
  /** The service stops. */
  readonly signal: AbortSignal
}

/** Throws one sentence when the file of further roots cannot be used. */
export function createRegistration(ground: RegistrationGround): Registrar {
  const { configuration, database, clock, log, metrics, outside, settings, packages, boots, nudge, signal } = ground
  return createRegistrar({
    clock,
    log,
    organizationUrl: configuration.organizationUrl,
    pool: (poolId) => settings.pool(poolId),
    registrations: createRegistrations(database, clock),
    boots,
    remembered: (poolId) => createHistory(database).machines(poolId),
    lists: createMachineLists(clock, outside.scaleSet, signal),
    scaleSet: createScaleSetFacts(clock, outside.scaleSet),
    verify: verifierFor(configuration, clock),
    packages,
    credential: outside.registrarCredential,
    tell: (poolId, entry) => createNotes(database).tell(poolId, entry),
    scrub,
    metrics,
    nudge,
  })
}

/** Documents carry real time, also in the sandbox. */
function verifierFor({ attestationRoots: file, azure }: Configuration, clock: ServiceClock): RegistrationParts['verify'] {
  const roots = attestationRoots(file === undefined ? undefined : readFileSync(file, 'utf8'))
  return (proof) => verifyDocument(proof, { roots, signerNames: signerNames[azure.cloud], nowMs: clock.real.wallTimeMs() })
}
