/** The agents that Azure DevOps offers: read once an hour, and the last good answer kept for the time when it cannot be read. */
import type { AgentPackage, AgentPackages, AgentPlatform } from '../loop/ports-boot.ts'
import type { Clock, Log } from '../loop/ports.ts'
import type { Http } from './http.ts'
import { ShapeError, asCount, asObject, asRows, asText, optional } from './shape.ts'

export type AgentPackageSource = AgentPackages & {
  /** Takes what an earlier process kept. */
  recall(): Promise<void>
  /** Reads at once and again every hour, after a failure every minute, until the signal aborts. `onNews`: there are other packages now. */
  run(signal: AbortSignal, onNews: () => void): Promise<void>
}

type Options = {
  readonly http: Http
  readonly clock: Pick<Clock, 'now' | 'sleep' | 'deadline'>
  readonly log: Log
  /** The lowest version that is installed. */
  readonly versionMin: string
  /** Negative when the left version is the older one. */
  readonly compareVersions: (left: string, right: string) => number
  readonly kept: (name: string) => Promise<string | undefined>
  readonly keep: (name: string, text: string) => Promise<void>
}

/** `sha256` is absent where Azure DevOps states none, which happens (azure-pipelines-agent issue 4380). */
type Offer = { readonly version: string; readonly url: string; readonly sha256?: string }

const platforms = ['linux-x64', 'linux-arm64', 'win-x64'] as const satisfies readonly AgentPlatform[]
const freshMs = 60 * 60_000
const againMs = 60_000
const callMsMax = 30_000
/** Newest first: enough for versions of several years. */
const offersMax = 200

export function createAgentPackages(options: Options): AgentPackageSource {
  const { clock, log } = options
  const known = new Map<AgentPlatform, { readonly offers: readonly Offer[]; readonly at: number }>()
  const failures = new Map<AgentPlatform, string>()

  /** Whether there is news. */
  async function refresh(platform: AgentPlatform, signal: AbortSignal): Promise<boolean> {
    const reading = await readOffers(options, platform, signal)
    if (!reading.known) failures.set(platform, reading.why)
    else failures.delete(platform)
    const before = known.get(platform)?.offers
    // Agents do not disappear: an empty list says nothing against the one before.
    if (!reading.known || (reading.value.length === 0 && before !== undefined)) return false
    known.set(platform, { offers: reading.value, at: reading.at })
    const text = JSON.stringify(reading.value)
    if (text === JSON.stringify(before)) return false
    // For a restart while Azure DevOps cannot be read; a database that is lost now must not end the service.
    await options
      .keep(keptName(platform), text)
      .catch((error: unknown) => log.warn({ error: String(error) }, 'Agent packages were read, but could not be kept.'))
    return true
  }

  return {
    get(platform, version) {
      const list = known.get(platform)
      if (list === undefined)
        return { known: false, why: `the agent packages were never read: ${failures.get(platform) ?? 'the service has just started'}` }
      const found = version === '' ? newest(options, list.offers, platform) : pinned(list.offers, platform, version)
      return typeof found === 'string' ? { known: false, why: found } : { known: true, value: found, at: list.at }
    },
    async recall() {
      for (const platform of platforms) {
        const text = await options.kept(keptName(platform))
        if (text !== undefined) known.set(platform, { offers: JSON.parse(text) as readonly Offer[], at: clock.now() })
      }
    },
    async run(signal, onNews) {
      while (!signal.aborted) {
        for (const platform of platforms) if (await refresh(platform, signal)) onNews()
        if (failures.size > 0 && !signal.aborted)
          log.warn({ failures: Object.fromEntries(failures) }, 'Agent packages could not be read; the last list holds.')
        await clock.sleep(failures.size === 0 ? freshMs : againMs, signal)
      }
    },
  }
}

const keptName = (platform: AgentPlatform): string => `agent-packages/${platform}`

function readOffers({ http, clock }: Options, platform: AgentPlatform, signal: AbortSignal) {
  const url = `_apis/distributedtask/packages/agent/${platform}?$top=${String(offersMax)}`
  const request = { operation: 'list agent packages', method: 'GET', url, signal: clock.deadline(callMsMax, signal) } as const
  return http.read(request, (json) => asRows(json).map((row, at) => offerFrom(row, `value[${String(at)}]`)))
}

function offerFrom(json: unknown, path: string): Offer {
  const offer = asObject(json, path)
  const version = asObject(offer['version'], `${path}.version`)
  const [major, minor, patch] = ['major', 'minor', 'patch'].map((part) => String(asCount(version[part], `${path}.version.${part}`)))
  const url = asText(offer['downloadUrl'], `${path}.downloadUrl`)
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw new ShapeError(`${path}.downloadUrl is no https address`)
  const hash = optional(offer['hashValue'], `${path}.hashValue`, asText)
  return {
    version: `${major}.${minor}.${patch}`,
    url,
    ...(hash !== undefined && /^[0-9a-f]{64}$/i.test(hash) && { sha256: hash.toLowerCase() }),
  }
}

/** The newest that states its hash: one without is passed over, not trusted. */
function newest({ versionMin, compareVersions }: Options, offers: readonly Offer[], platform: AgentPlatform): AgentPackage | string {
  const usable = offers.filter((offer) => compareVersions(offer.version, versionMin) >= 0).flatMap((offer) => withHash(offer) ?? [])
  const best = usable.toSorted((left, right) => compareVersions(right.version, left.version))[0]
  return (
    best ??
    `Azure DevOps offers no agent for ${platform} from ${versionMin} on that states its SHA-256. Pin a version that does, or wait for the next one`
  )
}

function pinned(offers: readonly Offer[], platform: AgentPlatform, version: string): AgentPackage | string {
  const offer = offers.find((each) => each.version === version)
  if (offer === undefined)
    return `Azure DevOps offers no agent ${version} for ${platform}. Set another agentVersion, or none for the newest`
  return (
    withHash(offer) ??
    `Azure DevOps states no SHA-256 for agent ${version} for ${platform}, so it is not installed. Set another agentVersion, or none for the newest`
  )
}

function withHash({ version, url, sha256 }: Offer): AgentPackage | undefined {
  return sha256 === undefined ? undefined : { version, url, sha256 }
}
