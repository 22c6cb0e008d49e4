/** Loaded before a replica: SIGUSR2 takes away its way to the port in FIREWALL_PORT, open connections too, and the next one gives it back. */
import { Socket } from 'node:net'

const port = process.env.FIREWALL_PORT
const connect = Socket.prototype.connect
const open = new Set()
let isClosed = false

Socket.prototype.connect = function (...args) {
  const [to] = args.flat()
  if (String(to?.port) !== port) return connect.apply(this, args)
  if (isClosed) return this.destroy(Object.assign(new Error('No way there.'), { code: 'EHOSTUNREACH' }))
  open.add(this.once('close', () => open.delete(this)))
  return connect.apply(this, args)
}

process.on('SIGUSR2', () => {
  isClosed = !isClosed
  if (isClosed) for (const socket of open) socket.destroy()
})
