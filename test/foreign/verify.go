// verify.go - checks a log written by write_log with golang.org/x/mod/sumdb (note and tlog).
// SPDX-License-Identifier: Apache-2.0
//
// verify DIR: ends with status 0 if every signature, tile, leaf, receipt and the consistency proof hold.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var dir string

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(dir, name))
	check(err, name)
	return data
}

// cosigner is cosignature/v1 as a note.Verifier.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), msg...)
	return ed25519.Verify(c.key, signed, sig[8:])
}

func newCosigner(vkey string) cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	check(err, "cosigner's key")
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	check(err, "cosigner's key id")
	if len(raw) != 33 || raw[0] != 4 {
		check(fmt.Errorf("not of kind 4"), "cosigner's key")
	}
	return cosigner{parts[0], uint32(hash), raw[1:]}
}

// open returns the tree of a checkpoint that both keys must have signed.
func open(text []byte, keys []note.Verifier) tlog.Tree {
	n, err := note.Open(text, note.VerifierList(keys...))
	check(err, "checkpoint")
	if len(n.Sigs) != len(keys) {
		check(fmt.Errorf("%d good signatures", len(n.Sigs)), "checkpoint")
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != keys[0].Name() {
		check(fmt.Errorf("origin or number of lines"), "checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "size")
	root, err := tlog.ParseHash(lines[2])
	check(err, "root")
	return tlog.Tree{N: size, Hash: root}
}

// files reads tiles from the folder; the module's paths have the height in them, ours do not.
type files struct{}

func (files) Height() int                     { return 8 }
func (files) SaveTiles([]tlog.Tile, [][]byte) {}
func (files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(dir, strings.Replace(t.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// leaves returns the leaves in the bundles of a tree of this size.
func leaves(size int64) [][]byte {
	var all [][]byte
	for first := int64(0); first < size; first += 256 {
		width := size - first
		if width > 256 {
			width = 256
		}
		t := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}
		data := read(strings.Replace(t.Path(), "tile/8/0/", "tile/entries/", 1))
		for len(data) > 0 {
			n := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+n])
			data = data[2+n:]
		}
	}
	return all
}

// rebuilt returns the root that the leaves make, without any tile: the tile reader checks only some tiles against the root.
func rebuilt(all [][]byte) tlog.Hash {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for i, leaf := range all {
		hashes, err := tlog.StoredHashes(int64(i), leaf, reader)
		check(err, "hashes of leaves")
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(int64(len(all)), reader)
	check(err, "root of leaves")
	return root
}

// proof splits a tlog-proof text into its index, hashes and checkpoint.
func proof(text string) (index int64, hashes []tlog.Hash, checkpoint string) {
	head, checkpoint, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	if !ok || lines[0] != "c2sp.org/tlog-proof@v1" {
		check(fmt.Errorf("form"), "proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	check(err, "index")
	for _, line := range lines[2:] {
		h, err := tlog.ParseHash(line)
		check(err, "hash")
		hashes = append(hashes, h)
	}
	return index, hashes, checkpoint
}

func main() {
	dir = os.Args[1]
	logKey, err := note.NewVerifier(string(read("key.log")))
	check(err, "key.log")
	keys := []note.Verifier{logKey, newCosigner(string(read("key.cosigner")))}
	tree := open(read("checkpoint"), keys)
	reader := tlog.TileHashReader(tree, files{})
	root, err := tlog.TreeHash(tree.N, reader)
	check(err, "tiles")
	if root != tree.Hash {
		check(fmt.Errorf("another root"), "tiles")
	}

	all := leaves(tree.N)
	if int64(len(all)) != tree.N {
		check(fmt.Errorf("%d leaves", len(all)), "bundles")
	}
	for i, leaf := range all {
		hash, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(i))})
		check(err, "leaf hash")
		if hash[0] != tlog.RecordHash(leaf) {
			check(fmt.Errorf("another hash"), fmt.Sprintf("leaf %d", i))
		}
	}

	if rebuilt(all) != tree.Hash {
		check(fmt.Errorf("another root"), "leaves")
	}

	old := open(read("checkpoint.old"), keys)
	_, hashes, _ := proof(string(read("consistency")))
	check(tlog.CheckTree(hashes, tree.N, tree.Hash, old.N, old.Hash), "consistency")
	receipts, err := filepath.Glob(filepath.Join(dir, "receipt.*"))
	check(err, "receipts")
	for _, path := range receipts {
		text, err := os.ReadFile(path)
		check(err, path)
		index, hashes, checkpoint := proof(string(text))
		signed := open([]byte(checkpoint), keys)
		check(tlog.CheckRecord(hashes, signed.N, signed.Hash, index, tlog.RecordHash(all[index])), path)
		if tlog.RecordHash(all[index+1]) != hashes[0] {
			check(fmt.Errorf("outcome is not the sibling"), path)
		}
	}
	fmt.Printf("%d leaves, %d receipts\n", len(all), len(receipts))
}
