/** A file of SQLite lies on a local or block disk, or the service does not start. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../backend/store/database.ts'
import { networkFileSystemOf } from '../../backend/store/mounts.ts'

const folder = mkdtempSync(join(tmpdir(), 'mounts-'))
const mounts = join(folder, 'mountinfo')
afterAll(() => rmSync(folder, { recursive: true }))

const line = (at: string, type: string) => `36 25 0:32 / ${at.replaceAll(' ', '\\040')} rw,relatime shared:1 - ${type} source rw\n`
const mounted = (...entries: readonly (readonly [at: string, type: string])[]) =>
  writeFileSync(mounts, [['/', 'ext4'] as const, ...entries].map(([at, type]) => line(at, type)).join(''))

test.each(['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'ceph', 'fuse.sshfs', 'fuse.blobfuse2'])('%s is of the network', (type) => {
  mounted([folder, type])
  expect(networkFileSystemOf(join(folder, 'service.db'), mounts)).toBe(type)
})

test.each(['ext4', 'xfs', 'btrfs', 'zfs', 'overlay', 'tmpfs', 'virtiofs', 'fuse.fuse-overlayfs'])('%s is local', (type) => {
  mounted([folder, type])
  expect(networkFileSystemOf(join(folder, 'service.db'), mounts)).toBeUndefined()
})

test('the nearest mount counts, of two at one place the later one, and a name that only begins alike not at all', () => {
  const inner = join(folder, 'inner')
  mounted([folder, 'nfs4'], [inner, 'ext4'])
  mkdirSync(inner, { recursive: true })
  expect(networkFileSystemOf(join(inner, 'service.db'), mounts)).toBeUndefined()
  expect(networkFileSystemOf(join(folder, 'service.db'), mounts)).toBe('nfs4')
  mounted([folder, 'ext4'], [folder, 'cifs'])
  expect(networkFileSystemOf(join(folder, 'service.db'), mounts)).toBe('cifs')
  mounted([folder.slice(0, -1), 'cifs'])
  expect(networkFileSystemOf(join(folder, 'service.db'), mounts)).toBeUndefined()
})

test('a link leads to where the file lies, a name may have spaces, and a folder that is not there yet lies where it will be', () => {
  const [far, link] = [join(folder, 'far away'), join(folder, 'link')]
  mkdirSync(far)
  symlinkSync(far, link)
  mounted([far, 'nfs4'])
  expect(networkFileSystemOf(join(link, 'a', 'b', 'service.db'), mounts)).toBe('nfs4')
})

test('without a list of mounts nothing is found', () => {
  expect(networkFileSystemOf(folder, join(folder, 'no-such-file'))).toBeUndefined()
})

test('the database is refused there with the next step, and nothing is made', async () => {
  const share = join(folder, 'share')
  mounted([folder, 'cifs'])
  const file = join(share, 'service.db')
  await expect(openDatabase({ kind: 'sqlite', file, mounts })).rejects.toThrow(
    `The database ${file} would lie on a network file system (cifs), where SQLite loses data: name a directory on a local or block disk with --data, or set SCALE_SET_AGENTS_DATABASE_URL to a PostgreSQL.`,
  )
  expect(existsSync(share)).toBe(false)
  mounted([folder, 'ext4'])
  const database = await openDatabase({ kind: 'sqlite', file, mounts })
  await database.close()
})
