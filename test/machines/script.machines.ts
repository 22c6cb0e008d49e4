/** The script on machines that are not as it left them: killed runs, repeated runs, prepared images; its secrets. */
import { bootPhases, type BootPhase } from '../../backend/core/boot.ts'
import type { AgentFacts } from '../../backend/simulator/facts.ts'
import type { ExtensionEnd, ExtensionRun } from './rig/fleet.ts'
import type { Machine } from './rig/machine.ts'
import type { TestPool } from './rig/pool.ts'
import type { Rig } from './rig/rig.ts'
import { scenarios } from './rig/scenarios.ts'
import { until } from './rig/until.ts'

const traces = ['/run/trace-of-script', '/run/trace-of-units']
const log = '/var/log/enableagent.log'
const killedAfter = bootPhases.filter((phase) => phase !== 'finished')

scenarios({
  async 'killed after any phase and run again, it becomes an agent'(open) {
    const count = killedAfter.length
    let started = 0
    const extension = (machine: Machine, run: ExtensionRun) => killAfter(killedAfter[started++] ?? 'online', machine, run)
    const pool = await open('killed', { settings: { machinesMax: count, standby: count }, image: { extension } })
    const agents = await until('every machine is an agent', () => someOnline(pool.agents(), count), 120_000)
    expect(agents).toHaveLength(count)
    for (const { machine } of pool.lives()) {
      const { output } = await machine.run(['systemctl', 'is-enabled', 'scale-set-agent.service'])
      expect(output).toBe('enabled\n')
    }
  },

  async 'killed after its agent is registered and before config.sh has ended, and run again, it becomes an agent'(open, rig) {
    const extension = async (machine: Machine, run: ExtensionRun): Promise<ExtensionEnd> => {
      await killAtSignIn(rig, machine, run)
      expect(await machine.read('/agent/.agent')).toBeUndefined()
      await until('the service sees the registered agent', async () => (await pool.machine(machine.name))?.agentId)
      return run(machine)
    }
    const pool: TestPool = await open('half-registered', { image: { extension } })
    const { machine, extension: ended } = await pool.life()
    await expect(ended).resolves.toEqual({ ok: true })
    await pool.agentOnline(machine.name)
    await pool.job(pool.queueJob(), 'finished')
  },

  async 'a second run on a configured machine changes nothing'(open) {
    const pool = await open('twice')
    const { machine, extension } = await pool.life()
    await extension
    const { id } = await pool.agentOnline(machine.name)
    const before = await facts(machine)
    const { exitCode, output } = await machine.run([
      'bash',
      '/var/lib/scale-set-agents/enableagent.sh',
      'https://service.test',
      String(pool.poolId),
    ])
    expect({ exitCode, output }).toMatchObject({ exitCode: 0, output: expect.stringContaining('online ok') })
    expect(await facts(machine)).toBe(before)
    expect((await pool.agentOnline(machine.name)).id).toBe(id)
  },

  async 'the account AzDevOps of an image is adopted, in the groups that it has'(open) {
    const pool = await open('adopted', {
      image: {
        async prepare(machine) {
          for (const group of ['docker', 'video']) await machine.run(['groupadd', '--force', group])
          await machine.run(['useradd', '--create-home', '--groups', 'docker,video', 'AzDevOps'])
        },
      },
    })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    expect(await groupsOf(machine)).toEqual(expect.arrayContaining(['AzDevOps', 'adm', 'docker', 'video']))
    await mayBecomeRoot(machine)
  },

  async 'the account AzDevOps of an image gets the groups that it lacks'(open) {
    const pool = await open('bare', { image: { prepare: async (machine) => void (await machine.run(['useradd', 'AzDevOps'])) } })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    expect(await groupsOf(machine)).toEqual(expect.arrayContaining(['AzDevOps', 'adm', 'docker']))
    await mayBecomeRoot(machine)
  },

  async 'variables of the image that are not its own to set are ignored, with a warning in the report'(open) {
    const reserved = ['VSTS_AGENT_INPUT_AGENT', 'VSTS_AGENT_INPUT_POOL', 'WORKER_DIAGLOGPATH']
    const variables = [
      ...reserved.map((name) => `${name}=/another`),
      'VSTS_AGENT_INPUT_WORK=/mnt/work',
      'token=another',
      'agent=another',
      'COLOUR=blue',
    ]
    const pool = await open('reserved', { image: { files: { '/etc/environment': `${variables.join('\n')}\n` } } })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    const { systemCapabilities } = await pool.agentOnline(machine.name)
    expect(systemCapabilities).toMatchObject({ COLOUR: 'blue', agent: 'another' })
    expect(JSON.parse((await machine.read('/agent/.agent')) ?? '{}')).toMatchObject({ workFolder: '/mnt/work' })
    const [life] = await pool.boots(machine.name)
    const configured = life?.phases.find(({ phase }) => phase === 'configure')
    for (const name of reserved) expect(configured?.detail).toContain(name)
    await pool.job(pool.queueJob(), 'finished')
    expect((await machine.run(['ls', '/agent/_diag'])).output).toMatch(/^Worker_.*\.log$/m)
  },

  async 'the credential is in no command line of a whole boot, and in no file or log afterwards'(open, rig) {
    const pool = await open('traced', { image: { extension: runTraced } })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    await pool.job(pool.queueJob(), 'finished')
    const commands = (await Promise.all(traces.map((file) => machine.read(file)))).flatMap((text) => commandLinesIn(text ?? ''))
    for (const expected of ['config.sh', 'run.sh', 'Agent.Listener']) expect(commands.some((line) => line.includes(expected))).toBe(true)
    expect(commands.filter((line) => holds(line, rig.credential))).toEqual([])
    const search =
      'grep -rlsF -D skip -e "$1" -e "$2" /agent /etc /home /opt /root /run /tmp /usr/local /var; journalctl --no-pager | grep -cF -e "$1" -e "$2"'
    const { output } = await machine.run(['sh', '-c', search, 'sh', rig.credential, asBasic(rig.credential)])
    expect(output).toBe('0\n')
  },
})

