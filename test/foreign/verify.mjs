// verify.mjs - checks a log written by write_log with npm's @sigstore/verify, @auth0/cose and cborg.
// SPDX-License-Identifier: Apache-2.0
//
// verify.mjs DIR: ends with status 0 if the checkpoint, the receipts and all entries hold.
import { createHash, createPublicKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Sign1 } from '@auth0/cose';
import { decode, encode } from 'cborg';

const require = createRequire(import.meta.url);
const { verifyCheckpoint } = require('@sigstore/verify/dist/timestamp/checkpoint.js');
const { verifyMerkleInclusion } = require('@sigstore/verify/dist/timestamp/merkle.js');

const dir = process.argv[2];
const read = (name) => readFileSync(join(dir, name));
const spki = (raw) => Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
const publicKey = (raw) => createPublicKey({ key: spki(raw), format: 'der', type: 'spki' });
const insist = (claim, what) => {
    if (!claim) throw new Error(what);
};

// The library wants every signature to be of a known log: the cosignatures' lines are left out.
const logOnly = (note, name) =>
    note.split('\n').filter((line) => !line.startsWith('\u2014 ') || line.startsWith(`\u2014 ${name} `)).join('\n');

const [logName, logId, ...logRaw] = read('key.log').toString().split('+');
const tlogs = [{
    logID: Buffer.concat([Buffer.from(logId, 'hex'), Buffer.alloc(28)]),
    publicKey: publicKey(Buffer.from(logRaw.join('+'), 'base64').subarray(1)),
    validFor: { start: new Date(0), end: new Date(8e15) },
}];

function leaves(size) {
    const all = [];
    const group = (n) => String(n).padStart(3, '0');
    for (let n = 0; n * 256 < size; n++) {
        const width = Math.min(256, size - n * 256);
        insist(n < 1000, 'bundle number');
        const data = read(`tile/entries/${group(n)}${width < 256 ? `.p/${width}` : ''}`);
        for (let at = 0; at < data.length; at += 2 + data.readUInt16BE(at)) {
            all.push(data.subarray(at + 2, at + 2 + data.readUInt16BE(at)));
        }
    }
    return all;
}

function checkReceipt(text, all) {
    const split = text.indexOf('\n\n');
    const [title, index, ...hashes] = text.slice(0, split).split('\n');
    const envelope = logOnly(text.slice(split + 2), logName);
    const [origin, size, root] = envelope.split('\n');
    insist(title === 'c2sp.org/tlog-proof@v1' && origin === logName, 'receipt');
    const logIndex = index.replace('index ', '');
    const entry = {
        integratedTime: '1700000000',
        canonicalizedBody: all[Number(logIndex)],
        inclusionProof: {
            checkpoint: { envelope },
            rootHash: Buffer.from(root, 'base64'),
            hashes: hashes.map((hash) => Buffer.from(hash, 'base64')),
            logIndex,
            treeSize: size,
        },
    };
    verifyCheckpoint(entry, tlogs);
    verifyMerkleInclusion(entry);
}

// Strict, and what was read is written again by the other library's own deterministic encoder.
function checkCbor(bytes) {
    const value = decode(bytes, { useMaps: true, strict: true, allowIndefinite: false, allowUndefined: false });
    insist(Buffer.compare(Buffer.from(encode(value)), bytes) === 0, 'not the encoding that cborg makes');
    return value;
}

async function checkEntry(bytes, key, aad) {
    const [protectedHeader, unprotected, payload] = checkCbor(bytes);
    insist(unprotected.size === 0, 'unprotected header');
    const header = checkCbor(Buffer.from(protectedHeader));
    const members = checkCbor(Buffer.from(payload));
    insist(header.get(1) === -8, 'algorithm');
    insist(Buffer.compare(Buffer.from(header.get(4)), Buffer.from(members.get(3))) === 0, 'kid');
    await Sign1.decode(bytes).verify(key, { externalAAD: aad });
}

const checkpoint = read('checkpoint').toString();
const all = leaves(Number(checkpoint.split('\n')[1]));
const author = read('author');
const aad = Buffer.concat([Buffer.from('deconfliction-line/entry/v1\0'), Buffer.from(logName)]);
for (let i = 0; i < all.length; i += 2) {
    await checkEntry(all[i], publicKey(author), aad);
    const outcome = checkCbor(all[i + 1]);
    const guard = createHash('sha256').update('deconfliction-line/outcome/v1\0').update(all[i]).digest().subarray(0, 16);
    insist(outcome.length === 2 && Buffer.compare(Buffer.from(outcome[0]), guard) === 0, 'guard');
}
const receipts = readdirSync(dir).filter((name) => name.startsWith('receipt.'));
insist(receipts.length > 0, 'no receipts');
for (const name of receipts) checkReceipt(read(name).toString(), all);
console.log(`${all.length} leaves, ${receipts.length} receipts`);
