// Package cluster has the tests that need several real servers, or faults and
// crashes. Package pgtest starts the servers.
package cluster

import (
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
