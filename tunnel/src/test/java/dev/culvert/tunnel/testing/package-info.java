// SPDX-License-Identifier: Apache-2.0
/** What tests of every engine share: a network in virtual time, and the nodes on it. */
@NullMarked
package dev.culvert.tunnel.testing;

import org.jspecify.annotations.NullMarked;
