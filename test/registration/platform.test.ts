import { platformOf } from '../../backend/registration/platform.ts'

test.each([
  ['linux', 'Standard_D4ps_v5', 'linux-arm64'],
  ['linux', 'Standard_D2plds_v5', 'linux-arm64'],
  ['linux', 'standard_b2pts_v2', 'linux-arm64'],
  ['linux', 'Standard_E4-2pds_v6', 'linux-arm64'],
  ['linux', 'Standard_D4s_v5', 'linux-x64'],
  ['linux', 'Standard_NP10s', 'linux-x64'],
  ['linux', 'Standard_DS2_v2_Promo', 'linux-x64'],
  ['linux', 'Standard_HB120rs_v3', 'linux-x64'],
  ['windows', 'Standard_D4s_v5', 'win-x64'],
  ['windows', 'Standard_D4ps_v5', 'win-x64'],
] as const)('%s on %s takes %s', (os, skuName, platform) => {
  expect(platformOf({ os, skuName })).toBe(platform)
})
