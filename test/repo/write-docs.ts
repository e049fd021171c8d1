/**
 * Writes the pages of docs/ that come from the sources: docs/configuration.md.
 *
 *     npm run docs
 */
import { writeFile } from 'node:fs/promises'
import { page } from './configuration-page.ts'

await writeFile(new URL('../../docs/configuration.md', import.meta.url), page())
console.log('written: docs/configuration.md')
