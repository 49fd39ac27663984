// SPDX-License-Identifier: Apache-2.0
/**
 * Pairs, clusters and laboratories of network namespaces with the programs in them, shared by the
 * integration tests.
 */
@NullMarked
package dev.culvert.cli.kit;

import org.jspecify.annotations.NullMarked;
