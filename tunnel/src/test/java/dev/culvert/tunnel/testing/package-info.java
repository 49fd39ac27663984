// SPDX-License-Identifier: Apache-2.0
/** Shared by the tests of every engine: a network in virtual time, and the nodes on it. */
@NullMarked
package dev.culvert.tunnel.testing;

import org.jspecify.annotations.NullMarked;
