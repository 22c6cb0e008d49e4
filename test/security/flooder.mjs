// Asks at the doors that it is given, over and over, as fast as the answers come: argv is JSON. Prints a line at its first answer, and
// at the end what it was answered.
import http from 'node:http'

const { url, doors, localAddress, connections, forMs, requestsMax } = JSON.parse(process.argv[2])
const endsAt = performance.now() + forMs
const statuses = {}
let sent = 0

await Promise.all(doors.flatMap((door) => Array.from({ length: connections }, () => flood(door))))
console.log(JSON.stringify({ sent, statuses }))

async function flood(door) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1, localAddress })
  while (performance.now() < endsAt && sent < requestsMax) {
    sent += 1
    const status = await ask(agent, door).catch((error) => error.code)
    if (Object.keys(statuses).length === 0) console.log('began')
    statuses[status] = (statuses[status] ?? 0) + 1
  }
  agent.destroy()
}

function ask(agent, { path, method = 'GET', headers = {}, body = '' }) {
  return new Promise((resolve, reject) => {
    const length = body === '' ? {} : { 'content-length': Buffer.byteLength(body) }
    const request = http.request(`${url}${path}`, { agent, method, headers: { ...headers, ...length } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    request.on('error', reject).end(body)
  })
}
