/**
 * Configuration files: text becomes immutable typed values, or an error that names file, line, key
 * and reason.
 */
@NullMarked
package dev.culvert.cli.config;

import org.jspecify.annotations.NullMarked;
