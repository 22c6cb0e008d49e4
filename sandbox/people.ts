/** The people of the sandbox's organization and what each may do with its agent pools. */

/** Over every pool: `manage` includes `use`; `none` sees no pool at all. */
export type Right = 'manage' | 'use' | 'none'

export type Person = {
  /** The id that `connectionData` and the app token name. */
  readonly id: string
  /** What the person signs in with. */
  readonly name: string
  readonly displayName: string
  readonly right: Right
}

/** Two administrators, so that two people can edit at the same time; the first is who opens the host page. */
export const people: readonly Person[] = [
  { id: '7d0f4a52-61c3-4b8e-9a17-c25e80d3f901', name: 'ada@sandbox.example', displayName: 'Ada Brandt', right: 'manage' },
  { id: '7d0f4a52-61c3-4b8e-9a17-c25e80d3f902', name: 'emil@sandbox.example', displayName: 'Emil Novak', right: 'manage' },
  { id: '7d0f4a52-61c3-4b8e-9a17-c25e80d3f903', name: 'ben@sandbox.example', displayName: 'Ben Okoro', right: 'use' },
  { id: '7d0f4a52-61c3-4b8e-9a17-c25e80d3f904', name: 'olga@sandbox.example', displayName: 'Olga Lind', right: 'none' },
]

/** How Azure DevOps refers to a person of its organization's directory. */
export function descriptorOf(person: Person): string {
  return `aad.${Buffer.from(person.id).toString('base64url')}`
}

/** Whether what the person holds includes what is asked for. */
export function includesRight(held: Right, asked: Right): boolean {
  return asked === 'none' || held === 'manage' || held === asked
}
