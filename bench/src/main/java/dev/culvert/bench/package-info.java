/** x */
@NullMarked
package dev.culvert.bench;

import org.jspecify.annotations.NullMarked;
