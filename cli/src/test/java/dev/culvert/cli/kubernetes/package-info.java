// SPDX-License-Identifier: Apache-2.0
/** Culvert in a cluster, against a real API server and etcd. */
@NullMarked
package dev.culvert.cli.kubernetes;

import org.jspecify.annotations.NullMarked;
