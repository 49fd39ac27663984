// SPDX-License-Identifier: Apache-2.0
/**
 * The page of a gateway for people: plain HTML that is made here, and a script that refreshes it.
 */
@NullMarked
package dev.culvert.daemon.page;

import org.jspecify.annotations.NullMarked;
