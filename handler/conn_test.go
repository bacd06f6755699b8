package handler

import "testing"

func TestMajorVersion(t *testing.T) {
	for version, want := range map[string]int{"15.4": 15, "16.1 (Debian 16.1-1)": 16, "17beta1": 17, "18devel": 18,
		"9.6.24": 9, "": 0, "unknown": 0, "99999999999999999999": 0, "14": 14} {
		if got := majorVersion(version); got != want {
			t.Errorf("%q: %d, want %d", version, got, want)
		}
	}
}
