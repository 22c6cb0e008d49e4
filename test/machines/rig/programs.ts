/** Programs on this computer, run to their end. */
import { spawn } from 'node:child_process'
import type { SpawnOptions } from 'node:child_process'

/** `output`: standard output and error as they came. */
export type Ended = { readonly exitCode: number; readonly output: string; readonly stdout: Buffer; readonly stderr: string }
export type RunOptions = Pick<SpawnOptions, 'env' | 'detached'> & {
  readonly input?: string | Buffer
  /** Told the process id once it runs. */
  readonly started?: (pid: number) => void
}

/** A signal counts as exit code 128; its number is not told. */
export function runProgram(program: string, args: readonly string[], { input, started, ...options }: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    const [all, out, err] = [[], [], []] as [Buffer[], Buffer[], Buffer[]]
    child.stdout.on('data', (part: Buffer) => void [all, out].map((parts) => parts.push(part)))
    child.stderr.on('data', (part: Buffer) => void [all, err].map((parts) => parts.push(part)))
    // A program that ends without reading its input is no fault.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('error', reject)
    child.once('spawn', () => started?.(child.pid ?? 0))
    child.once('close', (code) => {
      const text = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString()
      resolve({ exitCode: code ?? 128, output: text(all), stdout: Buffer.concat(out), stderr: text(err) })
    })
  })
}

/** @throws Error with its output when it fails. */
export async function mustRun(program: string, ...args: string[]): Promise<string> {
  const { exitCode, output } = await runProgram(program, args)
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}: ${output.trim()}`)
  return output
}
