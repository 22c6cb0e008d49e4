/** A PostgreSQL for a benchmark, with its usual durability, and what it costs the computer. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageFolder } from './children.ts'

export type BenchPostgres = {
  readonly url: string
  /** Seconds of processor time that its processes have used, those that ended too. */
  cpuSeconds(): number
  stop(): Promise<void>
}

/** Kernel clock ticks in a second, on every Linux that Node runs on. */
const ticks = 100

export async function startPostgres(): Promise<BenchPostgres> {
  const child = spawn(process.execPath, [join(packageFolder, 'test', 'store', 'postgres-server.mjs'), 'durable'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    url: `${url}/postgres`,
    cpuSeconds: () => processes().reduce((sum, each) => sum + (isBelow(each.pid, child.pid ?? 0) ? each.seconds : 0), 0),
    async stop() {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}

type Process = { readonly pid: number; readonly parent: number; readonly seconds: number }

function processes(): readonly Process[] {
  return readdirSync('/proc').flatMap((name) => {
    const found = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    return found === undefined ? [] : [found]
  })
}

/** A process may end while it is looked at. */
function statOf(pid: number): Process | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    // User and system time, of itself and of its children that ended.
    const used = fields.slice(11, 15).reduce((sum, each) => sum + each, 0)
    return { pid, parent: fields[1] ?? 0, seconds: used / ticks }
  } catch {
    return undefined
  }
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let each = statOf(pid); each !== undefined; each = statOf(each.parent)) if (each.parent === ancestor) return true
  return false
}
