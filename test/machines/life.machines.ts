/** Machines that become agents, work, restart, and come back from a reimage. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Machine } from './rig/machine.ts'
import { scenarios } from './rig/scenarios.ts'
import { until } from './rig/until.ts'

const unit = 'scale-set-agent.service'
const allPhases = ['prerequisites', 'proof', 'package', 'user', 'configure', 'start', 'online', 'finished'].map((phase) => `${phase} ok`)

scenarios({
  async 'a reusable machine registers, takes jobs and stays'(open) {
    const pool = await open('reusable')
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    await pool.agentOnline(machine.name)
    for (const _ of [1, 2]) await pool.job(pool.queueJob(), 'finished')
    await until('the service sees it idle', async () => (await pool.machine(machine.name))?.stage === 'idle')
    expect((await machine.run(['systemctl', 'is-enabled', unit])).output).toBe('enabled\n')
  },

  async 'a one-job machine tells that it finished, is reimaged at once and takes its next job in a new life'(open) {
    const pool = await open('one-job', { settings: { tearDownAfterUse: true } })
    const first = await pool.life()
    await pool.agentOnline(first.machine.name)
    // From then on jobs of the pool wait while it has no machine; before, Azure DevOps fails them.
    await pool.diagnostics(/An offline agent is registered/)
    await pool.job(pool.queueJob(), 'finished')
    // Ten seconds: longer than the script takes to tell that its agent is online. The machine is reimaged right after.
    const after = pool.queueJob(50_000)
    const second = await pool.life(2)
    expect(await second.machine.read('/var/lib/scale-set-agents/finished')).toBeUndefined()
    const { agentId } = await pool.job(after, 'finished')
    expect(agentId).toBeDefined()
    const lives = await until('both lives have finished', async () => {
      const told = (await pool.boots(first.machine.name)).slice(0, 2)
      return told.length === 2 && told.every(({ phases }) => phases.some(({ phase }) => phase === 'finished')) ? told : undefined
    })
    expect(lives.map(({ generation }) => generation)).toEqual([1, 2])
    for (const { phases } of lives) expect(phases.map(({ phase, result }) => `${phase} ${result}`).sort()).toEqual(allPhases.toSorted())
  },

  async 'an idle reusable machine is an agent again after a reboot'(open) {
    const pool = await open('rebooted')
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    await machine.reboot('orderly')
    await pool.agentOnline(machine.name)
    await pool.job(pool.queueJob(), 'finished')
  },

  async 'a reusable machine that loses power during a job is an agent again'(open) {
    const pool = await open('power-cut')
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    await pool.job(pool.queueJob(600_000), 'running')
    await machine.reboot('power-cut')
    await until('its agent listens again', async () => (await timesListening(machine)) > 0)
  },

  async 'a reusable machine that reboots in good order during a job ends the job and is an agent again'(open) {
    const pool = await open('job-rebooted')
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    const interrupted = pool.queueJob(600_000)
    await pool.job(interrupted, 'running')
    await machine.reboot('orderly')
    expect((await pool.job(interrupted, 'finished')).result).toBe('canceled')
    await pool.job(pool.queueJob(), 'finished')
  },

  async 'a one-job machine whose agent is stopped during its job ends the job and tells it'(open) {
    const pool = await open('once-stopped', { settings: { tearDownAfterUse: true } })
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    const interrupted = pool.queueJob(600_000)
    await pool.job(interrupted, 'running')
    await machine.run(['systemctl', 'stop', unit])
    expect((await pool.job(interrupted, 'finished')).result).toBe('canceled')
    await pool.told(machine.name, 'finished')
  },

  async 'an agent dies before its job on a one-job machine, and another takes the job'(open) {
    const pool = await open('once-died', { settings: { tearDownAfterUse: true } })
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    await machine.run(['systemctl', 'kill', '--signal', 'KILL', unit])
    // Azure DevOps still knows the session of the dead one for a while.
    await until('another listens', async () => (await timesListening(machine)) === 2, 90_000)
    await pool.job(pool.queueJob(), 'finished')
    await pool.told(machine.name, 'finished')
  },

  async 'an idle one-job machine takes its job after a reboot'(open) {
    const pool = await open('once-idle', { settings: { tearDownAfterUse: true } })
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    await machine.reboot('orderly')
    await pool.job(pool.queueJob(), 'finished')
  },

  async 'a one-job machine that reboots during its job takes no second one'(open) {
    const pool = await open('once-cut', { settings: { tearDownAfterUse: true } })
    const { machine, extension } = await pool.life()
    await extension
    await pool.agentOnline(machine.name)
    await pool.job(pool.queueJob(600_000), 'running')
    await machine.reboot('power-cut')
    await until('it is marked as finished', async () => (await machine.read('/var/lib/scale-set-agents/finished')) !== undefined)
    const ended = async (): Promise<boolean> => /^(inactive|failed)$/.test((await stateOf(machine)).trim())
    // For longer than the pause before a restart.
    await until('systemd does not start it again', async () => {
      for (let look = 0; look < 8; look += 1) {
        if (!(await ended())) return false
        await sleep(1_000)
      }
      return true
    })
    // Azure DevOps gives the job up when its lock is over, ten minutes after the last renewal; only then may the agent go.
    await pool.life(2, 240_000)
    await pool.job(pool.queueJob(), 'finished')
  },
})

async function stateOf(machine: Machine): Promise<string> {
  return (await machine.run(['systemctl', 'show', '--value', '--property', 'ActiveState', unit])).output
}

/** How often an agent on it has begun to listen since its boot. */
async function timesListening(machine: Machine): Promise<number> {
  const { output } = await machine.run(['journalctl', '--boot', '--unit', unit])
  return output.split('Listening for Jobs').length - 1
}
