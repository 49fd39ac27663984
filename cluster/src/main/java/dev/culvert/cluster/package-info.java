// SPDX-License-Identifier: Apache-2.0
/** Discovery of a cluster's nodes through Kubernetes, and the rules by which a node is believed. */
@NullMarked
package dev.culvert.cluster;

import org.jspecify.annotations.NullMarked;
