package tpch

import (
	"bytes"
	"strings"
	"testing"
)

// TestGenerate: rows have as many fields as their table has columns, there are
// as many as the scale wants, and they are the same each time.
func TestGenerate(t *testing.T) {
	const scale = 0.002
	rows := map[string]int{"region": 5, "nation": 25, "supplier": 20, "part": 400, "customer": 300, "orders": 3000}
	for _, table := range Tables {
		var first, second bytes.Buffer
		for _, to := range []*bytes.Buffer{&first, &second} {
			if err := New(scale, 1).Write(table.Name, to); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: two runs differ", table.Name)
		}
		lines := strings.Split(strings.TrimSuffix(first.String(), "\n"), "\n")
		if want := rows[table.Name]; want != 0 && len(lines) != want {
			t.Errorf("%s has %d rows, want %d", table.Name, len(lines), want)
		}
		columns := strings.Count(table.Columns, ",") + 1 - strings.Count(table.Columns, "(15,2)")
		for _, line := range lines {
			if got := strings.Count(line, "\t") + 1; got != columns {
				t.Fatalf("%s: %d fields, want %d: %s", table.Name, got, columns, line)
			}
		}
	}
}

// TestDays: the two days that values depend on are those of the specification.
func TestDays(t *testing.T) {
	if got := day(lastOrderDay); got != "1998-08-02" {
		t.Errorf("the last day of an order is %s", got)
	}
	if got := day(currentDay); got != "1995-06-17" {
		t.Errorf("the current day is %s", got)
	}
}
