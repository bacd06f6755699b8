package pgtest

import "encoding/binary"

// Place is one in the protocol: so many bytes into the nth message, both
// counted from 0, that goes in a direction after Await.
type Place struct {
	Direction Direction
	Message   int
	Bytes     int
}

// Lie replaces messages of a server: kind and body of one, to what is sent in
// its place. Nil, and it is left as it is.
type Lie func(kind byte, body []byte) []byte

// Message makes one of a kind and a body, for a Lie.
func Message(kind byte, body []byte) []byte {
	m := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(m, body...)
}

// frames follows the messages in the bytes of a direction.
type frames struct {
	kinds []byte // of the messages that have begun
	left  int    // bytes of the latest still to come, or to its length's
	head  []byte // its first five, until they are there
	at    int    // bytes of the latest that were there
}

// cut tells how many of b's bytes come before a place, and whether it was met.
func (f *frames) cut(b []byte, p Place) (n int, met bool) {
	for i := range b {
		if f.left == 0 && len(f.head) == 0 {
			// here one begins
			f.kinds, f.at = append(f.kinds, b[i]), 0
		}
		if len(f.kinds)-1 == p.Message && f.at == p.Bytes {
			return i, true
		}
		f.step(b[i])
	}
	// behind the last byte of a message is before the next one, if that comes
	return len(b), false
}

func (f *frames) step(c byte) {
	f.at++
	if f.left > 0 {
		f.left--
		return
	}
	if f.head = append(f.head, c); len(f.head) == 5 {
		f.left = int(binary.BigEndian.Uint32(f.head[1:])) - 4
		f.head = f.head[:0]
	}
}

// Await makes the proxy follow the messages of the connections there are, which
// must be idle, and misbehave at a place in them. With hold it stops both
// directions there, until Release.
func (p *Proxy) Await(place Place, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.place, p.fault, p.met = &place, f, make(chan struct{})
	for c := range p.pairs {
		c.frames = &[2]frames{}
	}
}

// Follow counts messages and does nothing to them.
func (p *Proxy) Follow() { p.Await(Place{Message: -1}, Cut) }

// Deceive follows the messages of the connections that there are, and of new
// ones, not: f sees what the server says. Nil ends it.
func (p *Proxy) Deceive(f Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = f
	for c := range p.pairs {
		c.lied = nil
		c.deceived = f != nil
	}
}

// Met is closed when the place is reached.
func (p *Proxy) Met() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.met
}

// Messages are the kinds of those that went since Await, of the connection that
// had most.
func (p *Proxy) Messages(d Direction) (kinds []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		if c.frames != nil && len(c.frames[d].kinds) > len(kinds) {
			kinds = append([]byte(nil), c.frames[d].kinds...)
		}
	}
	return kinds
}

// Release ends Await, and what it holds goes on.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.place, p.held = nil, false
	for c := range p.pairs {
		c.frames = nil
	}
	p.thawed.Broadcast()
}

// atPlace deals with a chunk where messages are followed: how many of its bytes
// may go on at once, and whether the place is met there.
func (p *Proxy) atPlace(c *pair, d Direction, chunk []byte) (n int, met bool) {
	if p.place == nil || c.frames == nil {
		return len(chunk), false
	}
	place := *p.place
	if place.Direction != d {
		place.Message = -1
	}
	return c.frames[d].cut(chunk, place)
}

// deceive passes whole messages through the lie; what is not whole is kept.
func (p *Proxy) deceive(c *pair, chunk []byte) []byte {
	c.lied = append(c.lied, chunk...)
	var out []byte
	for len(c.lied) >= 5 {
		n := int(binary.BigEndian.Uint32(c.lied[1:])) + 1
		if len(c.lied) < n {
			break
		}
		m := c.lied[:n:n]
		if p.lie != nil {
			if with := p.lie(m[0], m[5:]); with != nil {
				m = with
			}
		}
		out, c.lied = append(out, m...), c.lied[n:]
	}
	return out
}
