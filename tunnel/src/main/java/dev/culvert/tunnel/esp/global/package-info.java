/**
 * Where the ESP engine's keys come from: the key file, the exchange of epochs under the global key,
 * its rotation, and manual SAs. Sans-I/O: no sockets, files, threads or clock. The design and its
 * security argument are in {@code docs/esp-keys.md}.
 */
@NullMarked
package dev.culvert.tunnel.esp.global;

import org.jspecify.annotations.NullMarked;
