// SPDX-License-Identifier: Apache-2.0
/**
 * ESP keyed by one global key of all nodes: the key file, the exchange of epochs under the key, and
 * its rotation. Sans-I/O: no sockets, files, threads or clock. The design and its security argument
 * are in {@code docs/esp-keys.md}.
 */
@NullMarked
package dev.culvert.tunnel.esp.global;

import org.jspecify.annotations.NullMarked;
