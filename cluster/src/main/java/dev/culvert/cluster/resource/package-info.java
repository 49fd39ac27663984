// SPDX-License-Identifier: Apache-2.0
/** The objects of the Kubernetes API that Culvert reads and writes, in the part that it needs. */
@NullMarked
package dev.culvert.cluster.resource;

import org.jspecify.annotations.NullMarked;
