/** An incident of proofs: one region's certificates lead to a root that nobody had bundled. */
import type { AzureMachine } from '../../backend/loop/ports.ts'
import { attestationRoots } from '../../backend/registration/roots.ts'
import { signerNames, verifyDocument } from '../../backend/registration/attestation.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { azureMachine, genericError, key, memory, nonceFor, registrarOf, scene, subscriptionId } from '../registration/support.ts'
import { poolId } from '../store/support.ts'
import { base64Of, certify, contentOf, intermediate, nowMs, pemOf, root, signedMessage } from '../support/attestation.ts'

const newRoot = certify({ name: 'Microsoft TLS RSA Root G2', ca: true })
const newIntermediate = certify({ name: 'Microsoft TLS G2 RSA CA OCSP 16', issuer: newRoot, ca: true, pathLength: 0 })
const regions = {
  eastus: { intermediate, signer: certify({ name: 'metadata.azure.com', issuer: intermediate, dnsNames: ['metadata.azure.com'] }) },
  uksouth: {
    intermediate: newIntermediate,
    signer: certify({ name: 'metadata.azure.com', issuer: newIntermediate, dnsNames: ['metadata.azure.com'] }),
  },
}

test("taskcluster #8569: a region's certificates lead to a new root; it is named, other regions go on, and one file trusts it", async () => {
  const database = await openDatabase({ kind: 'sqlite-memory' })
  const [eastern, southern] = ['3', '4'].map((id) => azureMachine(id, { vmId: `df7ec0d4-7840-410a-b948-6caa6970003${id}` })) as [
    AzureMachine,
    AzureMachine,
  ]
  const state = { ...scene(), listed: [eastern, southern], remembered: [memory('3'), memory('4')] }
  let file = pemOf(root)
  const { registrar } = registrarOf(database, state, {
    verify: (proof) => verifyDocument(proof, { roots: attestationRoots(file), signerNames: signerNames.public, nowMs }),
  })
  const claim = async ({ name, vmId }: { readonly name: string; readonly vmId: string }, region: keyof typeof regions) => {
    const nonce = await nonceFor(registrar, name)
    const { intermediate: sent, signer } = regions[region]
    const document = signedMessage(contentOf({ nonce, vmId, subscriptionId }), { signer }).toString('base64')
    return registrar.claim({ poolId, machine: name, nonce, key, document, certificates: [base64Of(sent)] }, '10.0.0.3')
  }

  expect(await claim(southern, 'uksouth')).toEqual({ status: 403, error: genericError })
  expect(state.told.map(({ message }) => message)).toEqual([expect.stringContaining('"CN=Microsoft TLS RSA Root G2"')])
  expect(state.told[0]?.message).toContain('SCALE_SET_AGENTS_ATTESTATION_ROOTS')
  expect(await claim(eastern, 'eastus')).toMatchObject({ status: 200 })

  file += pemOf(newRoot)
  expect(await claim(southern, 'uksouth')).toMatchObject({ status: 200 })
  await database.close()
})
