/** Which right a call of Azure DevOps' REST API needs. */
import { includesRight } from './people.ts'
import type { Person, Right } from './people.ts'
import { forbidden } from './azure-devops/failures.ts'

const pools = /\/_apis\/(distributedtask|pipelines)\//i
/** These tell each caller what it may see, so nobody is refused. */
const filteredByRight = /\/_apis\/distributedtask\/pools(\/:poolId\/permissions\/:permissions)?$/i

/**
 * Takes the route's own pattern, which no spelling of a path can disguise. Throws a 403 where the person lacks the right: reading pools, queues, agents and jobs needs `use`, changing them
 * `manage`. Everything else of the organization is open to its members. Assumed: Azure DevOps hides some of what is
 * refused here behind a 404.
 */
export function checkRight(person: Person, method: string, route: string): void {
  const asked = rightFor(method, route)
  if (!includesRight(person.right, asked)) throw forbidden(`${method} ${route} without the right to ${asked} agent pools`)
}

function rightFor(method: string, route: string): Right {
  if (method === 'OPTIONS' || !pools.test(route)) return 'none'
  if (method !== 'GET') return 'manage'
  return filteredByRight.test(route) ? 'none' : 'use'
}
