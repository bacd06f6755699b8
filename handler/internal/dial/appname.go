package dial

import (
	"strconv"
	"strings"
)

// Identity is who the local backend is, for the escapes of application_name. C fills it; strings are in the
// database's encoding.
type Identity struct {
	ApplicationName string // %a: application_name of the local session
	SessionID       string // %c: start time and pid in hex, as log_line_prefix's %c
	ClusterName     string // %C: cluster_name
	Database        string // %d
	PID             int    // %p
	User            string // %u: session user name
}

// ExpandApplicationName replaces the escapes of postgres_fdw 15 and later in s: %a application name, %c session id, %C
// cluster name, %d database, %p process id, %u user, %% a percent sign. An unknown escape and a lone % at the
// end vanish, as there. Padding (%-10u) is not a feature of it: the digits are an unknown escape's rest and stay.
func ExpandApplicationName(s string, id Identity) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		switch s[i] {
		case 'a':
			b.WriteString(id.ApplicationName)
		case 'c':
			b.WriteString(id.SessionID)
		case 'C':
			b.WriteString(id.ClusterName)
		case 'd':
			b.WriteString(id.Database)
		case 'p':
			b.WriteString(strconv.Itoa(id.PID))
		case 'u':
			b.WriteString(id.User)
		case '%':
			b.WriteByte('%')
		}
	}
	return b.String()
}
