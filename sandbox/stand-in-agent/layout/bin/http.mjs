/** HTTPS with an optional proxy (CONNECT), by Node's own modules. Trust comes from NODE_EXTRA_CA_CERTS. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect as tlsConnect } from 'node:tls'

const timeoutMs = 100_000
let proxy

/** `{url, username, password}`, or undefined for none. */
export function setProxy(chosen) {
  proxy = chosen || undefined
}

/** Resolves with status, text and, when the answer is JSON, its value. Rejects when there is no answer. */
export async function call(address, { method, headers, body, signal }) {
  const url = new URL(address)
  const isSecure = url.protocol === 'https:'
  const tunnel = proxy && (await openTunnel(url, isSecure, signal))
  return new Promise((resolve, reject) => {
    // Without an agent Node takes port 80 for the usual one, also of HTTPS, and says so in the Host header.
    const connection = tunnel ? { createConnection: () => tunnel, defaultPort: isSecure ? 443 : 80 } : { agent: false }
    const options = { method, headers, signal, timeout: timeoutMs, ...connection }
    const sent = (isSecure ? httpsRequest : httpRequest)(url, options, (answer) => {
      const chunks = []
      answer.on('data', (chunk) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const isJson = /^application\/json/.test(answer.headers['content-type'] ?? '')
        resolve({ status: answer.statusCode, text, json: isJson && text !== '' ? JSON.parse(text) : undefined })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error(`${url.host} did not answer within ${timeoutMs / 1000} s.`)))
    sent.on('error', reject)
    sent.end(body)
  })
}

function openTunnel({ hostname, port }, isSecure, signal) {
  const { hostname: proxyHost, port: proxyPort } = new URL(proxy.url)
  const target = `${hostname}:${port || (isSecure ? 443 : 80)}`
  const credentials = Buffer.from(`${proxy.username}:${proxy.password ?? ''}`).toString('base64')
  const headers = { host: target, ...(proxy.username ? { 'proxy-authorization': `Basic ${credentials}` } : {}) }
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: proxyHost, port: proxyPort || 80, method: 'CONNECT', path: target, headers, signal, agent: false })
    asked.on('error', reject)
    asked.on('connect', ({ statusCode }, socket) => {
      if (statusCode !== 200) return reject(new Error(`The proxy ${proxyHost} refused the connection to ${target} with ${statusCode}.`))
      if (!isSecure) return resolve(socket)
      const host = hostname.replace(/^\[|\]$/g, '')
      const secured = tlsConnect({ socket, host, ...(isIP(host) ? {} : { servername: host }) }, () => resolve(secured))
      secured.on('error', reject)
    })
    asked.end()
  })
}
