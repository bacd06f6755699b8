package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// tick is the unit of CPU times in /proc: Linux says USER_HZ, 100, to every
// program whatever its own clock is.
const tick = 10 * time.Millisecond

// usage is CPU time.
type usage struct{ user, sys time.Duration }

func (u usage) minus(v usage) usage { return usage{u.user - v.user, u.sys - v.sys} }
func (u usage) plus(v usage) usage  { return usage{u.user + v.user, u.sys + v.sys} }
func (u usage) over(n int) usage {
	n = max(n, 1)
	return usage{u.user / time.Duration(n), u.sys / time.Duration(n)}
}

// cost is what the processes of both servers used.
type cost struct{ local, remote usage }

// postmaster asks a server for the process id of its first process.
func postmaster(ctx context.Context, conn *pgx.Conn) (int, error) {
	var file string
	if err := conn.QueryRow(ctx, `SELECT pg_read_file('postmaster.pid')`).Scan(&file); err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(file, "\n")
	return strconv.Atoi(first)
}

// costNow is what the servers' processes have used so far.
func (b *bench) costNow() (cost, error) {
	local, err := serverUsage(b.localPostmaster)
	if err != nil {
		return cost{}, err
	}
	remote, err := serverUsage(b.remotePostmaster)
	return cost{local, remote}, err
}

// serverUsage is the CPU time of a postmaster's children, those that have ended
// included: parallel workers come and go within a query.
func serverUsage(pid int) (usage, error) {
	s, err := readStat(pid)
	if err != nil {
		return usage{}, err
	}
	total := s.waitedFor
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return usage{}, err
	}
	for _, dir := range entries {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return usage{}, err
		}
		// one that has just ended is no child any more
		if s, err := readStat(child); err == nil && s.parent == pid {
			total = total.plus(s.own)
		}
	}
	return total, nil
}

// stat is some of /proc/PID/stat (proc(5)): own counts all threads, waitedFor
// the children that have ended.
type stat struct {
	parent         int
	own, waitedFor usage
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

func parseStat(text string) (stat, error) {
	// The name of the program, in parentheses, may hold anything.
	_, rest, _ := strings.Cut(text[max(strings.LastIndexByte(text, ')'), 0):], " ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%q is no line of /proc/PID/stat", text)
	}
	var n [15]int
	for _, i := range []int{1, 11, 12, 13, 14} {
		var err error
		if n[i], err = strconv.Atoi(fields[i]); err != nil {
			return stat{}, err
		}
	}
	ticks := func(i int) time.Duration { return time.Duration(n[i]) * tick }
	return stat{n[1], usage{ticks(11), ticks(12)}, usage{ticks(13), ticks(14)}}, nil
}
