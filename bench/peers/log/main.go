// SPDX-License-Identifier: Apache-2.0

// Nothing by itself: go.mod pins Tessera, whose own programs tools/bench builds (its load generator, and its server for POSIX file systems).
package main

func main() {}
