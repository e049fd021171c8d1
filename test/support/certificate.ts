/**
 * Makes a self-signed certificate for a server of a test with openssl. The certificate is for localhost and valid for two
 * days.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Returns the paths of the PEM files that it wrote into the folder. */
export function makeCertificate(folder: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', key, '-out', cert]
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ]
  const { status, stderr } = spawnSync('openssl', [...request, ...subject, ...files], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl is needed (apt-get install -y openssl): ${stderr}`)
  return { cert, key }
}
