/**
 * What {@code culvert up} runs: the device, its addresses and routes, and the guard that outlives
 * it.
 */
@NullMarked
package dev.culvert.daemon;

import org.jspecify.annotations.NullMarked;
