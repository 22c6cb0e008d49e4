/** Whether Azure DevOps lets a caller in: a personal access token, or an Entra token of an application it knows. */
import { azureDevOpsAudience } from './registrations.ts'
import type { Tokens } from './tokens.ts'

/** Judges an Authorization header. A PAT is the password of Basic; the user name does not matter. */
export function checkAzureDevOpsAuthorization(
  authorization: string | undefined,
  pats: readonly string[],
  tokens: Tokens,
): 'ok' | 'missing' | 'invalid' | 'expired' {
  const basic = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (basic !== undefined) {
    const decoded = Buffer.from(basic, 'base64').toString('utf8')
    const colon = decoded.indexOf(':')
    return colon >= 0 && pats.includes(decoded.slice(colon + 1)) ? 'ok' : 'invalid'
  }
  const check = tokens.check(authorization, [azureDevOpsAudience])
  if (check.outcome === 'ok') return check.app.devops ? 'ok' : 'invalid'
  return check.outcome === 'wrong-audience' ? 'invalid' : check.outcome
}
