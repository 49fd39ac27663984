// SPDX-License-Identifier: Apache-2.0
/** Commands about a cluster of Kubernetes. */
@NullMarked
package dev.culvert.cli.command.kubernetes;

import org.jspecify.annotations.NullMarked;