/** Lets the script be killed with everything it started, as soon as its log says that the phase is over; then runs it again. */
async function killAfter(phase: BootPhase, machine: Machine, run: ExtensionRun): Promise<ExtensionEnd> {
  let group = 0
  const first = run(machine, { started: (pid) => (group = pid) })
  const isOver = async (): Promise<boolean> => ((await machine.read(log)) ?? '').includes(`Z ${phase} ok`)
  await Promise.race([first, until(`${phase} is over on ${machine.name}`, isOver, 90_000)])
  if (group === 0) throw new Error(`The script did not start on ${machine.name}: ${JSON.stringify(await first)}`)
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    // Nothing comes after the last phase but the script's end.
    if (phase !== 'online') throw error
  }
  await first
  return run(machine)
}

/** Kills the script with its config.sh when the agent, just registered, signs in for the first time. */
async function killAtSignIn(rig: Rig, machine: Machine, run: ExtensionRun): Promise<void> {
  let group = 0
  const isOver = rig.fronts.devOps.rule(({ from, path }) => {
    if (from !== machine.address || !path.includes('/oauth2/token')) return undefined
    process.kill(-group, 'SIGKILL')
    return { kind: 'cut' }
  })
  const { ok } = await run(machine, { started: (pid) => (group = pid) })
  isOver()
  expect(ok).toBe(false)
}

function someOnline(agents: readonly AgentFacts[], count: number): readonly AgentFacts[] | undefined {
  const online = agents.filter((agent) => agent.online)
  return online.length >= count ? online : undefined
}

/** What a second run may not change. */
async function facts(machine: Machine): Promise<string> {
  const commands = [
    'sha256sum /agent/.agent /agent/.credentials /agent/.credentials_rsaparams /var/lib/scale-set-agents/key /var/lib/scale-set-agents/plan',
    'systemctl show --property MainPID,InvocationID scale-set-agent.service',
  ]
  return (await machine.run(['sh', '-c', commands.join('; ')])).output
}

async function groupsOf(machine: Machine): Promise<readonly string[]> {
  return (await machine.run(['id', '--groups', '--name', 'AzDevOps'])).output.trim().split(' ')
}

async function mayBecomeRoot(machine: Machine): Promise<void> {
  const { stdout } = await machine.run(['runuser', '--user', 'AzDevOps', '--', 'sudo', '--non-interactive', 'id', '--user'])
  expect(stdout.toString()).toBe('0\n')
}

/** Under strace, as is process 1 with every unit that it starts from then on. */
async function runTraced(machine: Machine, run: ExtensionRun): Promise<ExtensionEnd> {
  const [ofScript, ofUnits] = traces.map((file) => ['strace', '-f', '-e', 'trace=execve', '-s', '8192', '-o', file])
  void machine.run([...ofUnits!, '-p', '1'])
  await until('process 1 is traced', async () => !/TracerPid:\s0$/m.test((await machine.read('/proc/1/status')) ?? 'TracerPid:\t0'))
  return run(machine, { wrap: (command) => [...ofScript!, ...command] })
}

function commandLinesIn(trace: string): readonly string[] {
  return trace.split('\n').filter((line) => line.includes('execve('))
}

function holds(text: string, secret: string): boolean {
  return text.includes(secret) || text.includes(asBasic(secret))
}

/** As a header of basic authentication has it. */
function asBasic(secret: string): string {
  return Buffer.from(`:${secret}`).toString('base64')
}
