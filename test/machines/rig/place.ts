/** Where this run lives: what scripts/machines.mjs prepared, and the addresses inside the hub. */
import { X509Certificate } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Place = {
  /** The root file system of the release, never written to. */
  readonly root: string
  readonly release: string
  /** Emptied at the end of the run. */
  readonly folder: string
  /** Control groups of this run, which hold those of its machines. */
  readonly groups: readonly string[]
  /** Only scenarios whose name fits. */
  readonly only?: string
}

declare const machinesRig: Place

export const place: Place = machinesRig

/** Outside machines, and what they reach there. 10.99.0.11 and up are machines. */
export const addresses = { devOps: '10.99.0.1', service: '10.99.0.2', proxy: '10.99.0.3', metadata: '169.254.169.254' } as const
/** The name by which machines know the service. */
export const serviceName = 'service.test'

/** One certificate for all servers, which machines and the service trust as it is. */
export function serverIdentity(folder: string): { readonly key: string; readonly cert: string; readonly certFile: string } {
  const [keyFile, certFile] = [join(folder, 'server.key'), join(folder, 'server.crt')]
  const names = [`DNS:${serviceName}`, ...Object.values(addresses).map((address) => `IP:${address}`)].join(',')
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=Machines rig',
  ]
  execFileSync('openssl', [...request, '-addext', `subjectAltName=${names}`, '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' })
  const cert = readFileSync(certFile, 'utf8')
  if (!new X509Certificate(cert).checkIP(addresses.devOps))
    throw new Error(`The certificate in ${certFile} does not name ${addresses.devOps}.`)
  return { key: readFileSync(keyFile, 'utf8'), cert, certFile }
}
