/** Machines that cannot prove themselves, and others that claim in their place. */
import { alterDocuments, cutOff, duringScript, failsWith, loseMetadata, post } from './rig/faults.ts'
import type { Machine } from './rig/machine.ts'
import { addresses, serviceName } from './rig/place.ts'
import type { Rig } from './rig/rig.ts'
import { scenarios } from './rig/scenarios.ts'
import { until } from './rig/until.ts'

scenarios({
  async 'the metadata service is away for 30 seconds'(open) {
    const pool = await open('away', { image: { prepare: (machine) => loseMetadata(machine, 30) } })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    const proof = (await pool.boots(machine.name))[0]?.phases.find(({ phase }) => phase === 'proof')
    expect(proof?.durationMs).toBeGreaterThan(25_000)
  },

  async 'the metadata service is away for good'(open) {
    const pool = await open('gone', { settings: patient, image: { prepare: (machine) => loseMetadata(machine) } })
    await failsWith(pool, 'proof', 'metadata unavailable', 200_000)
  },

  async 'the name of the service does not resolve'(open) {
    const pool = await open('no-name', { image: { prepare: forgetService } })
    await failsWith(pool, undefined, 'name resolution')
  },

  async 'the name of the service stops resolving once the script is there'(open) {
    const pool = await open('name-lost', { settings: patient, image: { extension: duringScript(forgetService) } })
    await failsWith(pool, 'proof', 'name resolution', 200_000)
  },

  async 'the service cannot be reached'(open) {
    const lose = (machine: Machine) => cutOff(machine, addresses.service)
    const pool = await open('no-service', { settings: patient, image: { extension: duringScript(lose) } })
    await failsWith(pool, 'proof', 'service unreachable', 200_000)
  },

  async 'a machine with the document of another machine is refused'(open, rig) {
    const other = await open('honest')
    const { machine } = await other.life()
    const stolen = rig.fleet.factsOf(machine)!.vmId
    const pool = await open('thief', { image: { prepare: async (one) => alterDocuments(rig, one, { vmId: stolen }) } })
    await failsWith(pool, 'proof', 'claim refused')
    await pool.diagnostics(/attested document is of a virtual machine with the id .* Azure lists/)
  },

  async 'a machine with the document of another subscription is refused'(open, rig) {
    const subscriptionId = '00000000-0000-4000-8000-00000000000f'
    const pool = await open('foreign', { image: { prepare: async (one) => alterDocuments(rig, one, { subscriptionId }) } })
    await failsWith(pool, 'proof', 'claim refused')
    await pool.diagnostics(new RegExp(`attested document is of subscription ${subscriptionId}`))
  },

  async 'a claim that is sent a second time is refused'(open, rig) {
    const claims = claimsOf(rig, 'replayed')
    const pool = await open('replayed')
    const { machine, extension } = await pool.life()
    await extension
    expect(await post(machine, '/claim', claims.at(-1) ?? 'none')).toBe('403')
    await pool.diagnostics(/nonce was never given to it, was used already/)
  },

  async 'a job that claims after the registration is refused'(open, rig) {
    const claims = claimsOf(rig, 'greedy')
    const pool = await open('greedy')
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    await until('the service sees it idle', async () => (await pool.machine(machine.name))?.stage === 'idle')
    const certificates = new URLSearchParams(claims.at(-1)).get('certificates') ?? ''
    const script = ['bash', '-c', claimAgain, 'bash', String(pool.poolId), machine.name, certificates]
    const { output } = await machine.run(['runuser', '--user', 'AzDevOps', '--', ...script])
    expect(output).toMatch(/403$/)
    expect(output).not.toContain('token=')
    await pool.diagnostics(/agent was seen already/)
  },
})

/** For phases that go on longer than a start may take at the speed of the rig. */
const patient = { startMinutesMax: 30 }

async function forgetService(machine: Machine): Promise<void> {
  await machine.run(['sed', '-i', `/${serviceName}/d`, '/etc/hosts'])
}

/** The claims that machines of this name send from now on. */
function claimsOf(rig: Rig, name: string): readonly string[] {
  const claims: string[] = []
  rig.fronts.service.rule(({ path, body }) => {
    if (path.endsWith('/registration/claim') && body.includes(name)) claims.push(body)
    return undefined
  })
  return claims
}

/** What a job on the machine could do: everything that the script does. */
const claimAgain = `
api=https://service.test/api/v1/registration
nonce=$(curl -s -d "poolId=$1" -d "machine=$2" $api/nonce | sed -n 's/^nonce=//p')
document=$(curl -s -H Metadata:true "http://169.254.169.254/metadata/attested/document?api-version=2025-04-07&nonce=$nonce" | sed -E 's/.*"signature":"([^"]+)".*/\\1/')
key=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n')
curl -s -w '%{http_code}' --data-urlencode "poolId=$1" --data-urlencode "machine=$2" --data-urlencode "nonce=$nonce" \\
  --data-urlencode "key=$key" --data-urlencode "document=$document" --data-urlencode "certificates=$3" $api/claim`
