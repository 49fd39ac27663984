/**
 * Configuration files: text becomes immutable typed values, or an error that names file, line, key
 * and reason.
 */
@NullMarked
package dev.culvert.daemon.config;

import org.jspecify.annotations.NullMarked;
