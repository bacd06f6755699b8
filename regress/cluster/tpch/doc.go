// Package tpch makes the data of a decision-support benchmark and asks its 22
// queries: the tables, distributions and questions of the TPC-H specification,
// by a generator of our own. It is not TPC-H, and figures got with it are not
// to be compared with published ones; what differs from the specification:
// words and names are other ones (those that the queries look for are there),
// some orders are larger, so that query 18 has an answer at small scales, and
// there are no refresh functions.
//
// The rows depend on scale and seed only, those of a table not on what else is
// made.
package tpch
