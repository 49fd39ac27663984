// SPDX-License-Identifier: Apache-2.0
/**
 * The life of one gateway as its user sees it: start, reload, end, a network that changes under it,
 * hostile input, and places that allow little.
 */
@NullMarked
package dev.culvert.cli.gateway;

import org.jspecify.annotations.NullMarked;
