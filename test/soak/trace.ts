/** What a run leaves behind: the order of actions, a hash of everything, and, when asked for, the story in words. */
import { explain } from '../../backend/core/explain.ts'
import type { Latest } from '../../backend/loop/follow.ts'
import type { Entry, Violation } from './history.ts'

/** In a steady pool these must not happen once it has warmed up: boot, learn, delay. */
const restless: ReadonlySet<string> = new Set(['grow', 'drain', 'reimage', 'delete'])
const warmMs = 60 * 60_000
const storyMax = 4_000

export function createTrace(verbose: boolean) {
  const actions: string[] = []
  const restlessActions: string[] = []
  const violations: Violation[] = []
  const lines: string[] = []
  let hash = 0x811c9dc5
  const fold = (text: string): void => {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  }
  const say = (at: number, line: () => string): void => {
    if (!verbose) return
    lines.push(`${clockOf(at)}  ${line()}`)
    if (lines.length > storyMax) lines.shift()
  }
  let lastReasons = ''
  return {
    enter(entry: Entry): void {
      switch (entry.kind) {
        case 'world':
          fold(entry.event.kind)
          hash = Math.imul(hash ^ entry.event.at, 0x01000193) >>> 0
          return say(entry.event.at, () => `world: ${textOf(entry.event)}`)
        case 'committed':
          for (const intent of entry.intents) {
            const named = [
              ...intent.machines.map(({ id, generation }) => `${id}/${generation}`),
              ...(intent.agentId === undefined ? [] : [`agent ${intent.agentId}`]),
            ].join(' ')
            const action = `${intent.kind} ${named}`.trim()
            if (intent.kind !== 'refresh-claim') actions.push(action)
            if (restless.has(intent.kind) && entry.at > warmMs) restlessActions.push(`${action}: ${intent.sentence}`)
            fold(action)
            say(entry.at, () => `${entry.process} decides: ${action}: ${intent.sentence}`)
          }
          return
        case 'answered':
          if (entry.call.change || !entry.answer.ok)
            say(entry.at, () => `${entry.call.process} ${entry.call.name} ${textOf(entry.call.target)} → ${answerOf(entry.answer)}`)
          return
        case 'lease':
          return say(entry.at, () => `${entry.process} holds the lease, epoch ${entry.epoch}`)
        case 'order':
        case 'planted':
        case 'replace-confirmed':
          return say(entry.at, () => textOf(entry))
        default:
      }
    },
    pass({ decision, at: now }: Latest, at: number): void {
      if (!verbose) return
      const text = decision.reasons.map((reason) => reason.code).join(' ')
      if (text === lastReasons) return
      lastReasons = text
      say(at, () => `pass: ${decision.reasons.map((reason) => explain(reason, now)).join(' ')}`)
    },
    trouble: (message: string, at: number) => say(at, () => `log: ${message}`),
    note: (message: string, at: number) => say(at, () => message),
    violation: (invariant: string, at: number, detail: string) => void violations.push({ invariant, at, detail }),
    violations: (): readonly Violation[] => violations,
    actions: (): readonly string[] => actions,
    steadyActions: (): readonly string[] => restlessActions.slice(0, 3),
    hash: () => hash,
    story: (): readonly string[] => lines,
  }
}

function clockOf(at: number): string {
  const seconds = Math.floor(at / 1_000)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(Math.floor(at) % 1_000).padStart(3, '0')}`
}

function textOf(value: object): string {
  return Object.entries(value)
    .filter(([name]) => !['at', 'scaleSetId', 'poolId'].includes(name))
    .map(([name, each]) => (name === 'kind' ? String(each) : `${name}=${typeof each === 'object' ? JSON.stringify(each) : String(each)}`))
    .join(' ')
}

function answerOf(answer: Extract<Entry, { kind: 'answered' }>['answer']): string {
  if (answer.ok) return 'ok'
  return 'lost' in answer ? 'no answer' : `${answer.status} ${answer.code}`
}
