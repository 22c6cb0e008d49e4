/** Which agent package a machine needs. */
import type { AgentPlatform } from '../loop/ports-boot.ts'

/** A lower-case `p` among the features of a size is a processor of the Arm architecture, as in Standard_D4ps_v5. */
const armSize = /^[a-z]+_[a-z]+\d+(?:-\d+)?[a-oq-z]*p[a-z]*(?:_|$)/i

/** By the system and the size of the scale set. Azure DevOps offers no Windows agent for Arm; Windows runs the other one there. */
export function platformOf({ os, skuName }: { readonly os: 'linux' | 'windows'; readonly skuName: string }): AgentPlatform {
  if (os === 'windows') return 'win-x64'
  return armSize.test(skuName) ? 'linux-arm64' : 'linux-x64'
}
