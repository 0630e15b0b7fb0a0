package main

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
)

// frame puts a message on the wire: prefix, compression, and what may be wrong with either.
func (w *writer) frame(c *Case, message []byte) {
	flag := byte(0)
	switch w.IntN(10) {
	case 0:
		c.GrpcEncoding = "identity"
	case 1, 2, 3, 4:
		c.GrpcEncoding, flag = "gzip", 1
		message = w.gzip(message)
	case 5:
		c.GrpcEncoding = "gzip"
	}
	if w.odd("grpc-encoding") {
		c.GrpcEncoding = []string{"", "identity", "gzip", "GZIP", "zstd", "deflate", "gzip,identity"}[w.IntN(7)]
	}
	if w.odd("flag") {
		flag = []byte{0, 1, 2, 0x80, 0xff}[w.IntN(5)]
	}
	length := uint32(len(message))
	if w.odd("length") {
		length = []uint32{0, length + 1, length - min(1, length), 4 << 20, 4<<20 + 1, 1 << 31, w.Uint32N(2 * (length + 1))}[w.IntN(7)]
	}
	body := binary.BigEndian.AppendUint32([]byte{flag}, length)
	body = append(body, message...)
	switch {
	case w.odd("second message"):
		body = append(body, body...)
	case w.odd("junk after the message"):
		body = append(body, w.junk(20)...)
	case w.odd("cut"):
		body = body[:w.IntN(len(body)+1)]
	}
	if w.odd("bits flipped") && len(body) > 0 {
		for range 1 + w.IntN(3) {
			body[w.IntN(len(body))] ^= 1 << w.IntN(8)
		}
	}
	c.Body = body
	for left := len(body); left > 0 && w.IntN(4) != 0 && len(c.Chunks) < 20; {
		size := 1 + w.IntN(min(left, 40))
		c.Chunks = append(c.Chunks, size)
		left -= size
	}
}

// gzip compresses in any way that a reader may be asked to read, and in some that it may not.
func (w *writer) gzip(message []byte) []byte {
	members := 1
	if w.odd("gzip members") {
		members = 2 + w.IntN(4)
		if w.IntN(10) == 0 {
			members = 60 + w.IntN(10)
		}
	}
	var out []byte
	for i := range members {
		part := message
		if i < members-1 {
			part = message[:w.IntN(len(message)+1)]
		}
		message = message[len(part):]
		out = append(out, w.member(part)...)
	}
	switch {
	case w.odd("junk after gzip"):
		out = append(out, make([]byte, 1+w.IntN(9))...)
	case w.odd("gzip cut"):
		out = out[:w.IntN(len(out)+1)]
	}
	return out
}

func (w *writer) member(content []byte) []byte {
	level := []int{gzip.NoCompression, gzip.BestSpeed, gzip.DefaultCompression, gzip.HuffmanOnly}[w.IntN(4)]
	if !w.odd("gzip header") {
		var out bytes.Buffer
		packer, _ := gzip.NewWriterLevel(&out, level)
		_, _ = packer.Write(content)
		_ = packer.Close()
		return out.Bytes()
	}
	// By hand, because no writer writes all of what readers read (RFC 1952 §2.3).
	flags := byte(w.Uint32()) & 0x1f
	if w.IntN(4) == 0 {
		flags |= byte(w.Uint32())
	}
	header := []byte{0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255}
	if w.IntN(10) == 0 {
		header[w.IntN(3)] ^= 1
	}
	if flags&4 != 0 {
		extra := w.junk([]int{60, 60, 60, 9000}[w.IntN(4)])
		header = append(binary.LittleEndian.AppendUint16(header, uint16(len(extra))), extra...)
	}
	for _, flag := range []byte{8, 16} {
		if flags&flag != 0 {
			name := bytes.Repeat([]byte("n"), []int{0, 1, 30, 510, 511, 512, 513}[w.IntN(7)])
			header = append(append(header, name...), 0)
		}
	}
	if flags&2 != 0 {
		sum := uint16(crc32.ChecksumIEEE(header))
		if w.IntN(3) == 0 {
			sum++
		}
		header = binary.LittleEndian.AppendUint16(header, sum)
	}
	sum, length := crc32.ChecksumIEEE(content), uint32(len(content))
	if w.IntN(12) == 0 {
		sum++
	}
	if w.IntN(12) == 0 {
		length++
	}
	var deflated bytes.Buffer
	packer, _ := flate.NewWriter(&deflated, level)
	for len(content) > 0 && w.IntN(2) == 0 {
		part := 1 + w.IntN(len(content))
		_, _ = packer.Write(content[:part])
		_ = packer.Flush()
		content = content[part:]
	}
	_, _ = packer.Write(content)
	_ = packer.Close()
	header = append(header, deflated.Bytes()...)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(header, sum), length)
}
