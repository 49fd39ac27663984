// SPDX-License-Identifier: Apache-2.0
/** Access to the Kubernetes API: requests and their answers, without decisions. */
@NullMarked
package dev.culvert.cluster.kube;

import org.jspecify.annotations.NullMarked;
