// SPDX-License-Identifier: Apache-2.0
/**
 * Following collections of the API: the objects that are believed, the next request, and the
 * threads that ask.
 */
@NullMarked
package dev.culvert.cluster.follow;

import org.jspecify.annotations.NullMarked;
