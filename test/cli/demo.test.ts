/** The demo as a person starts it: as built before the tests, with the real sandbox, service and trace. */
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(__dirname, '..', '..')
const main = join(root, 'dist', 'main.js')
jest.setTimeout(120_000)

type Ended = { readonly code: number | null; readonly out: string; readonly err: string; readonly sandboxes: readonly number[] }

/** Runs the demo to its end; `onOutput` sees what it printed so far. */
async function demo(args: readonly string[], onOutput: (printed: string, interrupt: () => void) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, [main, 'demo', ...args], { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
  const printed = { out: '', err: '' }
  let sandboxes: readonly number[] = []
  child.stdout.on('data', (text: Buffer) => {
    printed.out += text.toString()
    if (sandboxes.length === 0) sandboxes = childrenOf(child.pid ?? 0)
    onOutput(printed.out, () => child.kill('SIGINT'))
  })
  child.stderr.on('data', (text: Buffer) => (printed.err += text.toString()))
  const code = await new Promise<number | null>((done) => child.once('close', done))
  return { code, ...printed, sandboxes }
}

/** Processes whose parent is `pid`, from /proc. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid)
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(
      /^\d+ \(.*\) \S (\d+)/.exec(execFileSync('cat', [`/proc/${pid}/stat`], { stdio: ['ignore', 'pipe', 'ignore'] }).toString())?.[1],
    )
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => parentOf(pid) !== undefined

it('replays half an hour of a recorded morning without losing a running job', async () => {
  const { code, out, err } = await demo(['--for', '30m', '--speed', '600', '--headless', '--json', '--seed', '7'])
  expect([code, err.replace(/^The passes cannot keep up .*\n/, '')]).toEqual([0, ''])
  const summary = JSON.parse(out) as Record<string, unknown> & { readonly jobs: { readonly queued: number; readonly started: number } }
  expect(summary).toMatchObject({ seed: 7, busyKills: 0, trace: expect.stringContaining('bitcoin-core-ci.linux.csv from day') as unknown })
  expect(summary.jobs.queued).toBeGreaterThan(0)
  expect(summary.jobs.started).toBeGreaterThan(0)
  expect(summary['machineHours']).toBeGreaterThan(0)
})

it('ends at Ctrl-C with a summary and leaves no process behind', async () => {
  let interrupted = false
  const { code, out, sandboxes } = await demo(['--speed', '60', '--seed', '7'], (printed, interrupt) => {
    if (interrupted || !/\d\d:\d\d  pool /.test(printed)) return
    interrupted = true
    interrupt()
  })
  expect(code).toBe(0)
  expect(out).toMatch(/^busy kills    0$/m)
  expect(sandboxes).toHaveLength(1)
  expect(sandboxes.filter(isAlive)).toEqual([])
})

it('refuses a fault that does not exist and takes everything down again', async () => {
  const { code, out, err } = await demo(['--json', '--faults', 'gremlins'])
  expect([code, out]).toEqual([2, ''])
  expect(err).toMatch(/^There is no fault 'gremlins'\. The faults are throttled, /)
})
