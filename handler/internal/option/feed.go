package option

import (
	"fmt"
	"slices"
	"strings"

	"pgwire_fdw/handler/internal/sqlstate"
)

// feedColumns are the values that the option feed of a column takes: what of a
// change the column shows.
var feedColumns = []string{"op", "lsn", "commit_time", "xid", "seq", "relation", "old", "unchanged", "old_row", "new_row", "prefix", "content"}

func quotedList(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// notOfFeeds are options of a table that say how its rows are fetched or
// changed, which the changes of a feed never are.
var notOfFeeds = []string{"use_remote_estimate", "updatable", "truncatable", "batch_size", "async_capable", "fetch_size",
	"fetch_statistics", "analyze_sampling"}

// checkFeed looks at the options of a table or a column that have to do with
// feeds: at a value of feed, and at what goes with it.
func checkFeed(cat Catalog, o map[string]string) *Error {
	feed, set := o["feed"]
	switch {
	case cat == Column && set:
		return checkFeedColumn(feed, o)
	case cat == Table && set:
		return checkFeedTable(feed, o)
	case cat == Table:
		for _, name := range []string{"feed_wait", "feed_max_bytes", "feed_lock"} {
			if _, alone := o[name]; alone {
				return &Error{SQLState: sqlstate.InvalidParameterValue,
					Message: fmt.Sprintf("option \"%s\" needs option \"feed\"", name),
					Hint:    "Name the feed that the table shows, as pgwire_fdw_feed_create has made it."}
			}
		}
	}
	return nil
}

func checkFeedColumn(what string, o map[string]string) *Error {
	_, named := o["column_name"]
	switch {
	case !slices.Contains(feedColumns, what):
		return &Error{SQLState: sqlstate.InvalidParameterValue,
			Message: fmt.Sprintf("invalid value for string option \"feed\": %s", what),
			Hint:    "A column of a feed shows one of: " + strings.Join(feedColumns, ", ") + "."}
	case named && what != "old":
		return &Error{SQLState: sqlstate.InvalidParameterValue,
			Message: fmt.Sprintf("option \"column_name\" does not go with \"feed\" \"%s\"", what),
			Hint:    "Only \"old\" is about a column of the remote table."}
	}
	return nil
}

func checkFeedTable(feed string, o map[string]string) *Error {
	if feed == "" {
		return &Error{SQLState: sqlstate.InvalidParameterValue, Message: "option \"feed\" is empty",
			Hint: "Name the feed that the table shows, as pgwire_fdw_feed_create has made it."}
	}
	for _, name := range notOfFeeds {
		if _, there := o[name]; there {
			return &Error{SQLState: sqlstate.InvalidParameterValue,
				Message: fmt.Sprintf("option \"%s\" does not go with option \"feed\"", name),
				Hint:    "The changes of a feed are neither sampled nor changed, and come as one stream."}
		}
	}
	if _, schema := o["schema_name"]; schema {
		if _, table := o["table_name"]; !table {
			return &Error{SQLState: sqlstate.InvalidParameterValue,
				Message: "option \"schema_name\" of a feed needs option \"table_name\"",
				Hint:    "Without both the table shows the changes of all tables of the feed's publications."}
		}
	}
	return nil
}

// Feed is what the options of a server and of a feed table say about reading it.
type Feed struct {
	// Slot is the feed's, and the slot's, name; empty: it is no feed table.
	Slot string
	// SchemaName and TableName of the remote table; empty: not given.
	SchemaName, TableName string
	// FetchMemory is how many bytes of changes set aside are kept in memory.
	FetchMemory int64
	// MaxBytes of messages end a pass behind the next transaction; 0: no such limit.
	MaxBytes int64
	// Wait for a first change, in milliseconds.
	Wait int
}

// ParseFeed reads the options of a server and of a feed table; the table's go before the server's. Values that are not
// well formed count as not set (see ParseConnection).
func ParseFeed(server, table []Pair) Feed {
	v := values{pairs: slices.Concat(server, table)}
	return Feed{
		Slot:        v.text("feed"),
		SchemaName:  v.text("schema_name"),
		TableName:   v.text("table_name"),
		FetchMemory: v.bytes("fetch_memory"),
		MaxBytes:    v.bytes("feed_max_bytes"),
		Wait:        v.int("feed_wait"),
	}
}

// FeedColumn is the option feed of a column; empty: it has none.
func FeedColumn(column []Pair) string { return values{pairs: column}.text("feed") }
