// Package lint holds the laws of the house as tests: who may include a server
// header, who may import what, who raises, who waits, who starts goroutines.
//
// It has no code outside its tests. A law is a function from the whole source
// tree to what it finds wrong; each comes with a small tree that breaks it, so
// that a law which no longer bites fails too. ARCHITECTURE.md gives the reasons.
package lint
