/** Which addresses the service never talks to, whatever a name resolves to: those that only the computer's own platform answers at. */
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Link-local, with the metadata service; Azure's WireServer; what is no host. The identity's own SDK asks the metadata service itself. */
const refused = new BlockList()
refused.addSubnet('169.254.0.0', 16)
refused.addSubnet('0.0.0.0', 8)
refused.addAddress('168.63.129.16')
refused.addSubnet('fe80::', 10, 'ipv6')
refused.addAddress('::', 'ipv6')
refused.addAddress('fd00:ec2::254', 'ipv6')

/** For an IP address; a name is judged once it is resolved. */
export function isRefused(address: string): boolean {
  const version = isIP(address.replace(/^\[|\]$/g, ''))
  return version !== 0 && refused.check(address.replace(/^\[|\]$/g, ''), version === 6 ? 'ipv6' : 'ipv4')
}

/** Resolves a name for the connection that follows, so that no second answer of DNS comes between. */
export const lookupAllowed: LookupFunction = (hostname, options, done) =>
  lookup(hostname, { ...options, all: true }, (error, found) => {
    const bad = error === null ? found.find(({ address }) => isRefused(address)) : undefined
    const [first] = found ?? []
    if (error !== null || first === undefined) return done(error, '', 0)
    if (bad !== undefined) return done(Object.assign(new Error(`${hostname} is ${bad.address}`), { code: 'ERR_ADDRESS_REFUSED' }), '', 0)
    return options.all === true ? done(null, found) : done(null, first.address, first.family)
  })
