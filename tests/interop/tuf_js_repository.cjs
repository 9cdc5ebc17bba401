// SPDX-License-Identifier: Apache-2.0
// Writes a repository with tuf-js's own models: node tuf_js_repository.cjs FOLDER. One target, "nic/rom.bin", in a delegated role.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const models = {
  ...require('@tufjs/models'),
  ...require('@tufjs/models/dist/delegations'), // these are not among the package's own exports
  ...require('@tufjs/models/dist/role'),
};

const folder = process.argv[2];
const expires = new Date(Date.now() + 30 * 86400e3).toISOString().replace(/\.\d+Z$/, 'Z');
const pair = crypto.generateKeyPairSync('ed25519');
const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const keyID = crypto.createHash('sha256').update(raw).digest('hex');
const key = new models.Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: raw } });
const role = () => new models.Role({ keyIDs: [keyID], threshold: 1 });

function write(name, signed) {
  const metadata = new models.Metadata(signed);
  metadata.sign((data) => new models.Signature({ keyID, sig: crypto.sign(null, data, pair.privateKey).toString('hex') }));
  fs.mkdirSync(path.join(folder, 'metadata'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'metadata', name), JSON.stringify(metadata.toJSON()));
}

const data = Buffer.alloc(20000, 'nic');
const sha256 = crypto.createHash('sha256').update(data).digest('hex');
const common = { version: 1, specVersion: '1.0.31', expires };
write('1.root.json', new models.Root({ ...common, keys: { [keyID]: key }, consistentSnapshot: true, roles: { root: role(), timestamp: role(), snapshot: role(), targets: role() } }));
const delegated = new models.DelegatedRole({ name: 'nic', keyIDs: [keyID], threshold: 1, terminating: true, paths: ['nic/*'] });
write('1.targets.json', new models.Targets({ ...common, delegations: new models.Delegations({ keys: { [keyID]: key }, roles: { nic: delegated } }) }));
const target = new models.TargetFile({ path: 'nic/rom.bin', length: data.length, hashes: { sha256 } });
write('1.nic.json', new models.Targets({ ...common, targets: { 'nic/rom.bin': target } }));
write('1.snapshot.json', new models.Snapshot({ ...common, meta: { 'targets.json': new models.MetaFile({ version: 1 }), 'nic.json': new models.MetaFile({ version: 1 }) } }));
write('timestamp.json', new models.Timestamp({ ...common, snapshotMeta: new models.MetaFile({ version: 1 }) }));
fs.mkdirSync(path.join(folder, 'targets', 'nic'), { recursive: true });
fs.writeFileSync(path.join(folder, 'targets', 'nic', `${sha256}.rom.bin`), data);
