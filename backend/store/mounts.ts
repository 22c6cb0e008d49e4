/** Which file system a path lies on. SQLite's locks and its write to disk hold on a local or block disk only. */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'

/** Linux's own list of the mounts that this process sees; see proc_pid_mountinfo(5). */
export const mountsOfLinux = '/proc/self/mountinfo'

/** As Linux names them. Azure Files comes as cifs or nfs4, blob storage as fuse.blobfuse2, a drive of Windows in WSL as 9p. */
const network =
  /^(nfs4?|cifs|smb3|smbfs|9p|afs|ceph|lustre|glusterfs|fuse\.(sshfs|blobfuse2?|s3fs|gcsfuse|goofys|rclone|glusterfs|ceph(-fuse)?))$/

/**
 * The type of the network file system that `path` lies on, or would lie on once it is made; `undefined` on any other. Where there is
 * no `mounts` list, as outside of Linux, nothing is known and nothing is found.
 */
export function networkFileSystemOf(path: string, mounts = mountsOfLinux): string | undefined {
  if (!existsSync(mounts)) return undefined
  const place = realpathSync(nearestThere(path))
  let best: Mount | undefined
  for (const mount of readFileSync(mounts, 'utf8').split('\n').map(mountFrom)) {
    // Of two mounts at one place the later one hides the earlier.
    if (mount !== undefined && holds(mount, place) && mount.at.length >= (best?.at.length ?? 0)) best = mount
  }
  return best !== undefined && network.test(best.type) ? best.type : undefined
}

type Mount = { readonly at: string; readonly type: string }

function nearestThere(path: string): string {
  return existsSync(path) ? path : nearestThere(dirname(path))
}

/** The fifth field is the place, the first one after the lone hyphen the type. */
function mountFrom(line: string): Mount | undefined {
  const [before = '', after = ''] = line.split(' - ')
  const at = before.split(' ')[4]
  const [type] = after.split(' ')
  return at === undefined || type === undefined || type === '' ? undefined : { at: unescaped(at), type }
}

/** Spaces and their like are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}

function holds({ at }: Mount, place: string): boolean {
  return at === '/' || place === at || place.startsWith(`${at}/`)
}
