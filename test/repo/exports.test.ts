/**
 * An export that no other file imports is dead: it is either unused, or used in its own file only and needs no `export`.
 * A type counts as used as well if another export of its file has it in its signature.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import ts from 'typescript'
import { filesBelow, read, resolveFrom } from './tree.ts'

const FOLDERS = ['src', 'test', 'bench', 'examples']
const FILES = FOLDERS.flatMap(filesBelow).filter((file) => file.endsWith('.ts'))

interface Export {
  readonly name: string
  readonly node: ts.Node
  readonly isType: boolean
}

/** The exports of one file, and the names that it imports from each other file (`*`: all of them). */
interface Links {
  readonly exported: readonly Export[]
  readonly imported: readonly (readonly [file: string, name: string])[]
}

function linksOf(file: string, text: string): Links {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const exported: Export[] = []
  const imported: (readonly [string, string])[] = []
  const importAs = (specifier: ts.Node | undefined, names: readonly string[]): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return
    for (const name of names) imported.push([resolveFrom(file, specifier.text), name])
  }
  for (const node of source.statements) {
    if (ts.isImportDeclaration(node))
      importAs(node.moduleSpecifier, namesOf(node.importClause?.namedBindings))
    else if (ts.isExportDeclaration(node)) importAs(node.moduleSpecifier, namesOf(node.exportClause))
    else if (isExported(node)) exported.push(...declared(node))
  }
  const findDynamic = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      importAs(node.arguments[0], ['*'])
    ts.forEachChild(node, findDynamic)
  }
  findDynamic(source)
  return { exported, imported }
}

function namesOf(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): string[] {
  if (bindings === undefined) return []
  if (!ts.isNamedImports(bindings) && !ts.isNamedExports(bindings)) return ['*']
  return bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text)
}

function isExported(node: ts.Node): boolean {
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
}

function declared(node: ts.Node): Export[] {
  const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
  if (ts.isVariableStatement(node))
    return node.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [{ name: name.text, node, isType }] : [],
    )
  const { name } = node as ts.Node & { readonly name?: ts.Identifier }
  return name === undefined ? [] : [{ name: name.text, node, isType }]
}

/** Whether the signature of a declaration, without bodies of functions and private fields, names this type. */
function hasInSignature(node: ts.Node, type: string): boolean {
  if (ts.isBlock(node) || (ts.isPropertyDeclaration(node) && ts.isPrivateIdentifier(node.name))) return false
  if (ts.isIdentifier(node) && node.text === type) return true
  return ts.forEachChild(node, (child) => (hasInSignature(child, type) ? true : undefined)) ?? false
}

function deadExports(texts: ReadonlyMap<string, string>): string[] {
  const links = new Map([...texts].map(([file, text]) => [file, linksOf(file, text)]))
  const used = new Set([...links.values()].flatMap(({ imported }) => imported.map((each) => each.join(' '))))
  return [...links].flatMap(([file, { exported }]) =>
    exported
      .filter(({ name }) => !used.has(`${file} ${name}`) && !used.has(`${file} *`))
      .filter(
        ({ name, isType }) =>
          !isType || !exported.some((other) => other.name !== name && hasInSignature(other.node, name)),
      )
      .map(({ name }) => `${file} ${name}`),
  )
}

test('every export of src, test, bench and examples is imported by another file', () => {
  assert.deepEqual(deadExports(new Map(FILES.map((file) => [file, read(file)]))), [])
})

test('a dead export is found, and a type in the signature of another export is not dead', () => {
  const texts = new Map([
    ['a/a.ts', "import { used } from './b.ts'\nexport { shared } from './b.ts'\nvoid import('./c.ts')"],
    ['a/b.ts', 'export const used = 1\nexport const shared = 2\nexport function dead(part: Part) {}'],
    ['a/c.ts', 'export const loaded = 1'],
    ['a/d.ts', "export interface Part {}\nexport type Alone = 1\nimport type * as d from './c.ts'"],
  ])
  assert.deepEqual(deadExports(texts), ['a/b.ts dead', 'a/d.ts Part', 'a/d.ts Alone'])
  const parts = 'export interface Part {}\nexport class Whole { constructor(part: Part) {} }'
  assert.deepEqual(deadExports(new Map([['a.ts', parts]])), ['a.ts Whole'])
})
