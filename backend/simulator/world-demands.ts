/** Which agents satisfy a request's demands. Forms: `name`, `name -equals value`, `name -gtVersion value`. */
import type { AgentFacts } from './facts.ts'
import type { Pool } from './world-state.ts'

/** Enabled agents of the pool, online or not, that satisfy the demands. */
export function matchingAgents(pool: Pool, demands: readonly string[]): readonly number[] {
  const key = demands.join('\n')
  const cached = pool.matches.get(key)
  if (cached) return cached
  const ids: number[] = []
  for (const { facts } of pool.agents.values()) if (facts.enabled && satisfies(facts, demands)) ids.push(facts.id)
  pool.matches.set(key, ids)
  return ids
}

export function satisfies(agent: AgentFacts, demands: readonly string[]): boolean {
  return demands.every((demand) => satisfiesOne(agent, demand))
}

function satisfiesOne(agent: AgentFacts, demand: string): boolean {
  const [name = '', operator, ...rest] = demand.trim().split(/\s+/)
  const value = capability(agent, name)
  if (value === undefined) return false
  const wanted = rest.join(' ')
  if (operator === undefined) return true
  if (operator.toLowerCase() === '-equals') return value.toLowerCase() === wanted.toLowerCase()
  return operator.toLowerCase() === '-gtversion' && compareVersions(value, wanted) >= 0
}

/** Names are compared without case; what a person declared wins over what the agent reported. */
function capability(agent: AgentFacts, name: string): string | undefined {
  const wanted = name.toLowerCase()
  if (wanted === 'agent.version') return agent.version
  for (const capabilities of [agent.userCapabilities, agent.systemCapabilities]) {
    for (const key of Object.keys(capabilities)) if (key.toLowerCase() === wanted) return capabilities[key]
  }
  return undefined
}

/** A `-gtVersion` demand names the lowest version that will do. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
