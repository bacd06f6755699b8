package option

// The limits of ClosestMatch as postgres_fdw uses it since PostgreSQL 16
// (varlena.c): at most four edits, at most half of the name wrong, and no
// distance computed for anything longer than MAX_LEVENSHTEIN_STRLEN.
const (
	maxDistance   = 4
	maxNameLength = 255
)

// closest returns the option of cat whose name is nearest to name, or "".
// takes says whether cat takes options at all.
func closest(name string, cat Catalog) (match string, takes bool) {
	best := maxDistance + 1
	for i := range table {
		s := &table[i]
		if !s.in(cat) || s.Effect == Refused {
			continue
		}
		takes = true
		if len(name) > maxNameLength {
			continue
		}
		d := levenshtein(name, s.Name)
		if d <= len(name)/2 && d < best {
			match, best = s.Name, d
		}
	}
	return match, takes
}

// levenshtein counts the insertions, deletions and replacements of characters
// that turn a into b.
func levenshtein(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, cx := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, cy := range y {
			cost := 1
			if cx == cy {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
