// SPDX-License-Identifier: Apache-2.0
// Stock tuf-js downloads one target: node tuf_js_client.cjs ROOT URL TARGET FOLDER. Prints the path of the file.
const fs = require('fs');
const path = require('path');
const { Updater } = require('tuf-js');

async function main() {
  const [root, url, name, folder] = process.argv.slice(2);
  const metadataDir = path.join(folder, 'metadata');
  const targetDir = path.join(folder, 'targets');
  fs.mkdirSync(metadataDir, { recursive: true });
  fs.mkdirSync(targetDir, { recursive: true });
  fs.copyFileSync(root, path.join(metadataDir, 'root.json'));
  const updater = new Updater({ metadataDir, metadataBaseUrl: url + 'metadata', targetDir, targetBaseUrl: url + 'targets', config: { fetchRetries: 0 } });
  await updater.refresh();
  const target = await updater.getTargetInfo(name);
  if (!target) {
    console.error('no such target');
    process.exit(3);
  }
  console.log(await updater.downloadTarget(target));
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
