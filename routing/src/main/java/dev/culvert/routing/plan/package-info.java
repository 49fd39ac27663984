// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel state (rules, routes, guard) that steers and guards traffic as the policy asks. Pure
 * values.
 */
@NullMarked
package dev.culvert.routing.plan;

import org.jspecify.annotations.NullMarked;
