/** The id of the extension, as its own token names it. Nothing is trusted by this: it only fills in a command. */
export function audienceOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))
    const audience = typeof claims === 'object' && claims !== null && 'aud' in claims ? claims.aud : undefined
    return typeof audience === 'string' && /^[\da-f-]{36}$/i.test(audience) ? audience : undefined
  } catch {
    // The host gave something else than a token: the person fills in the id.
    return undefined
  }
}
