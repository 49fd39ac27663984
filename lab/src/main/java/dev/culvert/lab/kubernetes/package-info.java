// SPDX-License-Identifier: Apache-2.0
/**
 * The control plane of Kubernetes, for the lab and for integration tests: the real programs,
 * without kubelets.
 */
@NullMarked
package dev.culvert.lab.kubernetes;

import org.jspecify.annotations.NullMarked;
