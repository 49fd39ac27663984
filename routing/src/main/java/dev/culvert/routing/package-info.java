// SPDX-License-Identifier: Apache-2.0
/**
 * The owners of addresses, the policy, and the classifier that decides on each packet. Pure values.
 */
@NullMarked
package dev.culvert.routing;

import org.jspecify.annotations.NullMarked;
