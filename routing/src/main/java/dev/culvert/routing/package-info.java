/** Who owns an address, what may leave in clear, what the kernel should hold. Pure values. */
@NullMarked
package dev.culvert.routing;

import org.jspecify.annotations.NullMarked;
