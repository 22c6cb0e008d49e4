/** What a new scale set is made of, and what is known of its images and sizes. Source: Azure's documentation of the D-series and of image aliases. */
export type NewScaleSet = {
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly name: string
  readonly size: string
  /** An alias of ours, `publisher:offer:sku:version`, or the id of an image. */
  readonly image: string
  /** The system's disk on the host itself: reimaging is faster and the disk costs nothing. Not every size has room for it. */
  readonly ephemeral: boolean
}

export const suggested: NewScaleSet = {
  subscriptionId: '',
  resourceGroup: 'agents',
  name: 'build-agents',
  size: 'Standard_D4ds_v5',
  image: 'Ubuntu2204',
  ephemeral: true,
}

export type Known = { readonly value: string; readonly words: string }

export const sizes: readonly Known[] = [
  { value: 'Standard_D2ds_v5', words: '2 cores, 8 GB; the host has 75 GB for the system’s disk: enough for Linux, not for Windows.' },
  { value: 'Standard_D4ds_v5', words: '4 cores, 16 GB; the host has 150 GB for the system’s disk. A good start.' },
  { value: 'Standard_D8ds_v5', words: '8 cores, 32 GB; the host has 300 GB for the system’s disk. For large builds.' },
]

type KnownImage = Known & { readonly urn: string }

export const images: readonly KnownImage[] = [
  {
    value: 'Ubuntu2204',
    words: 'Ubuntu 22.04, 30 GB. Starts fastest; the tools of your jobs come from the jobs themselves or from an image of yours.',
    urn: 'Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest',
  },
  { value: 'Ubuntu2404', words: 'Ubuntu 24.04, 30 GB.', urn: 'Canonical:ubuntu-24_04-lts:server:latest' },
  {
    value: 'Win2022Datacenter',
    words: 'Windows Server 2022, 127 GB: the only one for interactive tests, and for tear-down after every use on Windows.',
    urn: 'MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest',
  },
]

export type ImageParts = { readonly os: 'linux' | 'windows'; readonly urn: string; readonly reference: Readonly<Record<string, string>> }

/** An id says nothing about its system: it counts as Linux. */
export function imageOf(image: string): ImageParts {
  const urn = images.find(({ value }) => value.toLowerCase() === image.trim().toLowerCase())?.urn ?? image.trim()
  const [publisher = '', offer = '', sku = '', version = 'latest'] = urn.split(':')
  if (urn.startsWith('/') || offer === '') return { os: 'linux', urn, reference: { id: urn } }
  return { os: /^MicrosoftWindows/i.test(publisher) ? 'windows' : 'linux', urn, reference: { publisher, offer, sku, version } }
}
