/** The sandbox signs and the service verifies; neither has code of the other. */
import { attestationRoots } from '../../backend/registration/roots.ts'
import { verifyDocument } from '../../backend/registration/attestation.ts'
import { createMetadataAuthority } from '../../sandbox/metadata/authority.ts'
import { attestedContent } from '../../sandbox/metadata/instance.ts'
import { first, machines, minute, pass, scene, setId } from '../simulator/support.ts'

const { world } = scene({ capacity: 1, machinesRunAgents: false })
pass(world, 10 * minute)
const machine = first(machines(world))
const nonce = '0123456789abcdef0123456789abcdef'

test.each([{}, { signsAttributes: false }, { embedsIntermediate: true }])('a document signed with %j is accepted', async (options) => {
  const authority = await createMetadataAuthority(options)
  const content = attestedContent(world.truth.scaleSet(setId)!, machine, nonce, Date.now(), 3_600_000)
  const document = authority.sign(Buffer.from(JSON.stringify({ ...content, subscriptionId: '22222222-2222-4222-8222-222222222222' })))
  const certificates = options.embedsIntermediate ? [] : [authority.intermediate.toString('base64')]
  const trust = { roots: attestationRoots(authority.rootPem), signerNames: ['metadata.azure.com'], nowMs: Date.now() }
  const proof = { document: document.toString('base64'), certificates }
  expect(verifyDocument(proof, trust)).toMatchObject({ ok: true, document: { nonce, vmId: machine.vmId } })
  const stranger = await createMetadataAuthority()
  expect(verifyDocument(proof, { ...trust, roots: attestationRoots(stranger.rootPem) })).toMatchObject({ ok: false })
})
