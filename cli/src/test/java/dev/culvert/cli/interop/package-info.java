// SPDX-License-Identifier: Apache-2.0
/**
 * The gateway against foreign implementations, the kernel and the tools that users drive it with:
 * real packets in network namespaces that each test makes and takes away.
 */
@NullMarked
package dev.culvert.cli.interop;

import org.jspecify.annotations.NullMarked;
