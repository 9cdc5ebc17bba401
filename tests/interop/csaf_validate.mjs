// SPDX-License-Identifier: Apache-2.0
/* Runs the public CSAF validator on documents: its schema, all mandatory and all optional tests.
 * usage: node csaf_validate.mjs NODE_MODULES FILE...   prints a line of JSON for each */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, ...files] = process.argv.slice(2)
const load = (name) => import(pathToFileURL(path.join(modules, '@secvisogram/csaf-validator-lib', name)))
const { default: validate } = await load('validate.js')
const tests = []
for (const name of ['schemaTests.js', 'mandatoryTests.js', 'optionalTests.js']) tests.push(...Object.values(await load(name)))
for (const file of files) {
  const result = await validate(tests, JSON.parse(fs.readFileSync(file)))
  const failures = result.tests.flatMap((t) =>
    [...t.errors.map((e) => ({ kind: 'error', ...e })), ...t.warnings.map((w) => ({ kind: 'warning', ...w }))].map((e) => ({ test: t.name, ...e })))
  console.log(JSON.stringify({ valid: result.isValid, count: result.tests.length, failures }))
}
