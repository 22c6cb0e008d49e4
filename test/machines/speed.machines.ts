/** The script's own speed. It runs alone, after all others: what they do on this computer is not the script's time. */
import type { ExtensionEnd, ExtensionRun } from './rig/fleet.ts'
import type { Machine } from './rig/machine.ts'
import type { TestPool } from './rig/pool.ts'
import { scenarios, type Open } from './rig/scenarios.ts'
import { until } from './rig/until.ts'

const spans = '/run/spans'
/** The script's own time on a booted machine. */
const ownMsMax = 2_000
const measurementsMax = 3

scenarios({
  async 'the script itself takes two seconds at most'(open) {
    // Other work of this computer only ever makes it slower, so the quickest counts.
    const measured: number[] = []
    while (measured.length < measurementsMax && Math.min(...measured) > ownMsMax)
      measured.push(await ownTimeMs(open, `speed-${measured.length}`))
    expect(Math.min(...measured)).toBeLessThanOrEqual(ownMsMax)
  },
})

/** What the phases took, less the unpacking, config.sh and the agent's own way from its start to listening. */
async function ownTimeMs(open: Open, name: string): Promise<number> {
  // As on real machines, which boot for longer, the service knows the machine before the script asks it.
  const extension = async (one: Machine, run: ExtensionRun): Promise<ExtensionEnd> => {
    await until(`the service knows ${one.name}`, () => pool.machine(one.name))
    return run(one)
  }
  const pool: TestPool = await open(name, { image: { files: { ...timed('tar'), ...timed('runuser') }, extension } })
  const { machine, extension: ended } = await pool.life()
  expect(await ended).toEqual({ ok: true })
  const [told] = await pool.boots(machine.name)
  const phases = (told?.phases ?? []).map(({ phase, durationMs }) => ({ what: phase, ms: durationMs }))
  const others = [...spansIn((await machine.read(spans)) ?? ''), { what: 'listening', ms: await listeningMs(machine) }]
  expect(others.map(({ what }) => what)).toEqual(['tar', 'runuser', 'listening'])
  const ownMs = sum(phases) - sum(others)
  const list = (parts: readonly Span[]): string => parts.map(({ what, ms }) => `${what} ${ms}`).join(', ')
  process.stderr.write(`  the script's own time: ${ownMs} ms (${list(phases)}; less ${list(others)})\n`)
  return ownMs
}

/** From the start of the agent's process to the line that says so in its unit's journal. */
async function listeningMs(machine: Machine): Promise<number> {
  const command = ['journalctl', '--boot', '--output', 'short-monotonic', '--no-pager', '--unit', 'scale-set-agent.service']
  const lines = (await machine.run(command)).output.split('\n')
  const at = (words: string): number => Number(/\[ *([0-9.]+)\]/.exec(lines.find((line) => line.includes(words)) ?? '')?.[1]) * 1_000
  return Math.round(at('Listening for Jobs') - at('Started scale-set-agent.service'))
}

type Span = { readonly what: string; readonly ms: number }

/** A program of the image that notes when it began and ended, in seconds since the boot. */
function timed(program: string): Record<string, string> {
  const lines = [
    ...['#!/bin/sh', 'read from rest </proc/uptime', `$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v ${program}) "$@"`, 'code=$?'],
    ...['read to rest </proc/uptime', `echo "${program} $from $to" >>${spans}`, 'exit $code', ''],
  ]
  return { [`/usr/local/sbin/${program}!`]: lines.join('\n') }
}

function spansIn(text: string): readonly Span[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([what = '', from, to]) => ({ what, ms: Math.round((Number(to) - Number(from)) * 1_000) }))
}

function sum(spans: readonly Span[]): number {
  return spans.reduce((total, { ms }) => total + ms, 0)
}
