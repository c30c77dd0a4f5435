//! Every finding that burgee knows.
