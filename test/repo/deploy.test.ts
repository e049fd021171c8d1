/**
 * The examples in deploy/, checked without a cluster: they are valid YAML, their tools.yaml is a valid configuration, and
 * their grace periods and store agree with it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { parseSettings } from '../../src/config/load.ts'
import type { Settings } from '../../src/config/settings.ts'
import { read } from './tree.ts'

function settingsOf(text: string, file: string): Settings {
  const result = parseSettings({ text, file, env: {}, flags: {} })
  assert.ok(result.ok, file)
  return result.settings
}

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      { readonly image: string; readonly stop_grace_period?: string; readonly networks: readonly string[] }
    >
  >
}

test('the compose example has three sidecars, the store that its tools.yaml names, and a grace period longer than the drain', () => {
  const settings = settingsOf(read('deploy/fleet/tools.yaml'), 'deploy/fleet/tools.yaml')
  const { services } = parse(read('deploy/fleet/compose.yaml'), { merge: true }) as Compose
  const sidecars = Object.values(services).filter(({ image }) => image === 'spillway')
  assert.equal(sidecars.length, 3)
  const store = new URL(settings.fleet?.store ?? '').hostname
  assert.ok(store in services)
  for (const { stop_grace_period: grace, networks } of sidecars) {
    assert.ok(Number.parseInt(grace ?? '0') * 1000 > settings.drainMs)
    assert.ok(networks.includes('store'))
  }
})

test('the Kubernetes example keeps the URL of the store in a Secret, and its grace period is longer than the drain', () => {
  const documents = parseAllDocuments(read('deploy/fleet/kubernetes.yaml'))
  for (const document of documents) assert.deepEqual(document.errors, [])
  const [secret, deployment] = documents.map((document) => document.toJS() as Record<string, unknown>)
  assert.equal(secret?.['kind'], 'Secret')
  const { 'tools.yaml': text } = secret['stringData'] as { 'tools.yaml': string }
  const settings = settingsOf(text, 'the Secret')
  assert.equal(settings.fleet?.onStoreLoss, 'closed')
  const { replicas, template } = deployment?.['spec'] as {
    replicas: number
    template: { spec: { terminationGracePeriodSeconds: number } }
  }
  assert.equal(replicas, 3)
  assert.ok(template.spec.terminationGracePeriodSeconds * 1000 > settings.drainMs)
})
