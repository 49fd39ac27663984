// SPDX-License-Identifier: Apache-2.0
/**
 * Configuration files: text becomes the values of {@link dev.culvert.daemon.config}, or an error
 * that names file, line, key and reason.
 */
@NullMarked
package dev.culvert.daemon.config.read;

import org.jspecify.annotations.NullMarked;
