/** Takes secrets out of a text that leaves the process. */

/** What a secret looks like inside a text: the shape stays readable, the secret goes. */
const secretShapes: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[token]'],
  [/\b(Basic|Bearer)\s+[\w+/=.~-]{8,}/gi, '$1 [secret]'],
  [/\b(sig|client_secret|client_assertion|access_token|refresh_token|password|AccountKey|SharedAccessKey)=[^&;\s"']+/gi, '$1=[secret]'],
  // The password in the URL of a database or a proxy.
  [/(:\/\/[^/:@\s"']*):[^/@\s"']+@/g, '$1:[secret]@'],
  // Personal access tokens of Azure DevOps: 52 characters of base 32 before 2024, 84 with a fixed mark since.
  [/\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b/g, '[pat]'],
  [/\b[a-z2-7]{52}\b/g, '[pat]'],
]

/** Takes everything that looks like a token, a PAT, a signature or an authorization header out of a text. */
export function scrub(text: string): string {
  return secretShapes.reduce((clean, [shape, mark]) => clean.replace(shape, mark), text)
}
